import { Temporal } from 'temporal-polyfill';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { deskOf } from '../e2e/deciding.js';
import type { ScriptInput, ScriptTurn } from '../stand-ins/anthropic-script.js';
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

const WEEK = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const MONDAY = { timeZone: 'Europe/Berlin', occurredAt: '2027-03-01T09:00:00+01:00' };
const hit = { title: 'When to launch on Product Hunt', url: 'https://launch.example/best', content: '' };

let stage: WebStage;
beforeAll(async () => {
  stage = await openWebStage([hit]);
  stage.script('calendar agent: find a slot', [
    (input) => lookFor(given(input, 'from'), given(input, 'to')),
    (input) => schedule(input),
    (input) => ({ text: `scheduled: ${result<{ start: string }>(input).start}` }),
  ]);
  stage.script('research agent: the best time', [
    (input) => call('web_search', { query: given(input, 'about') }),
    (input) => ({ text: result<{ results: { text: string }[] }>(input).results[0]?.text ?? 'nothing found' }),
  ]);
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

const lookFor = (from: string, to: string, clock = { earliest: '00:00', latest: '24:00' }): ScriptTurn => ({
  ...call('calendar_find_free', { from, to, durationMinutes: 30, ...clock }),
  derived: [from, to],
});

/** The first free moment that the constraint in the task allows, such as `Tuesday to Thursday at 12:01 AM Pacific`. */
function schedule(input: ScriptInput): ScriptTurn {
  const [, first = '', last = ''] = /(\w+) to (\w+) at 12:01 AM Pacific/.exec(given(input, 'constraint')) ?? [];
  const { slots } = result<{ slots: { start: string; end: string }[] }>(input);
  const day = Temporal.PlainDate.from(given(input, 'from'));
  const moments = Array.from({ length: 14 }, (_, offset) => day.add({ days: offset }))
    .filter(({ dayOfWeek }) => dayOfWeek >= WEEK.indexOf(first) + 1 && dayOfWeek <= WEEK.indexOf(last) + 1)
    .map((date) => date.toZonedDateTime({ timeZone: 'America/Los_Angeles', plainTime: '00:01' }));
  const free = moments.find((start) =>
    slots.some(
      (slot) =>
        Date.parse(slot.start) <= start.epochMilliseconds &&
        start.add({ minutes: 30 }).epochMilliseconds <= Date.parse(slot.end),
    ),
  );
  if (free === undefined) return { text: 'no free slot fits' };
  const [start, end] = [free, free.add({ minutes: 30 })].map((time) => time.toString({ timeZoneName: 'never' }));
  return {
    ...call('calendar_create_event', { title: given(input, 'title'), start, end, timeZone: 'America/Los_Angeles' }),
    derived: [start ?? '', end ?? '', 'America/Los_Angeles'],
  };
}

function research() {
  return stage.finish(
    [
      spawn({
        label: 'research',
        task: brief('research agent: the best time', { about: 'launch on Product Hunt' }),
        skills: ['web_search'],
      }),
      (input) => ({
        ...spawn({
          label: 'calendar',
          task: brief('calendar agent: find a slot', {
            constraint: answerOf(input, 'research'),
            from: '2027-03-01',
            to: '2027-03-14',
            title: 'Product Hunt post',
          }),
          skills: ['calendar_find_free', 'calendar_create_event'],
        }),
        derived: ['2027-03-01', '2027-03-14'],
      }),
      (input) => ({ text: `Your post is ${answerOf(input, 'calendar')}. ${answerOf(input, 'research')}` }),
    ],
    {
      text: 'Research the best time to launch a product on Product Hunt, then schedule my post accordingly',
      ...MONDAY,
    },
  );
}

test('what research finds is the constraint of the calendar, and a free slot that meets it is taken [S1-02]', async () => {
  hit.content = 'Tuesday to Thursday at 12:01 AM Pacific gets most upvotes';
  const busy = { title: 'Dentist', start: '2027-03-02T09:00:00+01:00', end: '2027-03-02T10:00:00+01:00' };
  await stage.finish([call('calendar_create_event', { ...busy, timeZone: 'Europe/Berlin' }), { text: 'noted' }], {
    text: `Dentist from ${busy.start} to ${busy.end} in Europe/Berlin`,
  });
  const view = await research();
  // Tuesday is taken, so it is Wednesday 00:01 in California.
  expect(view).toMatchObject({
    status: 'completed',
    result: {
      text: `Your post is scheduled: 2027-03-03T09:01:00+01:00. ${hit.content}`,
      outputs: [{ kind: 'event', title: 'Product Hunt post' }],
    },
  });
  const team = await teamOf(stage, view.id);
  expect(memberOf(team, 'calendar').task).toContain(`constraint: ${hit.content}`);
  expect(memberOf(team, 'research')).toMatchObject({ skills: ['web_search'], spaces: {} });
  expect(deskOf(stage).calendar()).toContain('DTSTART:20270303T080100Z');
});

test('another finding leads to another day', async () => {
  hit.content = 'Friday to Saturday at 12:01 AM Pacific gets most upvotes';
  const view = await research();
  expect(view.result?.text).toBe(`Your post is scheduled: 2027-03-05T09:01:00+01:00. ${hit.content}`);
  expect(deskOf(stage).calendar()).toContain('DTSTART:20270305T080100Z');
});

/** Two parts of one request, side by side. */
function landing(name: string, day: string) {
  stage.script('code agent: landing page', [
    (input) => call('file_write', { path: given(input, 'file'), text: `<h1>${given(input, 'product')}</h1>` }),
    (input) => ({ text: result<{ path: string }>(input).path }),
  ]);
  stage.script('calendar agent: propose', [
    (input) => lookFor(given(input, 'day'), given(input, 'day'), { earliest: '09:00', latest: '12:00' }),
    (input) => ({ text: result<{ slots: { start: string }[] }>(input).slots[0]?.start ?? 'no free slot' }),
  ]);
  return stage.finish(
    [
      (input) =>
        spawn(
          {
            label: 'code',
            task: brief('code agent: landing page', { product: given(input, 'product'), file: 'landing/index.html' }),
            skills: ['file_write'],
          },
          {
            label: 'calendar',
            task: brief('calendar agent: propose', { day: given(input, 'day') }),
            skills: ['calendar_find_free'],
          },
        ),
      (input) => ({
        text: `The page is ${answerOf(input, 'code')}; the announcement can go out at ${answerOf(input, 'calendar')}.`,
      }),
    ],
    {
      text: brief('Build me a landing page for my new SaaS product and schedule a launch announcement', {
        product: name,
        day,
      }),
      ...MONDAY,
    },
  );
}

test('two tasks in one request go to two specialists and come back as one answer [S1-01] [S1-11]', async () => {
  const view = await landing('Fernweh', '2027-03-08');
  expect(view.result?.text).toBe(
    'The page is landing/index.html; the announcement can go out at 2027-03-08T09:00:00+01:00.',
  );
  expect(workspaceOf(stage).read('landing/index.html')).toBe('<h1>Fernweh</h1>');
  const team = await teamOf(stage, view.id);
  expect(team.map(({ label, skills }) => ({ label, skills }))).toEqual([
    { label: 'code', skills: ['file_write'] },
    { label: 'calendar', skills: ['calendar_find_free'] },
  ]);
  // Neither knows the part of the other.
  expect(memberOf(team, 'code').task).not.toContain('2027-03-08');
  expect(memberOf(team, 'calendar').task).not.toContain('Fernweh');
});

test('each specialist’s part changes the whole', async () => {
  const busy = { title: 'Workshop', start: '2027-03-08T08:00:00+01:00', end: '2027-03-08T11:00:00+01:00' };
  await stage.finish([call('calendar_create_event', { ...busy, timeZone: 'Europe/Berlin' }), { text: 'noted' }], {
    text: `Workshop from ${busy.start} to ${busy.end} in Europe/Berlin`,
  });
  const view = await landing('Heimweh', '2027-03-08');
  expect(view.result?.text).toBe(
    'The page is landing/index.html; the announcement can go out at 2027-03-08T11:00:00+01:00.',
  );
  expect(workspaceOf(stage).read('landing/index.html')).toBe('<h1>Heimweh</h1>');
});
