import { describe, expect, test } from 'vitest';
import { builtinSkills } from '../../skills/index.js';
import { createSkillRegistry, parseInput } from '../../skills/registry.js';
import { type FakeContext, fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

const registry = createSkillRegistry(builtinSkills);

function skillOf(name: string) {
  const skill = registry.get(name);
  if (skill === undefined) throw new Error(`no skill ${name}`);
  return skill;
}

const run = (name: string, input: unknown, context: FakeContext) => runSkill(skillOf(name), input, context);
const outputOf = async (name: string, input: unknown, context: FakeContext) => (await run(name, input, context)).output;
const specOf = (context: FakeContext, id = 'trg_1') => context.schedule.triggerRows.get(id)?.spec;

test.each(['set_reminder', 'list_reminders', 'change_reminder', 'schedule_work'])(
  '%s is for the agent that talks to the user',
  (name) => {
    expect(skillOf(name)).toMatchObject({ runs: 'transaction', manifest: { facesUser: true } });
  },
);

describe('set_reminder', () => {
  test('answers with the local time in words and a sentence to say', async () => {
    const context = fakeContext();
    expect(await outputOf('set_reminder', { text: 'Call Jo', when: 'tomorrow at 9am' }, context)).toEqual({
      status: 'set',
      id: 'rem_1',
      local: 'Tue 24 Nov 2026, 09:00 (Europe/Berlin)',
      timeZone: 'Europe/Berlin',
      dueAt: '2026-11-24T08:00:00.000Z',
      say: 'Set for Tue 24 Nov 2026, 09:00 (Europe/Berlin).',
    });
  });

  test('names the rule of a recurring one, and the zone that was said', async () => {
    const input = { text: 'Stand-up', when: 'every weekday at 8:45', timeZone: 'Asia/Tokyo' };
    expect(await outputOf('set_reminder', input, fakeContext())).toMatchObject({
      recurrence: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR',
      timeZone: 'Asia/Tokyo',
      say: 'Set for Tue 24 Nov 2026, 08:45 (Asia/Tokyo), and again by the rule FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR.',
    });
  });

  test('sets nothing while the words leave a doubt, and hands the question on', async () => {
    const context = fakeContext();
    const result = await run('set_reminder', { text: 'Call Jo', when: 'on 5/3 at nine' }, context);
    expect(result.output).toEqual({ status: 'ask', question: expect.stringMatching(/\?$/) });
    expect(result).not.toHaveProperty('undo');
    expect(context.schedule.reminderRows.size).toBe(0);
  });

  test('refuses a moment that has passed', async () => {
    const input = { text: 'Call Jo', dueAt: '2026-11-23T06:00:00Z' };
    await expect(run('set_reminder', input, fakeContext())).rejects.toThrow('That time has passed');
  });

  test('is taken back by cancelling it', async () => {
    const context = fakeContext();
    const result = await run('set_reminder', { text: 'Call Jo', when: 'tomorrow at 9am' }, context);
    await undoSkill(skillOf('set_reminder'), result, context);
    expect(context.schedule.reminderRows.get('rem_1')).toMatchObject({ status: 'cancelled' });
  });
});

describe('list_reminders', () => {
  test('shows reminders and schedules with their ids, and what is of this conversation', async () => {
    const context = fakeContext();
    await run('set_reminder', { text: 'Call Jo', when: 'tomorrow at 9am' }, context);
    await run('schedule_work', { task: 'Sum up the news', when: 'daily at 6am' }, context);
    const other = { ...context, conversationId: 'cnv_2' };
    const reminder = { id: 'rem_1', text: 'Call Jo', local: expect.stringContaining('09:00'), status: 'pending' };
    const schedule = { id: 'trg_2', kind: 'cron', task: 'Sum up the news', enabled: true };
    expect(await outputOf('list_reminders', {}, context)).toMatchObject({
      reminders: [{ ...reminder, here: true }],
      schedules: [{ ...schedule, here: true, spec: expect.stringContaining('"rrule":"FREQ=DAILY"') }],
    });
    expect(await outputOf('list_reminders', {}, other)).toMatchObject({
      reminders: [{ here: false }],
      schedules: [{ here: false }],
    });
  });

  test('carries on what binds whoever reads the words', async () => {
    const context = fakeContext();
    await run('set_reminder', { text: 'Call Jo', when: 'tomorrow at 9am' }, context);
    expect((await run('list_reminders', {}, context)).taints).toEqual([]);
    context.schedule.labels.set('rem_1', ['untrusted']);
    expect((await run('list_reminders', {}, context)).taints).toEqual(['untrusted']);
    expect((await run('change_reminder', { id: 'rem_1', snooze: 'PT5M' }, context)).taints).toEqual(['untrusted']);
    expect((await run('change_reminder', { id: 'rem_1', action: 'cancel' }, context)).taints).toEqual(['untrusted']);
  });

  test('counts the trouble of a look as what a stranger has said', async () => {
    const context = fakeContext();
    await run('schedule_work', { task: 'Sum up the news', when: 'daily at 6am' }, context);
    const row = context.schedule.triggerRows.get('trg_1');
    if (row === undefined) throw new Error('nothing was scheduled');
    expect((await run('list_reminders', {}, context)).taints).toEqual([]);
    context.schedule.triggerRows.set('trg_1', { ...row, trouble: 'shop.example answered 500.' });
    const { output, taints } = await run('list_reminders', {}, context);
    expect(output).toMatchObject({ schedules: [{ trouble: 'shop.example answered 500.' }] });
    expect(taints).toEqual(['untrusted']);
  });

  test('cuts long texts', async () => {
    const context = fakeContext();
    await run('set_reminder', { text: 'x'.repeat(4_000), when: 'tomorrow at 9am' }, context);
    expect(JSON.stringify(await outputOf('list_reminders', {}, context)).length).toBeLessThan(700);
  });
});

describe('change_reminder', () => {
  async function withReminder(): Promise<FakeContext> {
    const context = fakeContext();
    await run('set_reminder', { text: 'Call Jo', when: 'tomorrow at 9am' }, context);
    return context;
  }

  test('snoozes, changes words and time, pauses, resumes and cancels a reminder', async () => {
    const context = await withReminder();
    const change = (input: object) => outputOf('change_reminder', { id: 'rem_1', ...input }, context);
    expect(await change({ snooze: 'PT15M' })).toMatchObject({
      status: 'changed',
      text: 'Call Jo',
      say: 'Changed: it is set for Tue 24 Nov 2026, 09:15 (Europe/Berlin).',
    });
    expect(await change({ text: 'Call Jo back', when: 'on Friday at 10' })).toMatchObject({
      text: 'Call Jo back',
      local: 'Fri 27 Nov 2026, 10:00 (Europe/Berlin)',
    });
    expect(await change({ action: 'pause' })).toMatchObject({ status: 'paused', say: 'Paused until it is resumed.' });
    expect(await change({ action: 'resume' })).toMatchObject({ status: 'changed', say: expect.stringContaining('27') });
    expect(await change({ action: 'cancel' })).toMatchObject({ status: 'cancelled' });
    await expect(change({ snooze: 'PT5M' })).rejects.toThrow('is cancelled');
  });

  test('changes nothing while the words leave a doubt', async () => {
    const context = await withReminder();
    const before = context.schedule.reminderRows.get('rem_1');
    expect(await outputOf('change_reminder', { id: 'rem_1', when: 'on 5/3 at nine' }, context)).toMatchObject({
      status: 'ask',
    });
    expect(context.schedule.reminderRows.get('rem_1')).toEqual(before);
  });

  test.each([
    ['rem_9', { snooze: 'PT5M' }, 'There is no rem_9'],
    ['trg_9', { action: 'pause' }, 'There is no trg_9'],
    ['atm_1', { action: 'cancel' }, 'Look with list_reminders'],
    ['rem_1', { spec: {} }, 'has no spec'],
  ])('says what there is not: %s', async (id, input, said) => {
    await expect(run('change_reminder', { id, ...input }, await withReminder())).rejects.toThrow(said);
  });

  test.each([
    ['nothing', {}],
    ['a change that is none', { action: 'change' }],
    ['cancelling and changing', { action: 'cancel', text: 'x' }],
    ['pausing and changing', { action: 'pause', snooze: 'PT5M' }],
  ])('takes one thing at a time: %s is refused', (_what, input) => {
    expect(parseInput(skillOf('change_reminder'), { id: 'rem_1', ...input })).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^action: name a change/),
    });
  });

  test('changes a schedule: its task, its time, its zone, and whether it goes on', async () => {
    const context = fakeContext();
    await run('schedule_work', { task: 'Sum up the news', when: 'every weekday at 6am', overlap: 'skip' }, context);
    const change = (input: object) => outputOf('change_reminder', { id: 'trg_1', ...input }, context);
    expect(await change({ instructions: 'Sum up the mail' })).toMatchObject({ text: 'Sum up the mail' });
    expect(await change({ timeZone: 'Asia/Tokyo' })).toMatchObject({
      local: 'Tue 24 Nov 2026, 06:00 (Asia/Tokyo)',
      recurrence: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR',
    });
    expect(await change({ when: 'daily at 7' })).toMatchObject({ local: 'Tue 24 Nov 2026, 07:00 (Asia/Tokyo)' });
    expect(specOf(context)).toEqual({
      rrule: 'FREQ=DAILY',
      timeZone: 'Asia/Tokyo',
      start: '2026-11-24T07:00:00',
      overlap: 'skip',
    });
    expect(await change({ recurrence: 'FREQ=WEEKLY;BYDAY=FR' })).toMatchObject({
      local: 'Fri 27 Nov 2026, 07:00 (Asia/Tokyo)',
    });
    expect(await change({ when: 'on 5/3 at nine' })).toMatchObject({ status: 'ask' });
    expect(await change({ action: 'pause' })).toMatchObject({ status: 'paused' });
    expect(context.schedule.triggerRows.get('trg_1')).toMatchObject({ enabled: false });
    expect(await change({ action: 'resume' })).toMatchObject({ status: 'changed' });
    await expect(change({ snooze: 'PT5M' })).rejects.toThrow('pause it');
    expect(await change({ action: 'cancel' })).toMatchObject({ status: 'cancelled', id: 'trg_1' });
    expect(context.schedule.triggerRows.get('trg_1')).toMatchObject({ enabled: false });
  });

  test('moves a schedule to another time of day on the days it has, in its zone; with a day it is for that day alone', async () => {
    const context = fakeContext();
    const input = { task: 'Sum up', when: 'every second Friday at 9 until 18 December', timeZone: 'Asia/Tokyo' };
    await run('schedule_work', input, context);
    const change = (when: string) => outputOf('change_reminder', { id: 'trg_1', when }, context);
    const local = 'Fri 27 Nov 2026, 10:00 (Asia/Tokyo)';
    expect(await change('at 10am')).toMatchObject({ status: 'changed', local });
    expect(specOf(context)).toStrictEqual({
      rrule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;UNTIL=20261218T100000',
      start: '2026-11-27T10:00:00',
      timeZone: 'Asia/Tokyo',
    });
    expect(await change('tomorrow at 10am')).not.toHaveProperty('recurrence');
    expect(await change('at 11am')).not.toHaveProperty('recurrence');
  });

  test('changes what a watch looks at, and gives it no times', async () => {
    const context = fakeContext();
    const spec = { url: 'https://shop.example/', everySeconds: 300, condition: { kind: 'changed' } };
    await run('schedule_work', { task: 'Tell me', trigger: { kind: 'watch', spec } }, context);
    const other = { ...spec, everySeconds: 600 };
    expect(await outputOf('change_reminder', { id: 'trg_1', spec: other }, context)).toMatchObject({ say: 'Changed.' });
    expect(specOf(context)).toEqual(other);
    await expect(run('change_reminder', { id: 'trg_1', when: 'daily at 7' }, context)).rejects.toThrow('no schedule');
  });
});

describe('schedule_work', () => {
  const task = 'Sum up the news';

  test.each([
    [
      'words',
      { when: 'every weekday at 6am' },
      { rrule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', start: '2026-11-24T06:00:00' },
    ],
    ['a single time', { when: 'on Friday at 18:00' }, { rrule: 'FREQ=DAILY;COUNT=1', start: '2026-11-27T18:00:00' }],
    ['a rule', { recurrence: 'FREQ=DAILY' }, { rrule: 'FREQ=DAILY' }],
    [
      'a rule from a time on',
      { when: 'on Friday at 18:00', recurrence: 'FREQ=WEEKLY' },
      { rrule: 'FREQ=WEEKLY', start: '2026-11-27T18:00:00' },
    ],
  ])('takes %s', async (_what, input, spec) => {
    const context = fakeContext();
    await run('schedule_work', { task, ...input }, context);
    expect(specOf(context)).toStrictEqual({ timeZone: 'Europe/Berlin', ...spec });
  });

  test('counts a length of time as it passes, also where the clocks change', async () => {
    const context = fakeContext({ now: '2026-10-25T00:30:00Z' });
    const answer = await outputOf('schedule_work', { task, when: 'in one hour' }, context);
    expect(answer).toMatchObject({
      dueAt: '2026-10-25T01:30:00.000Z',
      say: 'Set for Sun 25 Oct 2026, 02:30 (Europe/Berlin).',
    });
    expect(answer).not.toHaveProperty('recurrence');
  });

  test('passes on what it may cost and what becomes of times that passed, and is taken back by removing it', async () => {
    const context = fakeContext();
    const input = {
      task,
      when: 'daily at 6am',
      budgetUsd: '0.50',
      catchUp: 'skip',
      overlap: 'queue',
      cooldownSeconds: 60,
    };
    const result = await run('schedule_work', input, context);
    expect(context.schedule.triggerRows.get('trg_1')).toMatchObject({
      instructions: task,
      budgetUsd: '0.50',
      cooldownSeconds: 60,
      spec: { catchUp: 'skip', overlap: 'queue' },
    });
    await undoSkill(skillOf('schedule_work'), result, context);
    expect(context.schedule.triggerRows.size).toBe(0);
  });

  test('watches a page, the mail or a space', async () => {
    const context = fakeContext();
    for (const trigger of [
      {
        kind: 'watch',
        spec: { url: 'https://shop.example/', condition: { kind: 'below', value: 50, after: 'Price:' } },
      },
      { kind: 'mail', spec: { from: 'bank' } },
      { kind: 'space', spec: { space: 'spc_1', untouched: 'P30D' } },
    ])
      expect(await outputOf('schedule_work', { task, trigger }, context)).toEqual({
        status: 'set',
        id: expect.stringMatching(/^trg_/),
        say: 'Set: it begins to look now.',
      });
  });

  test.each([
    ['when', {}],
    ['when', { when: 'daily at 6am', trigger: { kind: 'mail', spec: {} } }],
    ['trigger', { timeZone: 'Asia/Tokyo', trigger: { kind: 'mail', spec: {} } }],
    ['trigger.kind', { trigger: { kind: 'webhook', spec: {} } }],
    ['trigger.kind', { trigger: { kind: 'cron', spec: { rrule: 'FREQ=DAILY' } } }],
  ])('names %s where nothing, or two things, set it off', (path, input) => {
    const refused = parseInput(skillOf('schedule_work'), { task, ...input });
    expect(refused.ok ? '' : refused.message).toMatch(new RegExp(`^${path}: `));
  });

  test('sets nothing while the words leave a doubt', async () => {
    const context = fakeContext();
    expect(await outputOf('schedule_work', { task, when: 'on 5/3 at nine' }, context)).toMatchObject({ status: 'ask' });
    expect(context.schedule.triggerRows.size).toBe(0);
  });
});
