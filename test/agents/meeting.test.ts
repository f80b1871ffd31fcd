import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { putMail } from '../e2e/plots.js';
import { barrier } from '../e2e/stage.js';
import type { ScriptInput, TurnSource } from '../stand-ins/anthropic-script.js';
import {
  answerOf,
  brief,
  call,
  given,
  memberOf,
  openWebStage,
  result,
  spawn,
  teamOf,
  workspaceOf,
  type WebStage,
} from './script.js';

const TOMORROW = { timeZone: 'Europe/Berlin', occurredAt: '2027-03-01T09:00:00+01:00' };
const MEMORY = /Personal memory \(id (spc_\w+)\)/;
const DANA = {
  title: 'Dana Reyes',
  url: 'https://people.example/reyes',
  content: 'Dana Reyes leads purchasing at Lotus',
};
const FIELDS = ['legal', 'financial', 'technical'] as const;

let stage: WebStage;
beforeAll(async () => {
  stage = await openWebStage([DANA], { file: { limits: { subagents: 4 } } });
  await remember('At the last meeting Lotus asked for a discount');
  putMail(stage, 'offer', 'Lotus offer', 'We expect the new price list.');
  const meetAll: TurnSource = call('probe', { name: 'all at work' });
  stage.script('background:', [
    meetAll,
    (input) => call('web_search', { query: given(input, 'person') }),
    (input) => ({ text: result<{ results: { text: string }[] }>(input).results[0]?.text ?? 'nobody knows them' }),
  ]);
  stage.script('conflicts:', [
    meetAll,
    (input) => call('calendar_list_events', { from: given(input, 'day'), to: given(input, 'day') }),
    (input) => ({
      text:
        result<{ events: { title: string }[] }>(input)
          .events.map(({ title }) => title)
          .join(', ') || 'none',
    }),
  ]);
  stage.script('threads:', [
    meetAll,
    (input) => call('email_search', { words: given(input, 'topic') }),
    (input) => ({
      text: result<{ mails: { snippet: string }[] }>(input)
        .mails.map(({ snippet }) => snippet)
        .toSorted()
        .join(' / '),
    }),
  ]);
  stage.script('earlier notes:', [
    meetAll,
    (input) => call('search_memory', { query: given(input, 'topic') }),
    (input) => ({ text: result<{ memories: { text: string }[] }>(input).memories[0]?.text ?? 'none' }),
  ]);
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

function remember(text: string): Promise<unknown> {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, async (tx) => {
    const spaces = spaceAccess(tx, userActor(stage.world.owner));
    const memory = await spaces.ofRole('memory');
    return spaces.put(memory.id, { payload: { text }, metadata: { kind: 'fact' }, comment: 'Remembered' });
  });
}

const memoryOf = (input: ScriptInput): string => MEMORY.exec(input.system)?.[1] ?? '';

/** Four agents look at once, and one document comes of it. */
async function prepare() {
  stage.outside('all at work', rendezvous(4));
  const day = '2027-03-02';
  const topic = 'Lotus';
  const view = await stage.finish(
    [
      (input) => ({
        ...spawn(
          {
            label: 'background',
            task: brief('background:', { person: 'Dana Reyes' }),
            skills: ['web_search', 'probe'],
          },
          { label: 'conflicts', task: brief('conflicts:', { day }), skills: ['calendar_list_events', 'probe'] },
          { label: 'threads', task: brief('threads:', { topic }), skills: ['email_search', 'probe'] },
          {
            label: 'notes',
            task: brief('earlier notes:', { topic }),
            skills: ['search_memory', 'probe'],
            spaces: { [memoryOf(input)]: 'read' },
          },
        ),
        derived: [day],
      }),
      (input) =>
        call('file_write', {
          path: 'briefing.md',
          text: ['background', 'conflicts', 'threads', 'notes']
            .map((part) => `${part}: ${answerOf(input, part)}`)
            .join('\n'),
        }),
      (input) => ({ text: `The briefing is in ${result<{ path: string }>(input).path}.` }),
    ],
    { text: "Prepare for tomorrow's meeting with Dana Reyes of Lotus", ...TOMORROW },
  );
  return { view, briefing: workspaceOf(stage).read('briefing.md').split('\n') };
}

/** Whoever calls waits for the others; with fewer at work at the same time the call times out. */
function rendezvous(count: number) {
  const met = barrier(count);
  return async () => {
    await met();
    return 'all are there';
  };
}

test('four agents gather at the same time, and one briefing comes of it [S1-07] [S1-14]', async () => {
  const { view, briefing } = await prepare();
  expect(view).toMatchObject({ status: 'completed', result: { text: 'The briefing is in briefing.md.' } });
  expect(briefing).toEqual([
    'background: Dana Reyes leads purchasing at Lotus',
    'conflicts: none',
    'threads: We expect the new price list.',
    'notes: At the last meeting Lotus asked for a discount',
  ]);
  const probes = (await stage.callsOf(view.id)).filter(({ skill }) => skill === 'probe');
  expect(probes.map(({ status }) => status)).toEqual(['done', 'done', 'done', 'done']);
  const team = await teamOf(stage, view.id);
  // Each has what its part needs, and the memory is read by the one that was given it.
  expect(team.map(({ label, skills, spaces }) => [label, skills, Object.values(spaces)])).toEqual([
    ['background', ['probe', 'web_search'], []],
    ['conflicts', ['calendar_list_events', 'probe'], []],
    ['threads', ['email_search', 'probe'], []],
    ['notes', ['probe', 'search_memory'], ['read']],
  ]);
});

test('what one of them finds anew stands in the next briefing', async () => {
  putMail(stage, 'agenda', 'Agenda', 'Lotus wants to begin at ten.');
  const event = { title: 'Dentist', start: '2027-03-02T10:00:00+01:00', end: '2027-03-02T11:00:00+01:00' };
  await stage.finish([call('calendar_create_event', { ...event, timeZone: 'Europe/Berlin' }), { text: 'noted' }], {
    text: `Dentist from ${event.start} to ${event.end} in Europe/Berlin`,
  });
  const { briefing } = await prepare();
  expect(briefing).toEqual([
    'background: Dana Reyes leads purchasing at Lotus',
    'conflicts: Dentist',
    'threads: Lotus wants to begin at ten. / We expect the new price list.',
    'notes: At the last meeting Lotus asked for a discount',
  ]);
});

test.each([
  { objection: 'none', verdict: 'go ahead' },
  { objection: 'the licence forbids it', verdict: 'do not' },
])('three fields of knowledge give one attributed answer: $verdict [S1-24]', async ({ objection, verdict }) => {
  stage.outside('three at work', rendezvous(3));
  for (const field of FIELDS)
    stage.script(`As the ${field} specialist`, [
      call('probe', { name: 'three at work' }),
      (input) => ({ text: `${field}: ${given(input, 'facts')}` }),
    ]);
  const facts = { legal: objection, financial: 'it pays off in a year', technical: 'it takes a month' };
  const view = await stage.finish(
    [
      (input) =>
        spawn(
          ...FIELDS.map((field) => ({
            label: field,
            task: brief(`As the ${field} specialist`, { facts: given(input, field) }),
            skills: ['probe'],
          })),
        ),
      (input) => ({
        text: [
          ...FIELDS.map((field) => `${field} says ${answerOf(input, field)}`),
          answerOf(input, 'legal').endsWith('none') ? 'go ahead' : 'do not',
        ].join('; '),
      }),
    ],
    { text: brief('May we build on this library?', facts) },
  );
  expect(view.result?.text).toBe(
    `legal says legal: ${objection}; financial says financial: it pays off in a year; technical says technical: it takes a month; ${verdict}`,
  );
  const team = await teamOf(stage, view.id);
  expect(memberOf(team, 'legal').task).not.toContain('pays off');
});
