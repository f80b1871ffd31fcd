import { describe, expect, it } from 'vitest';
import type { CalendarEvent } from '../../contracts/services.js';
import type { OutsideSkill, Skill, SkillResult } from '../../contracts/skill.js';
import { calendarCancelEvent } from '../../skills/calendar-cancel-event/run.js';
import { calendarCreateEvent } from '../../skills/calendar-create-event/run.js';
import { calendarListEvents } from '../../skills/calendar-list-events/run.js';
import { calendarUpdateEvent } from '../../skills/calendar-update-event/run.js';
import { parseInput } from '../../skills/registry.js';
import { type FakeContext, fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

const ROUTE = 'the calendar file on this machine; Google Calendar is not connected';
const WALK: CalendarEvent = {
  id: 'evt_1',
  title: 'Walk',
  start: '2026-11-24T12:00:00+01:00',
  end: '2026-11-24T13:00:00+01:00',
  timeZone: 'Europe/Berlin',
  attendees: [],
};
const TOGETHER: CalendarEvent = { ...WALK, id: 'evt_2', attendees: ['jo@example.org'] };

function outside(skill: Skill): OutsideSkill {
  if (skill.runs !== 'outside') throw new Error('unexpected');
  return skill;
}

function inputOf(skill: Skill, raw: unknown): never {
  const parsed = parseInput(skill, raw);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.input;
}

function classOf(skill: Skill, raw: unknown, context: FakeContext): Promise<string> | undefined {
  return outside(skill).assess?.(inputOf(skill, raw), context);
}

function again(
  skill: Skill,
  raw: unknown,
  context: FakeContext,
): Promise<SkillResult<unknown> | undefined> | undefined {
  return outside(skill).reconcile?.(inputOf(skill, raw), context);
}

async function change(context: FakeContext, patch: Partial<CalendarEvent>): Promise<void> {
  const { version } = await context.calendar.get('usr_1', 'evt_1');
  await context.calendar.update('usr_1', 'evt_1', patch, version);
}

describe('calendar_update_event', () => {
  it('changes what is named and nothing else, and is taken back', async () => {
    const context = fakeContext({ events: [WALK] });
    const move = { start: '2026-11-25T12:00:00+01:00', end: '2026-11-25T13:00:00+01:00', description: 'Park' };
    const result = await runSkill(calendarUpdateEvent, { event: 'evt_1', ...move }, context);
    expect(result.output).toEqual({ status: 'updated', route: ROUTE, ...WALK, ...move });
    expect(result.outputs).toEqual([{ kind: 'event', title: 'Walk', ref: 'effect:call_1' }]);
    expect(context.calendar.events.get('evt_1')).toEqual({ ...WALK, ...move });
    await undoSkill(calendarUpdateEvent, result, context);
    expect(context.calendar.events.get('evt_1')).toEqual(WALK);
    await undoSkill(calendarUpdateEvent, result, context);
    expect(context.calendar.events.get('evt_1')).toEqual(WALK);
  });

  it('is not taken back over a later change', async () => {
    const context = fakeContext({ events: [WALK] });
    const result = await runSkill(calendarUpdateEvent, { event: 'evt_1', title: 'Run' }, context);
    await change(context, { description: 'Park' });
    await expect(undoSkill(calendarUpdateEvent, result, context)).rejects.toMatchObject({ type: 'conflict' });
    expect(context.calendar.events.get('evt_1')).toMatchObject({ title: 'Run', description: 'Park' });
  });

  it('is internal only as long as nobody else is in the event, before and after', async () => {
    const context = fakeContext({ events: [WALK, TOGETHER] });
    const inviting = { event: 'evt_1', attendees: ['jo@example.org'] };
    const { classify } = outside(calendarUpdateEvent);
    expect(classify?.(inputOf(calendarUpdateEvent, { event: 'evt_1', title: 'Run' }))).toBe('internal');
    expect(classify?.(inputOf(calendarUpdateEvent, inviting))).toBe('outward');
    expect(await classOf(calendarUpdateEvent, { event: 'evt_1', title: 'Run' }, context)).toBe('internal');
    expect(await classOf(calendarUpdateEvent, inviting, context)).toBe('outward');
    expect(await classOf(calendarUpdateEvent, { event: 'evt_2', attendees: [] }, context)).toBe('outward');
    await expect(classOf(calendarUpdateEvent, { event: 'evt_3', title: 'x' }, context)).rejects.toMatchObject({
      type: 'not-found',
    });
  });

  it('looks again when it runs: people who came in are not told without asking', async () => {
    const context = fakeContext({ events: [WALK, TOGETHER] });
    for (const input of [
      { event: 'evt_2', title: 'Run' },
      { event: 'evt_2', attendees: [] },
      { event: 'evt_1', attendees: ['jo@example.org'] },
    ]) {
      await expect(runSkill(calendarUpdateEvent, input, context)).rejects.toMatchObject({ type: 'stale' });
    }
    const { calendar } = context;
    const racing: FakeContext = {
      ...context,
      calendar: {
        ...calendar,
        async get(user, id) {
          const found = await calendar.get(user, id);
          await calendar.update(user, id, { attendees: ['jo@example.org'] }, found.version);
          return found;
        },
      },
    };
    const input = { event: 'evt_1', title: 'Run' };
    await expect(runSkill(calendarUpdateEvent, input, racing)).rejects.toMatchObject({ type: 'stale' });
    expect(calendar.events.get('evt_1')).toMatchObject({ title: 'Walk' });
  });

  it('is found again after a crash, without an undo that nobody knows', async () => {
    const context = fakeContext({ events: [WALK, TOGETHER] });
    const input = { event: 'evt_1', title: 'Run', start: '2026-11-24T11:30:00Z' };
    expect(await again(calendarUpdateEvent, input, context)).toBeUndefined();
    await runSkill(calendarUpdateEvent, input, context);
    const found = await again(calendarUpdateEvent, input, context);
    expect(found).toMatchObject({ output: { status: 'updated', title: 'Run' } });
    expect(found).not.toHaveProperty('undo');
    expect(await again(calendarUpdateEvent, { event: 'evt_2', title: 'Walk' }, context)).toBeUndefined();
    expect(await again(calendarUpdateEvent, { event: 'evt_3', title: 'Walk' }, context)).toBeUndefined();
    const repeated = await runSkill(calendarUpdateEvent, input, context);
    expect(repeated.output).toMatchObject({ status: 'unchanged' });
    expect(repeated).not.toHaveProperty('undo');
  });

  it.each([
    [{}, /^input: must name at least one change$/],
    [{ start: '2026-11-24', end: '2026-11-25T10:00:00Z' }, /^end: must be of the same kind as start/],
    [{ start: '2026-11-24', end: '2026-11-24' }, /^end: must be after start$/],
    [{ title: '' }, /^title: /],
    [{ attendees: ['jo@'] }, /^attendees\.0: must be a plain e-mail address/],
    [{ event: 'a\nb', title: 'x' }, /^event: must be the id of an event/],
  ])('refuses %j', (input, message) => {
    const parsed = parseInput(calendarUpdateEvent, { event: 'evt_1', ...input });
    expect(parsed).toMatchObject({ ok: false, message: expect.stringMatching(message) });
  });

  it.each([
    [{ start: '2026-11-24' }, 'start', /^must be a date-time/],
    [{ start: '2026-11-24', end: '2026-11-25' }, 'start', /^must be a date-time/],
    [{ end: '2026-11-24T11:00:00Z' }, 'end', /^must be after start \(2026-11-24T12:00:00\+01:00\)/],
  ])('refuses %j for what the event is', async (input, path, message) => {
    const context = fakeContext({ events: [WALK] });
    const refused = runSkill(calendarUpdateEvent, { event: 'evt_1', ...input }, context);
    await expect(refused).rejects.toMatchObject({
      errors: [{ path, message: expect.stringMatching(message) as string }],
    });
  });
});

describe('calendar_cancel_event', () => {
  it('removes the event and puts exactly it back', async () => {
    const context = fakeContext({ events: [WALK] });
    const result = await runSkill(calendarCancelEvent, { event: 'evt_1' }, context);
    expect(result.output).toEqual({ status: 'cancelled', route: ROUTE, ...WALK });
    expect(result.outputs).toEqual([{ kind: 'event', title: 'Cancelled: Walk', ref: 'effect:call_1' }]);
    expect(context.calendar.events.size).toBe(0);
    await undoSkill(calendarCancelEvent, result, context);
    await undoSkill(calendarCancelEvent, result, context);
    expect([...context.calendar.events.values()]).toEqual([WALK]);
  });

  it('is internal for oneself only, and looks again when it runs', async () => {
    const context = fakeContext({ events: [WALK, TOGETHER] });
    expect(await classOf(calendarCancelEvent, { event: 'evt_1' }, context)).toBe('internal');
    expect(await classOf(calendarCancelEvent, { event: 'evt_2' }, context)).toBe('outward');
    await expect(classOf(calendarCancelEvent, { event: 'x' }, context)).rejects.toMatchObject({ type: 'not-found' });
    await expect(runSkill(calendarCancelEvent, { event: 'evt_2' }, context)).rejects.toMatchObject({ type: 'stale' });
    expect(context.calendar.events.size).toBe(2);
  });

  it('counts as done after a crash when the event is gone', async () => {
    const context = fakeContext({ events: [WALK] });
    expect(await again(calendarCancelEvent, { event: 'evt_1' }, context)).toBeUndefined();
    await runSkill(calendarCancelEvent, { event: 'evt_1' }, context);
    const found = await again(calendarCancelEvent, { event: 'evt_1' }, context);
    expect(found).toEqual({ output: { status: 'cancelled', route: ROUTE, id: 'evt_1' } });
    expect(calendarCancelEvent.manifest.output.safeParse(found?.output).success).toBe(true);
  });
});

describe('an event that was made at once', () => {
  it('is not taken back after other people were invited', async () => {
    const context = fakeContext();
    const { id: _id, ...walk } = WALK;
    const result = await runSkill(calendarCreateEvent, walk, context);
    const [id = ''] = context.calendar.events.keys();
    const { version } = await context.calendar.get('usr_1', id);
    await context.calendar.update('usr_1', id, { attendees: ['jo@example.org'] }, version);
    await expect(undoSkill(calendarCreateEvent, result, context)).rejects.toMatchObject({ type: 'conflict' });
    expect(context.calendar.events.size).toBe(1);
  });
});

describe('what was read from a calendar', () => {
  const day = { from: '2026-11-24', to: '2026-11-24' };

  it.each<[string, CalendarEvent[], string[]]>([
    ['nothing', [], []],
    ['an event that was made here', [{ ...WALK, id: 'ret63616c6c5f31' }], []],
    ['an event that was made here for other people', [{ ...TOGETHER, id: 'ret63616c6c5f31' }], ['untrusted']],
    ['an event of another program', [WALK], ['untrusted']],
  ])('is private, and untrusted where others wrote it: %s', async (_, events, taints) => {
    const result = await runSkill(calendarListEvents, day, fakeContext({ events }));
    expect(calendarListEvents.manifest.taints).toEqual(['private']);
    expect(result.taints).toEqual(taints);
  });
});
