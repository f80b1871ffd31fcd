import { describe, expect, it } from 'vitest';
import type { CalendarEvent } from '../../contracts/services.js';
import { calendarFindFree } from '../../skills/calendar-find-free/run.js';
import { parseInput } from '../../skills/registry.js';
import { fakeContext, runSkill } from '../helpers/skill-context.js';

interface Answer {
  readonly slots: readonly { start: string; end: string; weekday: string; minutes: number }[];
  readonly note?: string;
  readonly route: string;
}

type Setting = Parameters<typeof fakeContext>[0];

async function find(input: Record<string, unknown>, setting: Setting = {}): Promise<Answer> {
  const { output } = await runSkill(calendarFindFree, { durationMinutes: 30, ...input }, fakeContext(setting));
  return output as Answer;
}

/** `start/end` of each slot. */
async function spans(input: Record<string, unknown>, setting: Setting = {}): Promise<string[]> {
  return (await find(input, setting)).slots.map((slot) => `${slot.start}/${slot.end}`);
}

function busy(start: string, end: string): CalendarEvent {
  return { id: `${start}${end}`, title: 'Busy', start, end, timeZone: 'Europe/Berlin', attendees: [] };
}

describe('free time on ordinary days', () => {
  const tuesday = { from: '2026-11-24', to: '2026-11-24' };

  it('is what working hours leave between events', async () => {
    const events = [
      busy('2026-11-24T08:00:00+01:00', '2026-11-24T09:30:00+01:00'),
      busy('2026-11-24T11:00:00+01:00', '2026-11-24T13:00:00+01:00'),
      busy('2026-11-24T11:30:00+01:00', '2026-11-24T12:00:00+01:00'),
      busy('2026-11-24T13:20:00+01:00', '2026-11-24T14:00:00+01:00'),
    ];
    const answer = await find(tuesday, { events });
    expect(answer.slots).toEqual([
      { start: '2026-11-24T09:30:00+01:00', end: '2026-11-24T11:00:00+01:00', weekday: 'Tuesday', minutes: 90 },
      { start: '2026-11-24T14:00:00+01:00', end: '2026-11-24T17:00:00+01:00', weekday: 'Tuesday', minutes: 180 },
    ]);
    expect(answer.route).toContain('Google Calendar is not connected');
  });

  it('follows the hours that are asked for, to the end of the day', async () => {
    expect(await spans({ ...tuesday, earliest: '18:30', latest: '24:00' })).toEqual([
      '2026-11-24T18:30:00+01:00/2026-11-25T00:00:00+01:00',
    ]);
  });

  it('keeps within a span of times', async () => {
    const span = { from: '2026-11-24T12:00:00Z', to: '2026-11-25T08:45:00Z' };
    expect(await spans(span)).toEqual([
      '2026-11-24T13:00:00+01:00/2026-11-24T17:00:00+01:00',
      '2026-11-25T09:00:00+01:00/2026-11-25T09:45:00+01:00',
    ]);
  });

  it('is none on a whole-day event, with or without its end', async () => {
    const days = { from: '2026-11-24', to: '2026-11-26' };
    const events = [busy('2026-11-24', '2026-11-25'), busy('2026-11-25', '2026-11-25')];
    expect(await spans(days, { events })).toEqual(['2026-11-26T09:00:00+01:00/2026-11-26T17:00:00+01:00']);
  });

  it('never lies in the past, and starts at full five minutes', async () => {
    const now = '2026-11-24T10:02:10+01:00';
    expect(await spans(tuesday, { now })).toEqual(['2026-11-24T10:05:00+01:00/2026-11-24T17:00:00+01:00']);
    const over = await find({ from: '2026-11-20', to: '2026-11-20' });
    expect(over).toMatchObject({ slots: [], note: 'The whole span is in the past.' });
  });

  it('is long enough, to the minute', async () => {
    const events = [busy('2026-11-24T09:30:00+01:00', '2026-11-24T16:31:00+01:00')];
    expect(await spans(tuesday, { events })).toEqual(['2026-11-24T09:00:00+01:00/2026-11-24T09:30:00+01:00']);
    expect(await spans({ ...tuesday, durationMinutes: 481 })).toEqual([]);
  });

  it('is told in at most fifty slots', async () => {
    const answer = await find({ from: '2026-12-01', to: '2027-01-31' });
    expect(answer.slots).toHaveLength(50);
    expect(answer.note).toBe('Only the first 50 of 62 are shown; ask for a shorter span.');
  });
});

describe('free time across clock changes', () => {
  const spring = { from: '2027-03-27', to: '2027-03-29' };
  const autumn = { from: '2027-10-30', to: '2027-11-01' };

  it('keeps working hours on the local clock in spring and autumn', async () => {
    expect(await spans(spring)).toEqual([
      '2027-03-27T09:00:00+01:00/2027-03-27T17:00:00+01:00',
      '2027-03-28T09:00:00+02:00/2027-03-28T17:00:00+02:00',
      '2027-03-29T09:00:00+02:00/2027-03-29T17:00:00+02:00',
    ]);
    expect(await spans(autumn)).toEqual([
      '2027-10-30T09:00:00+02:00/2027-10-30T17:00:00+02:00',
      '2027-10-31T09:00:00+01:00/2027-10-31T17:00:00+01:00',
      '2027-11-01T09:00:00+01:00/2027-11-01T17:00:00+01:00',
    ]);
  });

  it('counts the hours that really pass', async () => {
    const nights = { earliest: '00:00', latest: '24:00' };
    const short = await find({ from: '2027-03-28', to: '2027-03-28', ...nights });
    const long = await find({ from: '2027-10-31', to: '2027-10-31', ...nights });
    expect(short.slots.map((slot) => slot.minutes)).toEqual([23 * 60]);
    expect(long.slots.map((slot) => slot.minutes)).toEqual([25 * 60]);
  });

  it('takes the moment of the skip for a time that the clock skips', async () => {
    const day = { from: '2027-03-28', to: '2027-03-28' };
    expect(await spans({ ...day, earliest: '02:30', latest: '04:00' })).toEqual([
      '2027-03-28T03:00:00+02:00/2027-03-28T04:00:00+02:00',
    ]);
    expect(await spans({ ...day, earliest: '01:00', latest: '02:30' })).toEqual([
      '2027-03-28T01:00:00+01:00/2027-03-28T03:00:00+02:00',
    ]);
    expect(await spans({ ...day, earliest: '02:05', latest: '02:55' })).toEqual([]);
  });

  it('takes the first of two equal times', async () => {
    const day = { from: '2027-10-31', to: '2027-10-31' };
    expect(await spans({ ...day, earliest: '02:15', latest: '02:45' })).toEqual([
      '2027-10-31T02:15:00+02:00/2027-10-31T02:45:00+02:00',
    ]);
  });

  it('works where the day itself begins with a skip', async () => {
    const setting = { timeZone: 'America/Santiago', now: '2026-08-01T00:00:00Z' };
    expect(await spans({ from: '2026-09-06', to: '2026-09-06', earliest: '00:00', latest: '02:00' }, setting)).toEqual([
      '2026-09-06T01:00:00-03:00/2026-09-06T02:00:00-03:00',
    ]);
  });

  it("measures the longest span in the request's days, not in hours", async () => {
    const autumnSpan = { from: '2027-10-01', to: '2027-12-01' };
    expect((await find(autumnSpan)).slots).toHaveLength(50);
    await expect(find({ ...autumnSpan, to: '2027-12-02' })).rejects.toThrow(/at most 62 days/);
  });
});

it.each([
  [{ earliest: '17:00' }, /^latest: must be later than earliest$/],
  [{ latest: '25:00' }, /^latest: must be a time of day/],
  [{ earliest: '24:00' }, /^earliest: must be a time of day/],
  [{ durationMinutes: 0 }, /^durationMinutes: /],
  [{ durationMinutes: 30.5 }, /^durationMinutes: /],
])('calendar_find_free refuses %j', (change, message) => {
  const input = { from: '2026-11-24', to: '2026-11-24', durationMinutes: 30, ...change };
  expect(parseInput(calendarFindFree, input)).toMatchObject({ ok: false, message: expect.stringMatching(message) });
});
