import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { viewConversation } from '../../engine/conversations.js';
import { sql } from '../../store/sql.js';
import { answerOf, brief, call, given, result, spawn, teamOf } from '../agents/script.js';
import { barrier, openStage, type Scripts, type Stage, type StageOptions } from '../e2e/stage.js';
import { startAnthropicStandIn } from '../stand-ins/anthropic.js';
import type { ScriptInput } from '../stand-ins/anthropic-script.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';
import { crontabOf } from './cron.js';

const ORDER = brief('compile the morning briefing', { day: '2027-03-08', news: 'whales' });
const ENDED_MS = 45_000;
/** Two installations, one after the other. */
const WHOLE_MS = 120_000;
const MEET = 'researchers meet';
const TOPICS = ['calendar', 'news', 'mail'] as const;
const SOURCES = { calendar: 'calendar_list_events', news: 'web_search', mail: 'email_search' } as const;

/** One that looks something up and adds what it says to the space all share. */
function engageResearcher(
  stage: Stage,
  topic: (typeof TOPICS)[number],
  ask: (input: ScriptInput) => unknown,
  read: (input: ScriptInput) => string[],
): void {
  stage.script(`${topic} agent:`, [
    call('probe', { name: MEET }),
    (input) => call(SOURCES[topic], ask(input)),
    (input) =>
      call('space_put', {
        space: given(input, 'space'),
        payload: { text: read(input).join('; ') || 'nothing' },
        metadata: { topic },
        comment: `what is known of ${topic}`,
      }),
    { text: 'it is in the space' },
  ]);
}

/** The space that the leader has made. */
function spaceOf({ text }: ScriptInput): string {
  const [, id] = /"id":"(spc_\w+)","name":"briefing"/.exec(text) ?? [];
  if (id === undefined) throw new Error('no space was made');
  return id;
}

/** Three that look around, one that compiles what they have found, and one that leads them. */
function engage(stage: Stage): void {
  engageResearcher(
    stage,
    'calendar',
    (input) => ({ from: given(input, 'day'), to: given(input, 'day') }),
    (input) => result<{ events: { title: string }[] }>(input).events.map(({ title }) => title),
  );
  engageResearcher(
    stage,
    'news',
    (input) => ({ query: given(input, 'news') }),
    (input) => result<{ results: { text: string }[] }>(input).results.map(({ text }) => text),
  );
  engageResearcher(
    stage,
    'mail',
    () => ({}),
    (input) => result<{ mails: { subject: string }[] }>(input).mails.map(({ subject }) => subject),
  );
  stage.script('synthesis agent:', [
    (input) => call('space_search', { space: given(input, 'space') }),
    (input) => ({
      text: result<{ items: { atom: { payload: { text: string }; metadata: { topic: string } } }[] }>(input)
        .items.map(({ atom }) => `${atom.metadata.topic}: ${atom.payload.text}`)
        .toSorted()
        .join('\n'),
    }),
  ]);
  stage.script('compile the morning briefing', [
    call('space_create', { name: 'briefing' }),
    (input) =>
      spawn(
        ...TOPICS.map((topic) => ({
          label: topic,
          task: brief(`${topic} agent:`, {
            day: given(input, 'day'),
            news: given(input, 'news'),
            space: spaceOf(input),
          }),
          skills: [SOURCES[topic], 'space_put', 'probe'],
          spaces: { [spaceOf(input)]: 'append' as const },
        })),
      ),
    (input) =>
      spawn({
        label: 'synthesis',
        task: brief('synthesis agent:', { space: spaceOf(input) }),
        skills: ['space_search'],
        spaces: { [spaceOf(input)]: 'read' },
      }),
    (input) => ({ text: answerOf(input, 'synthesis') }),
  ]);
}

/** What came in over night. */
async function fill(
  stage: Stage,
  web: WebStandIn,
  found: { event: string; news: string; mail: string },
): Promise<void> {
  const times = { start: '2027-03-08T09:00:00+01:00', end: '2027-03-08T10:00:00+01:00', timeZone: 'Europe/Berlin' };
  await stage.finish([call('calendar_create_event', { title: found.event, ...times }), { text: 'noted' }], {
    text: `${found.event} from ${times.start} to ${times.end} in ${times.timeZone}`,
  });
  web.index({ title: 'whales', url: 'https://news.example/', content: found.news });
  const inbox = path.join(stage.world.home, 'local', stage.world.owner, 'mail', 'inbox');
  mkdirSync(inbox, { recursive: true });
  writeFileSync(
    path.join(inbox, `${found.mail}.eml`),
    ['From: dana@example.com', `Subject: ${found.mail}`, '', 'see above'].join('\r\n'),
  );
}

/** What is read when the conversation of a request is opened. */
async function opened(stage: Stage, request: string): Promise<unknown[]> {
  const { engine } = stage.world.serving.installation;
  const { conversation } = await stage.world.view(request);
  const { requests } = await viewConversation(engine, stage.world.owner, conversation, { limit: 10 });
  return requests.map(({ text, result: found }) => ({ asked: text, found: found?.text }));
}

/** What stands in the space of the briefing. */
function findings(stage: Stage): Promise<{ topic: string }[]> {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, (tx) =>
    tx.rows<{ topic: string }>(sql`
      select a.metadata->>'topic' as topic from atoms a join spaces s on s.id = a.space_id where s.name = 'briefing' order by topic`),
  );
}

describe('a briefing at six', () => {
  let web: WebStandIn;
  let options: StageOptions;
  let stage: Stage;
  beforeAll(async () => {
    web = await startWebStandIn();
    const model = await startAnthropicStandIn();
    const scripts: Scripts = new Map();
    options = { scripts, model, file: { web: { searchUrl: web.url } } };
    stage = await openStage(options);
    engage(stage);
  });
  afterEach(() => {
    stage.assertClean();
    web.assertClean();
  });
  afterAll(async () => {
    await stage.close();
    await web.close();
  });

  test('is put together by agents side by side, and waits in its conversation [S3-41] [S3-03]', async () => {
    await fill(stage, web, { event: 'dentist', news: 'whales sing', mail: 'rent' });
    stage.outside(MEET, async () => {
      await atOnce();
      return 'all are there';
    });
    const atOnce = barrier(3);
    const crontab = crontabOf(stage);
    const job = await crontab.add(ORDER);
    await crontab.strike(job);
    const [request = ''] = await crontab.requestsOf(job);
    const ended = await stage.world.ended(request, ENDED_MS);
    const briefing = 'calendar: dentist\nmail: rent\nnews: whales sing';
    expect(ended).toMatchObject({ origin: 'trigger', status: 'completed', result: { text: briefing } });
    expect(await opened(stage, request)).toEqual([{ asked: ORDER, found: briefing }]);
    const team = await teamOf(stage, request);
    expect(team.map(({ label, outcome }) => `${label} ${outcome}`)).toEqual([
      'calendar completed',
      'news completed',
      'mail completed',
      'synthesis completed',
    ]);
    // Nobody has more than its part needs.
    expect(team.map(({ skills, spaces }) => [skills, Object.values(spaces)])).toEqual([
      [['calendar_list_events', 'probe', 'space_put'], ['append']],
      [['probe', 'space_put', 'web_search'], ['append']],
      [['email_search', 'probe', 'space_put'], ['append']],
      [['space_search'], ['read']],
    ]);
  });
});

describe('a briefing at six with a restart in the night', () => {
  test(
    'is there once and complete [S3-03] [S3-41]',
    async () => {
      const web = await startWebStandIn();
      const model = await startAnthropicStandIn();
      const shared: StageOptions = { scripts: new Map(), model, file: { web: { searchUrl: web.url } } };
      const first = await openStage(shared);
      engage(first);
      await fill(first, web, { event: 'sauna', news: 'whales dive', mail: 'invoice' });
      let begun = 0;
      first.outside(MEET, async () => {
        begun += 1;
        if (begun === 3) await new Promise(() => undefined);
        return 'there';
      });
      const job = await crontabOf(first).add(ORDER);
      await crontabOf(first).strike(job);
      const [request = ''] = await crontabOf(first).requestsOf(job);
      // Two have written, the third is in the middle of it.
      await vi.waitFor(async () => expect(await findings(first)).toHaveLength(2), ENDED_MS);
      await first.close({ keepHome: true });

      const second = await openStage({ ...shared, home: first.world.home, taskQueue: first.world.taskQueue });
      try {
        second.outside(MEET, async () => 'there again');
        const ended = await second.world.ended(request, ENDED_MS);
        const briefing = 'calendar: sauna\nmail: invoice\nnews: whales dive';
        expect(ended).toMatchObject({ status: 'completed', result: { text: briefing } });
        expect(await opened(second, request)).toEqual([{ asked: ORDER, found: briefing }]);
        expect((await findings(second)).map(({ topic }) => topic)).toEqual(['calendar', 'mail', 'news']);
        expect(await teamOf(second, request)).toHaveLength(4);
        expect(await crontabOf(second).occasions(job)).toEqual([{ source: job, request, outcome: 'fired' }]);
        second.assertClean();
        web.assertClean();
      } finally {
        await second.close();
        await web.close();
      }
    },
    WHOLE_MS,
  );
});
