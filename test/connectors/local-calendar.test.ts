import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import nodeIcal from 'node-ical';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalCalendar } from '../../connectors/local/calendar.js';
import type { CalendarConnector, NewCalendarEvent } from '../../contracts/services.js';

const DECEMBER = { from: '2026-12-01T00:00:00+01:00', to: '2027-01-01T00:00:00+01:00' };
const MEETING: NewCalendarEvent = {
  title: 'Planning',
  start: '2026-12-01T10:00:00+01:00',
  end: '2026-12-01T11:30:00+01:00',
  timeZone: 'Europe/Berlin',
  attendees: [],
};

let root: string;
let calendar: CalendarConnector;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'retinue-calendar-'));
  calendar = createLocalCalendar({ root });
});
afterEach(() => rm(root, { recursive: true, force: true }));

function file(): string {
  return join(root, 'anna', 'calendar.ics');
}

async function given(...lines: string[]): Promise<string> {
  const text = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Other//Program//EN', ...lines, 'END:VCALENDAR', ''].join(
    '\r\n',
  );
  await mkdir(join(root, 'anna'), { recursive: true });
  await writeFile(file(), text);
  return text;
}

async function listed(range = DECEMBER): Promise<[string, string, string][]> {
  return (await calendar.list('anna', range)).map(({ title, start, end }) => [title, start, end]);
}

describe('the local calendar', () => {
  it('says where it wrote', () => {
    expect(calendar.route).toContain('local calendar');
    expect(calendar.route).toContain('Google Calendar is not connected');
  });

  it('gives back what was created, once for each id', async () => {
    expect(await calendar.list('anna', DECEMBER)).toEqual([]);
    const event = { ...MEETING, attendees: ['bob@example.org', 'Carla'], description: 'Room 4\nBring the figures' };
    const created = await calendar.create('anna', 'call_1', event);
    expect(created).toEqual({ id: 'call_1', ...event });
    expect(await calendar.create('anna', 'call_1', { ...event, title: 'Other' })).toEqual(created);
    expect(await calendar.list('anna', DECEMBER)).toEqual([created]);
    expect(await readdir(join(root, 'anna'))).toEqual(['calendar.ics']);
    await calendar.remove('anna', 'call_1');
    await calendar.remove('anna', 'call_1');
    expect(await calendar.list('anna', DECEMBER)).toEqual([]);
  });

  it('writes a file that other programs read', async () => {
    await calendar.create('anna', 'call_1', { ...MEETING, title: 'Lunch; with, all', attendees: ['bob@example.org'] });
    const text = await readFile(file(), 'utf8');
    expect(text).toMatch(/^BEGIN:VCALENDAR\r\nVERSION:2\.0\r\nPRODID:/);
    expect(text.replaceAll('\r\n', '')).not.toContain('\n');
    expect(nodeIcal.sync.parseICS(text)['call_1']).toMatchObject({
      summary: 'Lunch; with, all',
      start: new Date('2026-12-01T09:00:00Z'),
      end: new Date('2026-12-01T10:30:00Z'),
    });
  });

  it.each([
    'plain',
    'two\nlines',
    'commas, semicolons; colons: and "quotes"',
    '"quoted"',
    String.raw`a \n that is no line break, \, \; C:\new`,
    'party 🎉👩‍👩‍👧‍👦 – Zoë',
    'END:VEVENT\nEND:VCALENDAR\nBEGIN:VEVENT',
    'long '.repeat(200),
    '🎉'.repeat(100),
    'ü'.repeat(500),
    ' blanks around ',
    '\u2028separators\u2029',
    '',
  ])('keeps the title %j', async (title) => {
    await calendar.create('anna', 'call_1', { ...MEETING, title, description: `${title} described` });
    await calendar.create('anna', 'call_2', MEETING);
    const events = await calendar.list('anna', DECEMBER);
    expect(events.map((event) => event.title)).toEqual([title, 'Planning']);
    expect(events[0]?.description).toBe(`${title} described`);
    const lines = (await readFile(file())).toString('latin1').split('\r\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(75);
  });

  it.each(['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC'])(
    'keeps the zone %s and shows its offset',
    async (timeZone) => {
      const created = await calendar.create('anna', 'a', {
        ...MEETING,
        start: '2026-07-01T08:00:00Z',
        end: '2026-07-01T09:00:00Z',
        timeZone,
      });
      expect(created.timeZone).toBe(timeZone);
      expect(Date.parse(created.start)).toBe(Date.parse('2026-07-01T08:00:00Z'));
      const offset = {
        'Europe/Berlin': '+02:00',
        'America/New_York': '-04:00',
        'Asia/Kolkata': '+05:30',
        UTC: '+00:00',
      }[timeZone];
      expect(created.start.slice(-6)).toBe(offset);
    },
  );

  it('keeps whole days, whose end is the first day after', async () => {
    const created = await calendar.create('anna', 'a', {
      ...MEETING,
      start: '2026-12-24',
      end: '2026-12-27',
      timeZone: 'Pacific/Auckland',
    });
    expect(created).toMatchObject({ start: '2026-12-24', end: '2026-12-27', timeZone: 'Pacific/Auckland' });
    expect(await calendar.create('anna', 'b', { ...MEETING, start: '2026-12-30', end: '2026-12-30' })).toMatchObject({
      end: '2026-12-31',
    });
    // The 24th begins in Auckland (UTC+13) at 11:00 UTC of the 23rd.
    expect(await listed({ from: '2026-12-23T10:00:00Z', to: '2026-12-23T11:00:00Z' })).toEqual([]);
    expect(await listed({ from: '2026-12-23T10:00:00Z', to: '2026-12-23T11:00:01Z' })).toHaveLength(1);
    expect(await listed({ from: '2026-12-26T11:00:00Z', to: '2026-12-26T12:00:00Z' })).toEqual([]);
  });

  it('lists what overlaps the range, by start', async () => {
    const at = (start: string, end: string): NewCalendarEvent => ({
      ...MEETING,
      title: start,
      start,
      end,
      timeZone: 'UTC',
    });
    await calendar.create('anna', 'late', at('2026-12-01T12:00:00Z', '2026-12-01T13:00:00Z'));
    await calendar.create('anna', 'long', at('2026-11-01T00:00:00Z', '2027-11-01T00:00:00Z'));
    await calendar.create('anna', 'before', at('2026-12-01T09:00:00Z', '2026-12-01T10:00:00Z'));
    await calendar.create('anna', 'moment', at('2026-12-01T10:00:00Z', '2026-12-01T10:00:00Z'));
    await calendar.create('anna', 'after', at('2026-12-01T13:00:00Z', '2026-12-01T14:00:00Z'));
    const events = await calendar.list('anna', { from: '2026-12-01T10:00:00Z', to: '2026-12-01T13:00:00Z' });
    expect(events.map(({ id }) => id)).toEqual(['long', 'moment', 'late']);
    expect(await calendar.list('bob', DECEMBER)).toEqual([]);
  });

  it.each<[Partial<NewCalendarEvent>, string]>([
    [{ start: '2026-12-01T10:00:00' }, 'start'],
    [{ start: 'tomorrow' }, 'start'],
    [{ start: '2026-02-30', end: '2026-03-01' }, 'start'],
    [{ end: '2026-12-02' }, 'end'],
    [{ end: '2026-12-01T09:00:00+01:00' }, 'end'],
    [{ timeZone: 'Europe/Nowhere' }, 'timeZone'],
  ])('refuses %j', async (change, field) => {
    const refusal = { type: 'invalid-body', errors: [{ path: field }] };
    await expect(calendar.create('anna', 'a', { ...MEETING, ...change })).rejects.toMatchObject(refusal);
  });

  it.each(['', 'a b', 'a\nEND:VEVENT', 'a;b', 'a#20261201', 'ü'])('refuses the id %j', async (id) => {
    await expect(calendar.create('anna', id, MEETING)).rejects.toMatchObject({ type: 'invalid-body' });
  });
});

describe('a calendar that other programs edit', () => {
  const ALARMED = [
    'BEGIN:VEVENT',
    'UID:foreign@example.org',
    'DTSTAMP:20260101T000000Z',
    'DTSTART;TZID=Europe/Berlin:20261210T090000',
    'DURATION:PT45M',
    'SUMMARY;LANGUAGE=de:Zahn',
    ' arzt\\, Dr. Weiß',
    'ATTENDEE;CN="Weiß: Praxis":mailto:praxis@example.org',
    'X-APPLE-STRUCTURED-LOCATION;VALUE=URI:geo:1,2',
    'BEGIN:VALARM',
    'ACTION:DISPLAY',
    'DESCRIPTION:not the description',
    'TRIGGER:-PT15M',
    'END:VALARM',
    'END:VEVENT',
    'BEGIN:VTODO',
    'UID:todo',
    'SUMMARY:Buy milk',
    'END:VTODO',
  ];

  it('stays as it is, byte for byte, when ours come and go', async () => {
    const text = await given(...ALARMED);
    await calendar.create('anna', 'ours', MEETING);
    expect(await readFile(file(), 'utf8')).toContain(ALARMED.join('\r\n'));
    await calendar.remove('anna', 'ours');
    expect(await readFile(file(), 'utf8')).toBe(text);
  });

  it('keeps its line breaks and its byte order mark', async () => {
    const text = `\uFEFF${(await given(...ALARMED)).replaceAll('\r\n', '\n')}`;
    await writeFile(file(), text);
    await calendar.create('anna', 'ours', MEETING);
    expect(await readFile(file(), 'utf8')).not.toContain('\r');
    await calendar.remove('anna', 'ours');
    expect(await readFile(file(), 'utf8')).toBe(text);
  });

  it('is read with its zones, durations, escapes and people', async () => {
    await given(...ALARMED);
    expect(await calendar.list('anna', DECEMBER)).toEqual([
      {
        id: 'foreign@example.org',
        title: 'Zahnarzt, Dr. Weiß',
        start: '2026-12-10T09:00:00+01:00',
        end: '2026-12-10T09:45:00+01:00',
        timeZone: 'Europe/Berlin',
        attendees: ['praxis@example.org'],
      },
    ]);
    await calendar.remove('anna', 'foreign@example.org');
    expect(await readFile(file(), 'utf8')).toContain('UID:todo');
    expect(await calendar.list('anna', DECEMBER)).toEqual([]);
  });

  it('takes a time without zone for the calendar zone, and leaves out what was cancelled', async () => {
    await given(
      'X-WR-TIMEZONE:America/New_York',
      ...[
        'BEGIN:VEVENT',
        'UID:a',
        'DTSTART:20261205T080000',
        'DTEND:20261205T090000',
        'SUMMARY:floating',
        'END:VEVENT',
      ],
      ...['BEGIN:VEVENT', 'UID:b', 'DTSTART:20261205T080000', 'STATUS:CANCELLED', 'END:VEVENT'],
      ...['BEGIN:VEVENT', 'UID:c', 'SUMMARY:without a time', 'END:VEVENT'],
      ...['BEGIN:VEVENT', 'UID:__proto__', 'DTSTART;VALUE=DATE:20261206', 'SUMMARY:TRUE', 'END:VEVENT'],
    );
    expect(await listed()).toEqual([
      ['floating', '2026-12-05T08:00:00-05:00', '2026-12-05T09:00:00-05:00'],
      ['TRUE', '2026-12-06', '2026-12-07'],
    ]);
  });

  it('repeats events over a clock change, without excluded and with changed occurrences', async () => {
    await given(
      'BEGIN:VEVENT',
      'UID:weekly',
      'DTSTART;TZID=Europe/Berlin:20260901T100000',
      'DTEND;TZID=Europe/Berlin:20260901T110000',
      'RRULE:FREQ=WEEKLY;UNTIL=20261110T235959Z',
      'EXDATE;TZID=Europe/Berlin:20261020T100000',
      'SUMMARY:Jour fixe',
      'END:VEVENT',
      'BEGIN:VEVENT',
      'UID:weekly',
      'RECURRENCE-ID;TZID=Europe/Berlin:20261103T100000',
      'DTSTART;TZID=Europe/Berlin:20261104T150000',
      'DTEND;TZID=Europe/Berlin:20261104T160000',
      'SUMMARY:Jour fixe (moved)',
      'END:VEVENT',
    );
    const range = { from: '2026-10-13T00:00:00Z', to: '2026-12-31T00:00:00Z' };
    expect((await listed(range)).map(([title, start]) => [title, start])).toEqual([
      ['Jour fixe', '2026-10-13T10:00:00+02:00'],
      ['Jour fixe', '2026-10-27T10:00:00+01:00'],
      ['Jour fixe (moved)', '2026-11-04T15:00:00+01:00'],
      ['Jour fixe', '2026-11-10T10:00:00+01:00'],
    ]);
    const ids = (await calendar.list('anna', range)).map(({ id }) => id);
    expect(ids).toContain('weekly#20261103T090000Z');
    await calendar.remove('anna', 'weekly#20261103T090000Z');
    await calendar.remove('anna', 'weekly#20261110T090000Z');
    expect((await listed(range)).map(([, start]) => start)).toEqual([
      '2026-10-13T10:00:00+02:00',
      '2026-10-27T10:00:00+01:00',
    ]);
    await calendar.remove('anna', 'weekly');
    expect(await listed(range)).toEqual([]);
  });

  it('repeats whole days for ever, and takes single ones out', async () => {
    await given(
      ...[
        'BEGIN:VEVENT',
        'UID:birthday',
        'DTSTART;VALUE=DATE:19800329',
        'RRULE:FREQ=YEARLY',
        'SUMMARY:Birthday',
        'END:VEVENT',
      ],
    );
    const range = { from: '2026-01-01T00:00:00Z', to: '2029-01-01T00:00:00Z' };
    const dates = ['2026-03-29', '2027-03-29', '2028-03-29'];
    expect((await listed(range)).map(([, start]) => start)).toEqual(dates);
    await calendar.remove('anna', 'birthday#20270329');
    expect((await listed(range)).map(([, start]) => start)).toEqual([dates[0], dates[2]]);
  });

  it('lists an event once when its rule is senseless or would repeat it without end', async () => {
    const event = (uid: string, rule: string): string[] => [
      'BEGIN:VEVENT',
      `UID:${uid}`,
      'DTSTART:20261201T100000Z',
      `RRULE:${rule}`,
      `SUMMARY:${uid}`,
      'END:VEVENT',
    ];
    await given(...event('a', 'FREQ=SECONDLY'), ...event('b', 'FREQ=SOMETIMES;X'), ...event('c', 'FREQ=DAILY'));
    const events = await calendar.list('anna', { from: '2026-01-01T00:00:00Z', to: '9999-01-01T00:00:00Z' });
    const count = (title: string): number => events.filter((listedEvent) => listedEvent.title === title).length;
    expect([count('a'), count('b'), count('c')]).toEqual([1, 1, 1000]);
  });

  it.each([
    ['not a calendar', 'hello\n'],
    ['cut off', 'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\n'],
    ['wrongly nested', 'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n'],
    ['followed by rubbish', 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nrubbish:x\r\n'],
    ['not UTF-8', Buffer.from([0x42, 0xff, 0xfe])],
  ])('is refused and left alone when it is %s', async (_, content) => {
    await mkdir(join(root, 'anna'));
    await writeFile(file(), content);
    const refusal = { type: 'conflict', message: expect.stringContaining('damaged') as string };
    await expect(calendar.list('anna', DECEMBER)).rejects.toMatchObject(refusal);
    await expect(calendar.create('anna', 'a', MEETING)).rejects.toMatchObject(refusal);
    await expect(calendar.remove('anna', 'a')).rejects.toMatchObject(refusal);
    expect(await readFile(file())).toEqual(Buffer.from(content));
    expect(await readdir(join(root, 'anna'))).toEqual(['calendar.ics']);
  });

  it('stays a link when somebody linked it to another folder', async () => {
    await mkdir(join(root, 'anna'));
    await mkdir(join(root, 'synchronised'));
    await writeFile(join(root, 'synchronised', 'mine.ics'), '');
    await symlink(join(root, 'synchronised', 'mine.ics'), file());
    await calendar.create('anna', 'a', MEETING);
    expect(await readFile(join(root, 'synchronised', 'mine.ics'), 'utf8')).toContain('UID:a');
  });
});

describe('the lock of the local calendar', () => {
  const lock = (): string => join(root, 'anna', 'calendar.ics.lock');

  it('loses no event when two processes write at the same time', async () => {
    const script = fileURLToPath(new URL('./fixtures/create-events.ts', import.meta.url));
    const run = promisify(execFile);
    const create = (prefix: string): Promise<unknown> =>
      run(process.execPath, ['--import', 'tsx', script, root, prefix, '25']);
    await Promise.all([create('one'), create('two')]);
    const ids = (await calendar.list('anna', DECEMBER)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(50);
    expect(await readdir(join(root, 'anna'))).toEqual(['calendar.ics']);
  });

  it('is taken over at once from a process that died', async () => {
    await mkdir(join(root, 'anna'));
    // No system gives out process ids this high.
    await writeFile(lock(), JSON.stringify({ token: 'x', pid: 2 ** 30, host: hostname() }));
    const start = performance.now();
    await Promise.all(Array.from({ length: 10 }, (_, index) => calendar.create('anna', `e${index}`, MEETING)));
    expect(performance.now() - start).toBeLessThan(3000);
    expect(await calendar.list('anna', DECEMBER)).toHaveLength(10);
  });

  it('is taken over from another machine, or half written, after long silence', async () => {
    await mkdir(join(root, 'anna'));
    for (const content of [JSON.stringify({ token: 'x', pid: process.pid, host: 'elsewhere' }), '']) {
      await writeFile(lock(), content);
      const longAgo = new Date(Date.now() - 60_000);
      await utimes(lock(), longAgo, longAgo);
      await calendar.create('anna', `e${content.length}`, MEETING);
    }
    expect(await calendar.list('anna', DECEMBER)).toHaveLength(2);
  });
});
