import { describe, expect, it } from 'vitest';
import type { CalendarEvent } from '../../contracts/services.js';
import { calendarCreateEvent } from '../../skills/calendar-create-event/run.js';
import { calendarListEvents } from '../../skills/calendar-list-events/run.js';
import { parseInput } from '../../skills/registry.js';
import { fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

const ROUTE = 'the calendar file on this machine; Google Calendar is not connected';
const DENTIST = {
  title: 'Dentist',
  start: '2026-11-24T09:00:00+01:00',
  end: '2026-11-24T10:00:00+01:00',
  timeZone: 'Europe/Berlin',
  attendees: [] as string[],
};

function event(id: string, start: string, end: string, more: Partial<CalendarEvent> = {}): CalendarEvent {
  return { id, title: id, start, end, timeZone: 'Europe/Berlin', attendees: [], ...more };
}

describe('calendar_create_event', () => {
  it('makes the event, names the route and refers to the effect', async () => {
    const context = fakeContext();
    const result = await runSkill(calendarCreateEvent, DENTIST, context);
    expect(result.output).toEqual({ route: ROUTE, id: 'ret63616c6c5f31', ...DENTIST });
    expect(result.outputs).toEqual([{ kind: 'event', title: 'Dentist', ref: 'effect:call_1' }]);
  });

  it('makes one event however often the call runs, with an id that Google accepts', async () => {
    const context = fakeContext();
    await runSkill(calendarCreateEvent, DENTIST, context);
    await runSkill(calendarCreateEvent, DENTIST, context);
    await runSkill(calendarCreateEvent, DENTIST, { ...context, callId: 'call-Ü2' });
    expect([...context.calendar.events.keys()]).toHaveLength(2);
    for (const id of context.calendar.events.keys()) expect(id).toMatch(/^[a-v0-9]{5,1024}$/);
  });

  it('is taken back by removing the event, also twice', async () => {
    const context = fakeContext();
    const result = await runSkill(calendarCreateEvent, DENTIST, context);
    await undoSkill(calendarCreateEvent, result, context);
    await undoSkill(calendarCreateEvent, result, context);
    expect(context.calendar.events.size).toBe(0);
  });

  it('is internal for oneself, and with other people outward and never simply run', async () => {
    const alone = parseInput(calendarCreateEvent, DENTIST);
    const together = parseInput(calendarCreateEvent, { ...DENTIST, attendees: ['jo@example.org'] });
    if (calendarCreateEvent.runs === 'question' || !alone.ok || !together.ok) throw new Error('unexpected');
    expect(calendarCreateEvent.classify?.(alone.input)).toBe('internal');
    expect(calendarCreateEvent.classify?.(together.input)).toBe('outward');
    expect(calendarCreateEvent.manifest.summary(together.input)).toMatch(/and invites one person$/);
    const context = fakeContext();
    await expect(
      runSkill(calendarCreateEvent, { ...DENTIST, attendees: ['jo@example.org'] }, context),
    ).rejects.toMatchObject({ type: 'forbidden' });
    expect(context.calendar.events.size).toBe(0);
  });

  it('takes whole days and leaves attendees out by default', async () => {
    const { attendees: _none, ...day } = { ...DENTIST, start: '2026-11-24', end: '2026-11-25' };
    const { output } = await runSkill(calendarCreateEvent, day, fakeContext());
    expect(output).toMatchObject({ start: '2026-11-24', end: '2026-11-25', attendees: [] });
  });

  it.each([
    [{ end: '2026-11-24T08:59:59+01:00' }, /^end: must be after start$/],
    [{ end: '2026-11-24T09:00:00+01:00' }, /^end: must be after start$/],
    [{ end: '2026-11-24T09:30:00+02:00' }, /^end: must be after start$/],
    [{ start: '2026-11-24', end: '2026-11-24' }, /^end: must be after start$/],
    [{ end: '2026-11-25' }, /^end: must be of the same kind as start/],
    [
      { start: '2026-11-24T09:00' },
      /^start: must be a date such as .*, or must be a date-time with seconds and offset/,
    ],
    [{ timeZone: '+01:00' }, /^timeZone: must be an IANA time zone/],
    [{ attendees: [''] }, /^attendees\.0: /],
  ])('refuses %j', (change, message) => {
    const parsed = parseInput(calendarCreateEvent, { ...DENTIST, ...change });
    expect(parsed).toMatchObject({ ok: false, message: expect.stringMatching(message) });
  });

  it('does nothing when the call was stopped already', async () => {
    const context = fakeContext();
    const stopped = { ...context, abortSignal: AbortSignal.abort(new Error('stopped')) };
    await expect(runSkill(calendarCreateEvent, DENTIST, stopped)).rejects.toThrow('stopped');
    expect(context.calendar.events.size).toBe(0);
  });
});

describe('calendar_list_events', () => {
  const events = [
    event('night', '2026-11-23T23:30:00Z', '2026-11-24T00:30:00Z'),
    event('holiday', '2026-11-24', '2026-11-25'),
    event('tokyo', '2026-11-24T17:00:00+09:00', '2026-11-24T18:00:00+09:00', {
      timeZone: 'Asia/Tokyo',
      description: 'd'.repeat(5000),
      attendees: Array.from({ length: 40 }, (_, index) => `p${index}@example.org`),
    }),
    event('later', '2026-11-25T09:00:00+01:00', '2026-11-25T10:00:00+01:00'),
  ];

  it("lists a day of the request's zone, the last day included, in local time", async () => {
    const { output } = await runSkill(
      calendarListEvents,
      { from: '2026-11-24', to: '2026-11-24' },
      fakeContext({ events }),
    );
    expect(output).toMatchObject({
      route: ROUTE,
      timeZone: 'Europe/Berlin',
      events: [
        { id: 'holiday', start: '2026-11-24', end: '2026-11-25' },
        { id: 'night', start: '2026-11-24T00:30:00+01:00', end: '2026-11-24T01:30:00+01:00' },
        { id: 'tokyo', start: '2026-11-24T09:00:00+01:00', timeZone: 'Asia/Tokyo' },
      ],
    });
    expect(JSON.stringify(output).length).toBeLessThan(2500);
    expect(JSON.stringify(output)).toContain('… and 10 more');
  });

  it('shows at most a hundred events and says so', async () => {
    const many = Array.from({ length: 130 }, (_, index) =>
      event(`e${index}`, '2026-11-24T09:00:00+01:00', '2026-11-24T10:00:00+01:00'),
    );
    const span = { from: '2026-11-23', to: '2026-11-29' };
    const { output } = await runSkill(calendarListEvents, span, fakeContext({ events: many }));
    expect(output).toMatchObject({ events: { length: 100 }, note: expect.stringContaining('first 100 of 130') });
  });

  it.each([
    [{ from: '2026-11-24', to: '2026-11-23' }, 'must be after from'],
    [{ from: '2026-11-24T10:00:00+01:00', to: '2026-11-24T10:00:00+01:00' }, 'must be after from'],
    [{ from: '2026-01-01', to: '2027-01-02' }, 'must be at most 366 days after from'],
  ])('refuses the span %j', async (span, message) => {
    await expect(runSkill(calendarListEvents, span, fakeContext())).rejects.toMatchObject({
      type: 'invalid-body',
      errors: [{ path: 'to', message }],
    });
  });
});
