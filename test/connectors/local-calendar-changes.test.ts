import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import nodeIcal from 'node-ical';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalCalendar } from '../../connectors/local/calendar.js';
import type { CalendarConnector, NewCalendarEvent } from '../../contracts/services.js';

const RANGE = { from: '2026-12-01T00:00:00+01:00', to: '2027-01-01T00:00:00+01:00' };
const MEETING: NewCalendarEvent = {
  title: 'Planning',
  start: '2026-12-01T10:00:00+01:00',
  end: '2026-12-01T11:30:00+01:00',
  timeZone: 'Europe/Berlin',
  attendees: ['bob@example.org'],
  description: 'Room 4',
};
const DENTIST = [
  'BEGIN:VEVENT',
  'UID:foreign@example.org',
  'DTSTAMP:20260101T000000Z',
  'DTSTART;TZID=Europe/Berlin:20261210T090000',
  'DURATION:PT45M',
  'SUMMARY;LANGUAGE=de:Zahn',
  ' arzt',
  'ATTENDEE;CN="Weiß: Praxis";PARTSTAT=ACCEPTED:mailto:praxis@example.org',
  'X-APPLE-STRUCTURED-LOCATION;VALUE=URI:geo:1,2',
  'BEGIN:VALARM',
  'ACTION:DISPLAY',
  'TRIGGER:-PT15M',
  'END:VALARM',
  'END:VEVENT',
];
const WEEKLY = [
  'BEGIN:VEVENT',
  'UID:weekly',
  'DTSTART;TZID=Europe/Berlin:20261201T100000',
  'DTEND;TZID=Europe/Berlin:20261201T110000',
  'RRULE:FREQ=WEEKLY;COUNT=4',
  'SUMMARY:Jour fixe',
  'END:VEVENT',
  'BEGIN:VEVENT',
  'UID:weekly',
  'RECURRENCE-ID;TZID=Europe/Berlin:20261208T100000',
  'DTSTART;TZID=Europe/Berlin:20270109T150000',
  'DTEND;TZID=Europe/Berlin:20270109T160000',
  'SUMMARY:Jour fixe (moved)',
  'END:VEVENT',
];
const TODO = ['BEGIN:VTODO', 'UID:todo', 'SUMMARY:Buy milk', 'END:VTODO'];

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
  const text = ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n');
  await mkdir(join(root, 'anna'), { recursive: true });
  await writeFile(file(), text);
  return text;
}

function text(): Promise<string> {
  return readFile(file(), 'utf8');
}

async function ids(): Promise<string[]> {
  return (await calendar.list('anna', RANGE)).map(({ id }) => id);
}

function tooLate(): never {
  throw new Error('too late');
}

describe('an event of the local calendar', () => {
  it('is read with a version that changes when any program changes it, and only then', async () => {
    await given(...DENTIST, ...TODO);
    const { event, version } = await calendar.get('anna', 'foreign@example.org');
    expect(event).toEqual((await calendar.list('anna', RANGE))[0]);
    await writeFile(file(), (await text()).replace('Buy milk', 'Buy tea'));
    expect(await calendar.get('anna', 'foreign@example.org')).toEqual({ event, version });
    await writeFile(file(), (await text()).replace('TRIGGER:-PT15M', 'TRIGGER:-PT20M'));
    const changed = await calendar.get('anna', 'foreign@example.org');
    expect(changed.event).toEqual(event);
    expect(changed.version).not.toBe(version);
  });

  it('is not found before there is a file, after it was removed and when it was cancelled', async () => {
    const missing = { type: 'not-found', message: 'the local calendar has no event a' };
    await expect(calendar.get('anna', 'a')).rejects.toMatchObject(missing);
    await expect(calendar.update('anna', 'a', { title: 'x' }, 'v')).rejects.toMatchObject(missing);
    expect(await calendar.remove('anna', 'a', 'v')).toBeNull();
    await given('BEGIN:VEVENT', 'UID:a', 'DTSTART:20261201T100000Z', 'STATUS:CANCELLED', 'END:VEVENT');
    await expect(calendar.get('anna', 'a')).rejects.toMatchObject(missing);
    await expect(calendar.get('anna', 'a#20261201T100000Z')).rejects.toMatchObject({ type: 'not-found' });
  });

  it('can be one occurrence of a repeating one, also where it was moved to', async () => {
    await given(...WEEKLY);
    expect((await calendar.get('anna', 'weekly#20261215T090000Z')).event).toMatchObject({
      id: 'weekly#20261215T090000Z',
      start: '2026-12-15T10:00:00+01:00',
    });
    expect((await calendar.get('anna', 'weekly#20261208T090000Z')).event).toMatchObject({
      title: 'Jour fixe (moved)',
      start: '2027-01-09T15:00:00+01:00',
    });
    for (const id of ['weekly#20261216T090000Z', 'weekly#20261299', 'weekly#00000000T000000Z']) {
      await expect(calendar.get('anna', id)).rejects.toMatchObject({ type: 'not-found' });
    }
  });
});

describe('an update', () => {
  it('changes what it names, once for each version', async () => {
    await calendar.create('anna', 'a', MEETING);
    const { version } = await calendar.get('anna', 'a');
    const patch = { title: 'Review', start: '2026-12-02T10:00:00+01:00', end: '2026-12-02T11:00:00+01:00' };
    const updated = await calendar.update('anna', 'a', patch, version);
    expect(updated).toEqual({ event: { id: 'a', ...MEETING, ...patch }, version: expect.any(String) as string });
    expect(await calendar.get('anna', 'a')).toEqual(updated);
    const stale = { type: 'stale', message: expect.stringContaining('Review was changed since') as string };
    await expect(calendar.update('anna', 'a', { title: 'Other' }, version)).rejects.toMatchObject(stale);
    await expect(calendar.remove('anna', 'a', version)).rejects.toMatchObject({ type: 'stale' });
    expect(await calendar.get('anna', 'a')).toEqual(updated);
    expect(await readdir(join(root, 'anna'))).toEqual(['calendar.ics']);
  });

  it('leaves every other line alone and marks the event as revised', async () => {
    const before = await given(...DENTIST, ...TODO);
    const { version } = await calendar.get('anna', 'foreign@example.org');
    await calendar.update('anna', 'foreign@example.org', { title: 'Dentist, Dr. Weiß' }, version);
    const after = await text();
    const stamp = /^DTSTAMP:(\d{8}T\d{6}Z)\r$/m.exec(after)?.[1];
    expect(stamp).not.toBe('20260101T000000Z');
    expect(after).toBe(
      before
        .replace('DTSTAMP:20260101T000000Z\r\n', '')
        .replace('SUMMARY;LANGUAGE=de:Zahn\r\n arzt\r\n', '')
        .replace(
          'UID:foreign',
          `SEQUENCE:1\r\nDTSTAMP:${stamp}\r\nLAST-MODIFIED:${stamp}\r\nSUMMARY:Dentist\\, Dr. Weiß\r\nUID:foreign`,
        ),
    );
    const again = await calendar.get('anna', 'foreign@example.org');
    await calendar.update('anna', 'foreign@example.org', { description: 'Bring the card' }, again.version);
    expect(await text()).toContain('SEQUENCE:2\r\n');
  });

  it('keeps what other programs know about the people who stay', async () => {
    await given(...DENTIST);
    const { version } = await calendar.get('anna', 'foreign@example.org');
    const attendees = ['Carla', 'bob@example.org', 'praxis@example.org'];
    const { event } = await calendar.update('anna', 'foreign@example.org', { attendees }, version);
    expect(event.attendees).toEqual(attendees);
    expect(await text()).toContain('ATTENDEE;CN="Weiß: Praxis";PARTSTAT=ACCEPTED:mailto:praxis@example.org\r\n');
    const next = await calendar.get('anna', 'foreign@example.org');
    const fewer = await calendar.update('anna', 'foreign@example.org', { attendees: [] }, next.version);
    expect(fewer.event.attendees).toEqual([]);
    expect(await text()).not.toMatch(/ATTENDEE/);
  });

  it('moves an event whose times another program wrote, and takes texts away', async () => {
    await given(...DENTIST);
    const { version } = await calendar.get('anna', 'foreign@example.org');
    const moved = {
      start: '2026-12-11T09:00:00-05:00',
      end: '2026-12-11T10:00:00-05:00',
      timeZone: 'America/New_York',
    };
    const { event } = await calendar.update('anna', 'foreign@example.org', { ...moved, description: 'x' }, version);
    expect(event).toMatchObject({ ...moved, title: 'Zahnarzt', description: 'x' });
    expect(nodeIcal.sync.parseICS(await text())['foreign@example.org']).toMatchObject({
      start: new Date('2026-12-11T14:00:00Z'),
      end: new Date('2026-12-11T15:00:00Z'),
    });
    const next = await calendar.get('anna', 'foreign@example.org');
    const bare = await calendar.update('anna', 'foreign@example.org', { description: '' }, next.version);
    expect(bare.event).not.toHaveProperty('description');
    const days = { start: '2026-12-24', end: '2026-12-27' };
    expect((await calendar.update('anna', 'foreign@example.org', days, bare.version)).event).toMatchObject(days);
  });

  it('writes nothing when nothing would change', async () => {
    await calendar.create('anna', 'a', MEETING);
    const [before, read] = [await text(), await calendar.get('anna', 'a')];
    expect(
      await calendar.update('anna', 'a', { title: 'Planning', attendees: MEETING.attendees }, read.version),
    ).toEqual(read);
    expect(await text()).toBe(before);
  });

  it.each(['weekly', 'weekly#20261215T090000Z', 'weekly#20261208T090000Z'])(
    'is refused for %s, which repeats',
    async (id) => {
      const before = await given(...WEEKLY);
      const { version } = await calendar.get('anna', id);
      await expect(calendar.update('anna', id, { title: 'x' }, version)).rejects.toMatchObject({
        type: 'conflict',
        message: expect.stringMatching(
          /^Jour fixe.* is part of a repeating event; change it in your calendar program$/,
        ),
      });
      expect(await text()).toBe(before);
    },
  );

  it('is refused for times that cannot be written', async () => {
    await calendar.create('anna', 'a', MEETING);
    const { version } = await calendar.get('anna', 'a');
    const before = await text();
    for (const patch of [{ end: '2026-12-01T09:00:00+01:00' }, { start: '2026-12-01' }, { timeZone: 'Mars/One' }]) {
      await expect(calendar.update('anna', 'a', patch, version)).rejects.toMatchObject({ type: 'invalid-body' });
    }
    expect(await text()).toBe(before);
  });
});

describe('two writers of the local calendar', () => {
  it('cannot both change an event that both have read', async () => {
    await calendar.create('anna', 'a', MEETING);
    const other = createLocalCalendar({ root });
    const { version } = await calendar.get('anna', 'a');
    const results = await Promise.allSettled([
      calendar.update('anna', 'a', { title: 'One' }, version),
      other.update('anna', 'a', { title: 'Two' }, version),
      other.remove('anna', 'a', version),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('lose no event while one is changed again and again', async () => {
    await calendar.create('anna', 'a', MEETING);
    const script = fileURLToPath(new URL('./fixtures/create-events.ts', import.meta.url));
    const creating = promisify(execFile)(process.execPath, ['--import', 'tsx', script, root, 'p', '15']);
    for (let count = 1; count <= 15; count++) {
      const { version } = await calendar.get('anna', 'a');
      await calendar.update('anna', 'a', { title: `Planning ${count}` }, version);
    }
    await creating;
    expect(await ids()).toHaveLength(16);
    expect((await calendar.get('anna', 'a')).event.title).toBe('Planning 15');
    expect(await text()).toContain('SEQUENCE:15');
  });

  it('notice a change that another program makes between reading and writing', async () => {
    await given(...DENTIST);
    const { version } = await calendar.get('anna', 'foreign@example.org');
    await writeFile(file(), (await text()).replace('geo:1,2', 'geo:3,4'));
    const update = calendar.update('anna', 'foreign@example.org', { title: 'x' }, version);
    await expect(update).rejects.toMatchObject({ type: 'stale' });
  });
});

describe('beforeWrite of the local calendar', () => {
  it('leaves the file byte for byte when it throws', async () => {
    await calendar.create('anna', 'a', MEETING);
    const [before, { version }] = [await text(), await calendar.get('anna', 'a')];
    await expect(calendar.create('anna', 'b', MEETING, tooLate)).rejects.toThrow('too late');
    await expect(calendar.update('anna', 'a', { title: 'x' }, version, tooLate)).rejects.toThrow('too late');
    await expect(calendar.remove('anna', 'a', version, tooLate)).rejects.toThrow('too late');
    expect(await text()).toBe(before);
    expect(await readdir(join(root, 'anna'))).toEqual(['calendar.ics']);
  });

  it('leaves no file where there was none', async () => {
    await expect(calendar.create('anna', 'a', MEETING, tooLate)).rejects.toThrow('too late');
    expect(await readdir(join(root, 'anna'))).toEqual([]);
  });

  it('is called once for each write, while the old text still stands, and not where nothing is written', async () => {
    let calls = 0;
    const count = (): void => void (calls += 1);
    await calendar.create('anna', 'a', MEETING, count);
    await calendar.create('anna', 'a', MEETING, count);
    const { version } = await calendar.get('anna', 'a');
    await calendar.update('anna', 'a', { title: 'x' }, version, count);
    await expect(calendar.update('anna', 'a', { title: 'y' }, version, count)).rejects.toMatchObject({ type: 'stale' });
    await calendar.remove('anna', 'a', undefined, count);
    await calendar.remove('anna', 'a', undefined, count);
    expect(calls).toBe(3);
  });
});

describe('what was removed from the local calendar', () => {
  it.each([['foreign@example.org'], ['weekly'], ['weekly#20261215T090000Z'], ['weekly#20261208T090000Z']])(
    'is put back byte for byte: %s',
    async (id) => {
      const before = await given(...TODO, ...DENTIST, ...WEEKLY);
      const removed = await calendar.remove('anna', id);
      await expect(calendar.get('anna', id)).rejects.toMatchObject({ type: 'not-found' });
      expect(await calendar.remove('anna', id)).toBeNull();
      await calendar.restore('anna', removed ?? '');
      expect(await text()).toBe(before);
      await calendar.restore('anna', removed ?? '');
      expect(await text()).toBe(before);
    },
  );

  it.each([['foreign@example.org'], ['weekly'], ['weekly#20261215T090000Z'], ['weekly#20261208T090000Z']])(
    'is put back as it was although the calendar was changed since: %s',
    async (id) => {
      await given(...DENTIST, ...WEEKLY);
      const before = await calendar.get('anna', id);
      const removed = await calendar.remove('anna', id);
      await calendar.create('anna', 'ours', MEETING);
      await calendar.restore('anna', removed ?? '');
      expect(await calendar.get('anna', id)).toMatchObject(id.includes('#') ? { event: before.event } : before);
      expect(await ids()).toContain('ours');
    },
  );

  it('stays away when the event is there again, or when it cannot be put back', async () => {
    await calendar.create('anna', 'a', MEETING);
    const removed = await calendar.remove('anna', 'a');
    await calendar.create('anna', 'a', { ...MEETING, title: 'New' });
    await calendar.restore('anna', removed ?? '');
    expect((await calendar.get('anna', 'a')).event.title).toBe('New');

    await given(...WEEKLY);
    const occurrence = await calendar.remove('anna', 'weekly#20261208T090000Z');
    await calendar.remove('anna', 'weekly');
    await expect(calendar.restore('anna', occurrence ?? '')).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('the repeating event it belongs to is gone'),
    });
    await given(...WEEKLY);
    const excluded = await calendar.remove('anna', 'weekly#20261215T090000Z');
    await writeFile(
      file(),
      (await text()).replace('EXDATE:20261215T090000Z', 'EXDATE;TZID=Europe/Berlin:20261215T100000'),
    );
    await expect(calendar.restore('anna', excluded ?? '')).rejects.toMatchObject({ type: 'conflict' });
  });
});
