import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { decideBatch } from '../../engine/decisions.js';
import { createPolicy } from '../../engine/policies.js';
import { sql } from '../../store/sql.js';
import {
  brief,
  call,
  fieldOf,
  given,
  openTeamStage,
  result,
  results,
  spawn,
  teamOf,
  workspaceOf,
} from '../agents/script.js';
import { type Desk, deskOf, outcomesIn } from '../e2e/deciding.js';
import { barrier, type Stage } from '../e2e/stage.js';
import type { ScriptInput, ScriptTurn } from '../stand-ins/anthropic-script.js';
import { type Crontab, crontabOf } from './cron.js';
import { openStudio } from './studio.js';

interface Channel {
  readonly channel: string;
  readonly videos: readonly string[];
}

const ORDER = 'make the videos of today';
const TODAY: readonly Channel[] = [
  { channel: 'stellar truths', videos: ['water on mars', 'rings of saturn'] },
  { channel: 'deep sea', videos: ['giant squid'] },
];

const studio = openStudio();
let stage: Stage;
let desk: Desk;
let crontab: Crontab;
beforeAll(async () => {
  stage = await openTeamStage({
    moreSkills: studio.skills,
    file: { limits: { subagents: 4 } },
    effectTimes: { retryMs: 50, probeDelaysMs: [50, 100, 200] },
  });
  desk = deskOf(stage);
  crontab = crontabOf(stage);
});
beforeEach(() => studio.clear());
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

const videosOf = (channels: readonly Channel[]) =>
  channels.flatMap(({ channel, videos }) => videos.map((video) => ({ channel, video })));

/** Every writer waits for all the others, so that none is done before each has begun. */
function engageTeam(writers: number): void {
  const atWork = barrier(writers);
  stage.outside('writers meet', async () => {
    await atWork();
    return 'all are writing';
  });
  stage.script('script agent:', [
    call('probe', { name: 'writers meet' }),
    (input) =>
      call('file_write', {
        path: `scripts/${given(input, 'video')}.md`,
        text: `about ${given(input, 'video')} for ${given(input, 'channel')}`,
      }),
    (input) => ({
      text: brief(`script: ${result<{ path: string }>(input).path}`, { channel: given(input, 'channel') }),
    }),
  ]);
  stage.script('render agent:', [
    (input) => call('video_render', { script: given(input, 'script') }),
    (input) => ({
      text: brief(`file: ${result<{ file: string }>(input).file}`, { channel: given(input, 'channel') }),
    }),
  ]);
}

const answers = (input: ScriptInput) => results<{ text: string }>(input).map(({ text }) => text);

const readChannels = call('file_read', { path: 'channels.json' });
const writeAll = (input: ScriptInput): ScriptTurn =>
  spawn(
    ...videosOf(JSON.parse(result<{ text: string }>(input).text) as Channel[]).map(({ channel, video }) => ({
      label: `script for ${video}`,
      task: brief('script agent:', { video, channel }),
      skills: ['file_write', 'probe'],
    })),
  );
const renderAll = (input: ScriptInput): ScriptTurn =>
  spawn(
    ...answers(input).map((text) => ({
      label: `rendering of ${fieldOf(text, 'script')}`,
      task: brief('render agent:', { script: fieldOf(text, 'script'), channel: fieldOf(text, 'channel') }),
      skills: ['video_render'],
    })),
  );
const uploadAll = (input: ScriptInput): ScriptTurn => ({
  calls: answers(input).map((text) => ({
    name: 'video_upload',
    input: { channel: fieldOf(text, 'channel'), file: fieldOf(text, 'file') },
  })),
});
const ask: ScriptTurn = { text: 'They wait for your word.' };
/** Says what has become of every upload; throws where one is not over. */
const notify = (input: ScriptInput): ScriptTurn => {
  const told = outcomesIn(stage.model.calls[input.index]).map(({ title, status, error }) => {
    if (status !== 'done' && status !== 'failed') throw new Error(`${String(title)} is not over`);
    return status === 'done' ? `done: ${String(title)}` : `failed: ${String(title)}: ${String(error)}`;
  });
  return call('send_message', { target: 'me', text: told.toSorted().join('\n') });
};
const rest: ScriptTurn = { text: 'That is all.' };

/** Lets it be six, and returns the request that comes of it. */
async function atSix(channels: readonly Channel[], turns: Parameters<Stage['script']>[1]): Promise<string> {
  engageTeam(videosOf(channels).length);
  stage.script(ORDER, turns);
  workspaceOf(stage).put('channels.json', JSON.stringify(channels));
  const job = await crontab.add(ORDER);
  await crontab.strike(job);
  const [request = ''] = await crontab.requestsOf(job);
  return request;
}

/** What the user was told of one request while it went on. */
function notificationsOf(request: string): Promise<{ text: string }[]> {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, (tx) =>
    tx.rows<{ text: string }>(sql`
      select text from messages where request_id = ${request} and role = 'assistant' and text like '%Upload %'`),
  );
}

async function approveAll(request: string): Promise<void> {
  await stage.world.until(request, ({ status }) => status === 'waiting_approval', 45_000);
  expect(studio.uploaded).toEqual([]);
  const items = (await desk.pending(request)).map(({ id, payloadHash }) => ({
    id,
    payloadHash,
    decision: 'approve' as const,
  }));
  await decideBatch(stage.world.serving.installation.engine, stage.world.owner, { items });
}

const filesOf = (channels: readonly Channel[]) =>
  videosOf(channels)
    .map(({ video }) => `scripts/${video}.mp4`)
    .toSorted();

test('at six the list of channels becomes scripts side by side, renderings and uploads one after another, and one message [S4-36] [S4-37]', async () => {
  const request = await atSix(TODAY, [readChannels, writeAll, renderAll, uploadAll, ask, notify, rest]);
  await approveAll(request);
  const ended = await stage.world.ended(request, 45_000);
  expect(ended).toMatchObject({ origin: 'trigger', status: 'completed', result: { text: 'That is all.' } });
  expect((await teamOf(stage, request)).map(({ label }) => label.split(' ')[0])).toEqual([
    ...Array(3).fill('script'),
    ...Array(3).fill('rendering'),
  ]);
  expect(workspaceOf(stage).read('scripts/giant squid.md')).toBe('about giant squid for deep sea');
  expect(studio.rendered.toSorted()).toEqual(
    videosOf(TODAY)
      .map(({ video }) => `scripts/${video}.md`)
      .toSorted(),
  );
  expect(studio.mostAtOnce).toBe(1);
  expect(studio.uploaded.toSorted()).toEqual(filesOf(TODAY));
  expect(studio.early).toEqual([]);
  expect(await desk.effects(request)).toMatchObject(Array(3).fill({ status: 'done', attempts: 1 }));
  expect(await notificationsOf(request)).toEqual([
    {
      text: filesOf(TODAY)
        .map((file) => `done: Upload ${file}`)
        .join('\n'),
    },
  ]);
});

test('what the user has allowed beforehand is uploaded without asking, and another list makes other videos [S4-37]', async () => {
  const tomorrow: readonly Channel[] = [{ channel: 'night sky', videos: ['comet tails', 'moon dust'] }];
  const { engine } = stage.world.serving.installation;
  await createPolicy(engine, stage.world.owner, { skill: 'video_upload', recipient: 'night sky' });
  const request = await atSix(tomorrow, [readChannels, writeAll, renderAll, uploadAll, notify, rest]);
  expect(await stage.world.ended(request, 45_000)).toMatchObject({ status: 'completed' });
  expect(await desk.pending(request)).toEqual([]);
  expect(studio.uploaded.toSorted()).toEqual(filesOf(tomorrow));
  expect(studio.mostAtOnce).toBe(1);
  expect(studio.early).toEqual([]);
  expect(await notificationsOf(request)).toHaveLength(1);
});

test('an upload that fails for good stops none of the others and is named in the message', async () => {
  studio.reject('scripts/rings of saturn.mp4');
  const request = await atSix(TODAY, [readChannels, writeAll, renderAll, uploadAll, ask, notify, rest]);
  await approveAll(request);
  expect(await stage.world.ended(request, 45_000)).toMatchObject({ status: 'completed' });
  expect(studio.uploaded.toSorted()).toEqual(['scripts/giant squid.mp4', 'scripts/water on mars.mp4']);
  expect(await notificationsOf(request)).toEqual([
    {
      text: [
        'done: Upload scripts/giant squid.mp4',
        'done: Upload scripts/water on mars.mp4',
        'failed: Upload scripts/rings of saturn.mp4: The service does not take this video.',
      ].join('\n'),
    },
  ]);
});
