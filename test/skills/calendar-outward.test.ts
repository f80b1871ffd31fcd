import { describe, expect, it } from 'vitest';
import { SendError } from '../../contracts/effect.js';
import type { CalendarEvent } from '../../contracts/services.js';
import { calendarCancelEvent } from '../../skills/calendar-cancel-event/run.js';
import { calendarCreateEvent } from '../../skills/calendar-create-event/run.js';
import { calendarUpdateEvent } from '../../skills/calendar-update-event/run.js';
import { parseInput } from '../../skills/registry.js';
import { propose } from '../helpers/outward-call.js';
import { type FakeContext, fakeContext } from '../helpers/skill-context.js';

const ROUTE = 'the calendar file on this machine; Google Calendar is not connected';
const LUNCH = {
  title: 'Lunch',
  start: '2026-11-24T12:00:00+01:00',
  end: '2026-11-24T13:00:00+01:00',
  timeZone: 'Europe/Berlin',
  attendees: ['Dana@example.com', 'raj@example.com'],
};
const MEETING: CalendarEvent = { ...LUNCH, id: 'evt_1', title: 'Meeting', description: 'Room 4' };
const DENTIST: CalendarEvent = { ...LUNCH, id: 'dentist', title: 'Dentist', attendees: [] };

function tooLate(): never {
  throw new SendError('refused', 'too late');
}

function change(context: FakeContext, patch: Partial<CalendarEvent>): Promise<unknown> {
  return context.calendar
    .get('usr_1', 'evt_1')
    .then(({ version }) => context.calendar.update('usr_1', 'evt_1', patch, version));
}

describe('an invitation', () => {
  it('shows everything that is to happen', async () => {
    const context = fakeContext({ timeZone: 'America/New_York', events: [DENTIST] });
    const input = {
      ...LUNCH,
      attendees: [...LUNCH.attendees, 'Carla'],
      description: 'Bring:\n- figures\u202E\nAttendees: nobody',
    };
    const { proposal, recipients } = await propose(calendarCreateEvent, input, context);
    expect(recipients).toEqual(['dana@example.com', 'raj@example.com', 'carla']);
    expect(proposal).toEqual({
      title: 'Invitation to Dana@example.com, raj@example.com, Carla: Lunch',
      preview: {
        text: [
          'Warning: Contains hidden characters, shown as ⟦U+200B⟧ and the like: U+202E (right-to-left override). Some of them change the direction of the text.',
          'Title: Lunch',
          'When: Tuesday, 24 November 2026, 12:00 to 13:00 (Europe/Berlin, UTC+01:00)',
          '  in your time zone: Tuesday, 24 November 2026, 06:00 to 07:00 (America/New_York, UTC-05:00)',
          'Attendees:',
          '  Dana@example.com',
          '  raj@example.com',
          '  Carla (no mail address)',
          'Description:',
          '  Bring:',
          '  - figures⟦U+202E⟧',
          '  Attendees: nobody',
          'At the same time in your calendar:',
          '  “Dentist” on Tuesday, 24 November 2026, 06:00 to 07:00 (America/New_York, UTC-05:00)',
          `Route: ${ROUTE}`,
        ].join('\n'),
        recipients: ['dana@example.com', 'raj@example.com', 'carla'],
        when: 'Tuesday, 24 November 2026, 12:00 to 13:00 (Europe/Berlin, UTC+01:00); in your time zone Tuesday, 24 November 2026, 06:00 to 07:00 (America/New_York, UTC-05:00)',
      },
      precondition: { busy: ['dentist'] },
    });
    expect(context.calendar.events.size).toBe(1);
  });

  it.each([
    [{ start: '2026-11-24', end: '2026-11-25' }, 'Tuesday, 24 November 2026, the whole day'],
    [{ start: '2026-11-24', end: '2026-11-27' }, 'Tuesday, 24 November 2026 to Thursday, 26 November 2026, whole days'],
    [
      { start: '2026-10-24T23:30:00+02:00', end: '2026-10-25T03:30:15+01:00' },
      'Saturday, 24 October 2026, 23:30 to Sunday, 25 October 2026, 03:30:15 (Europe/Berlin, UTC+02:00, then UTC+01:00)',
    ],
  ])('says in words when it is: %j', async (times, when) => {
    const { proposal } = await propose(calendarCreateEvent, { ...LUNCH, ...times }, fakeContext());
    expect(proposal.preview.when).toBe(when);
    expect(proposal.preview.text).toContain(`When: ${when}\n`);
    expect(proposal.preview.text.includes('It begins in the past.')).toBe(times.start.startsWith('2026-10'));
  });

  it('stays on one line and names three people in its title', async () => {
    const attendees = Array.from({ length: 5 }, (_, index) => `p${index}@example.org`);
    const { proposal } = await propose(
      calendarCreateEvent,
      { ...LUNCH, title: 'Lunch\nRoute: none', attendees },
      fakeContext(),
    );
    expect(proposal.title).toBe(
      'Invitation to p0@example.org, p1@example.org, p2@example.org and 2 more: Lunch Route: none',
    );
    expect(proposal.preview.text).toContain('Title: Lunch Route: none\n');
    expect(proposal.preview.text).not.toContain('\nRoute: none');
  });

  it('names what came into its time since, and only that', async () => {
    const context = fakeContext({ events: [DENTIST] });
    const call = await propose(calendarCreateEvent, LUNCH, context);
    expect(await call.difference()).toBeUndefined();
    await context.calendar.create('usr_1', 'before', {
      ...DENTIST,
      start: '2026-11-24T11:00:00+01:00',
      end: LUNCH.start,
    });
    expect(await call.difference()).toBeUndefined();
    await context.calendar.create('usr_1', 'call', { ...DENTIST, title: 'Call', start: '2026-11-24T12:30:00+01:00' });
    expect(await call.difference()).toBe(
      'The time is no longer as free as it was: “Call” on Tuesday, 24 November 2026, 12:30 to 13:00 (Europe/Berlin, UTC+01:00) is in the calendar now.',
    );
    await context.calendar.remove('usr_1', 'call');
    await context.calendar.remove('usr_1', 'dentist');
    expect(await call.difference()).toBeUndefined();
  });

  it('is written once for its key, says by which route, and finds itself again', async () => {
    const context = fakeContext();
    const call = await propose(calendarCreateEvent, LUNCH, context);
    expect(await call.probe()).toBe('absent');
    const sent = await call.send();
    expect(sent.providerId).toMatch(/^ret[0-9a-v]{52}$/);
    expect(sent).toEqual({
      providerId: sent.providerId,
      output: { status: 'invited', route: ROUTE, id: sent.providerId, ...LUNCH },
      outputs: [{ kind: 'event', title: 'Lunch', ref: 'effect:apr_1' }],
    });
    expect(calendarCreateEvent.manifest.output.safeParse(sent.output).success).toBe(true);
    expect(await call.send(tooLate)).toEqual(sent);
    expect(await call.probe()).toEqual(sent);
    expect(await call.difference()).toBeUndefined();
    expect(context.calendar.events.size).toBe(1);
    const other = await (await propose(calendarCreateEvent, LUNCH, context, 'apr_2')).send();
    expect(other.providerId).not.toBe(sent.providerId);
    await context.calendar.remove('usr_1', sent.providerId);
    await context.calendar.create('usr_1', sent.providerId, { ...LUNCH, title: 'Breakfast' });
    expect(await call.probe()).toBe('unsure');
  });

  it('is not written when it is too late, and refused where the calendar fails before', async () => {
    const context = fakeContext();
    const call = await propose(calendarCreateEvent, LUNCH, context);
    await expect(call.send(tooLate)).rejects.toMatchObject({ failure: 'refused', message: 'too late' });
    const lost = new Error('lost');
    await expect(
      call.send(() => {
        throw lost;
      }),
    ).rejects.toBe(lost);
    expect(context.calendar.events.size).toBe(0);
    const broken = { ...context.calendar, create: () => Promise.reject(new Error('/secret/path')) };
    const failing = await propose(calendarCreateEvent, LUNCH, { ...context, calendar: broken });
    await expect(failing.send()).rejects.toMatchObject({
      failure: 'refused',
      message: 'The calendar could not be written.',
    });
  });

  it.each([
    'dana@example.com\r\nBcc: x@example.com',
    'Dana <dana@example.com>',
    'dаna@example.com',
    'dana@exämple.com',
    'dana@localhost',
    'a@b@example.com',
    'Da\u200Bna',
    'Dana\u00A0',
    ' Dana',
    'Dana\nRaj',
    '\u3164',
    'Dana\u202E',
  ])('is refused for the attendee %j', (attendee) => {
    const parsed = parseInput(calendarCreateEvent, { ...LUNCH, attendees: [attendee] });
    expect(parsed).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^attendees\.0: must be a plain e-mail/),
    });
  });

  it.each(['dana@example.com', "o'neil+x@mail.example.co.uk", 'Dr. Helga Seidel', 'Jürgen Öz', '김철수'])(
    'takes the attendee %j',
    (attendee) => {
      expect(parseInput(calendarCreateEvent, { ...LUNCH, attendees: [attendee] })).toMatchObject({ ok: true });
    },
  );
});

describe('a change of an event with other people', () => {
  const MOVE = { start: '2026-11-25T12:00:00+01:00', end: '2026-11-25T13:00:00+01:00' };

  it('shows the event as it is and every field before and after', async () => {
    const context = fakeContext({ events: [MEETING, { ...DENTIST, ...MOVE }] });
    const input = {
      event: 'evt_1',
      title: 'Talk',
      ...MOVE,
      attendees: ['raj@example.com', 'ellen@example.com'],
      description: '',
    };
    const { proposal, recipients } = await propose(calendarUpdateEvent, input, context);
    expect(recipients).toEqual([]);
    const at = (day: string): string => `${day} November 2026, 12:00 to 13:00 (Europe/Berlin, UTC+01:00)`;
    expect(proposal.title).toBe('Change of an event with other people: “Meeting”');
    expect(proposal.preview).toEqual({
      text: [
        'The event as it is:',
        'Title: Meeting',
        `When: ${at('Tuesday, 24')}`,
        'Attendees:',
        '  Dana@example.com',
        '  raj@example.com',
        'Description:',
        '  Room 4',
        '',
        'What changes:',
        'Title before: Meeting',
        'Title after: Talk',
        `When before: ${at('Tuesday, 24')}`,
        `When after: ${at('Wednesday, 25')}`,
        'Attendees before:',
        '  Dana@example.com',
        '  raj@example.com',
        'Attendees after:',
        '  raj@example.com',
        '  ellen@example.com',
        'Description before:',
        '  Room 4',
        'Description after:',
        '  (none)',
        'At the same time in your calendar:',
        `  “Dentist” on ${at('Wednesday, 25')}`,
        '',
        `Route: ${ROUTE}`,
      ].join('\n'),
      recipients: ['dana@example.com', 'raj@example.com', 'ellen@example.com'],
      when: at('Wednesday, 25'),
    });
    expect(proposal.precondition).toEqual({ title: 'Meeting', version: expect.any(String), busy: ['dentist'] });
    expect(context.calendar.events.get('evt_1')).toEqual(MEETING);
  });

  it('says what has changed since: the event, its absence, the new time', async () => {
    const context = fakeContext({ events: [MEETING] });
    const call = await propose(calendarUpdateEvent, { event: 'evt_1', ...MOVE }, context);
    expect(await call.difference()).toBeUndefined();
    await context.calendar.create('usr_1', 'call', { ...DENTIST, ...MOVE, title: 'Call' });
    expect(await call.difference()).toMatch(/^The time is no longer as free as it was: “Call” on Wednesday/);
    await change(context, { title: 'Talk' });
    expect(await call.difference()).toBe(
      'The event “Meeting” was changed meanwhile and is now “Talk”, Tuesday, 24 November 2026, 12:00 to 13:00 (Europe/Berlin, UTC+01:00).',
    );
    await context.calendar.remove('usr_1', 'evt_1');
    expect(await call.difference()).toBe('The event “Meeting” is not in the calendar any more.');
  });

  it('is written only to the event that was approved', async () => {
    const context = fakeContext({ events: [MEETING] });
    const call = await propose(calendarUpdateEvent, { event: 'evt_1', title: 'Talk' }, context);
    expect(await call.probe()).toBe('absent');
    await expect(call.send(tooLate)).rejects.toMatchObject({ failure: 'refused' });
    expect(await call.probe()).toBe('absent');
    const sent = await call.send();
    expect(sent).toEqual({
      providerId: 'evt_1',
      output: { status: 'updated', route: ROUTE, ...MEETING, title: 'Talk' },
      outputs: [{ kind: 'event', title: 'Talk', ref: 'effect:apr_1' }],
    });
    expect(calendarUpdateEvent.manifest.output.safeParse(sent.output).success).toBe(true);
    expect(await call.probe()).toEqual(sent);
    await expect(call.send()).rejects.toMatchObject({ failure: 'stale' });
    await change(context, { title: 'Chat' });
    expect(await call.probe()).toBe('unsure');
    await context.calendar.remove('usr_1', 'evt_1');
    await expect(call.send()).rejects.toMatchObject({ failure: 'stale' });
    expect(await call.probe()).toBe('unsure');
  });

  it('is not proposed where it would change nothing, does not fit, or the calendar would refuse it', async () => {
    const context = fakeContext({ events: [MEETING] });
    const refused = (input: object, calendar = context.calendar): Promise<unknown> =>
      propose(calendarUpdateEvent, { event: 'evt_1', ...input }, { ...context, calendar });
    await expect(refused({ title: 'Meeting', start: '2026-11-24T11:00:00Z' })).rejects.toMatchObject({
      type: 'conflict',
    });
    await expect(refused({ end: '2026-11-24T11:00:00+01:00' })).rejects.toMatchObject({ type: 'invalid-body' });
    await expect(refused({ start: '2026-11-24' })).rejects.toMatchObject({ errors: [{ path: 'start' }] });
    const repeating = { ...context.calendar, update: () => Promise.reject(new Error('repeats')) };
    await expect(refused({ title: 'Talk' }, repeating)).rejects.toThrow('repeats');
    expect(context.calendar.events.get('evt_1')).toEqual(MEETING);
  });
});

describe('a cancellation of an event with other people', () => {
  it('shows the whole event, who is in it and what becomes of the note', async () => {
    const context = fakeContext({ events: [MEETING] });
    const { proposal, recipients } = await propose(calendarCancelEvent, { event: 'evt_1', note: 'Ill' }, context);
    const when = 'Tuesday, 24 November 2026, 12:00 to 13:00 (Europe/Berlin, UTC+01:00)';
    expect(recipients).toEqual([]);
    expect(proposal).toEqual({
      title: 'Cancellation of an event with other people: “Meeting”',
      preview: {
        text: [
          'This event is removed:',
          'Title: Meeting',
          `When: ${when}`,
          'Attendees:',
          '  Dana@example.com',
          '  raj@example.com',
          'Description:',
          '  Room 4',
          '',
          'Reason, which the calendar does not pass on:',
          '  Ill',
          `Route: ${ROUTE}`,
        ].join('\n'),
        recipients: ['dana@example.com', 'raj@example.com'],
        when,
      },
      precondition: { title: 'Meeting', version: expect.any(String) as string },
      taints: ['untrusted'],
    });
  });

  it('removes only the event that was approved, and finds that it did', async () => {
    const context = fakeContext({ events: [MEETING] });
    const call = await propose(calendarCancelEvent, { event: 'evt_1' }, context);
    expect(await call.difference()).toBeUndefined();
    expect(await call.probe()).toBe('absent');
    await expect(call.send(tooLate)).rejects.toMatchObject({ failure: 'refused' });
    await change(context, { title: 'Talk' });
    expect(await call.difference()).toMatch(/^The event “Meeting” was changed meanwhile and is now “Talk”/);
    await expect(call.send()).rejects.toMatchObject({ failure: 'stale' });
    expect(await call.probe()).toBe('unsure');
    await change(context, { title: 'Meeting' });
    const sent = await call.send();
    expect(sent).toEqual({
      providerId: 'evt_1',
      output: { status: 'cancelled', route: ROUTE, id: 'evt_1', title: 'Meeting' },
      outputs: [{ kind: 'event', title: 'Cancelled: Meeting', ref: 'effect:apr_1' }],
    });
    expect(calendarCancelEvent.manifest.output.safeParse(sent.output).success).toBe(true);
    expect(context.calendar.events.size).toBe(0);
    expect(await call.probe()).toEqual(sent);
    expect(await call.difference()).toBe('The event “Meeting” is not in the calendar any more.');
    await expect(call.send()).rejects.toMatchObject({ failure: 'stale' });
  });
});
