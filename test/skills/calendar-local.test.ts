import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalCalendar } from '../../connectors/local/calendar.js';
import { SendError } from '../../contracts/effect.js';
import { calendarCancelEvent } from '../../skills/calendar-cancel-event/run.js';
import { calendarCreateEvent } from '../../skills/calendar-create-event/run.js';
import { calendarUpdateEvent } from '../../skills/calendar-update-event/run.js';
import { propose } from '../helpers/outward-call.js';
import { type FakeContext, fakeContext } from '../helpers/skill-context.js';

const LUNCH = {
  start: '2026-11-24T12:00:00.500+01:00',
  end: '2026-11-24T13:00:00+01:00',
  timeZone: 'Europe/Berlin',
};

function tooLate(): never {
  throw new SendError('refused', 'too late');
}

describe('with other people, in the local calendar', () => {
  let root: string;
  let context: FakeContext;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'retinue-outward-'));
    context = { ...fakeContext(), calendar: { ...createLocalCalendar({ root }), events: new Map() } };
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('an invitation is found again whatever its texts hold, and says that nobody gets a mail', async () => {
    const input = {
      ...LUNCH,
      title: 'Lunch\u0007, \\n; "x"',
      description: ' a\r\nb\rc\td\u000B ',
      attendees: ['Dana@example.com', 'Carla'],
    };
    const call = await propose(calendarCreateEvent, input, context);
    const sent = await call.send();
    expect(await call.probe()).toEqual(sent);
    expect(sent.output).toMatchObject({
      route: expect.stringMatching(/Google Calendar is not connected, so nobody is/),
    });
    const change = await propose(
      calendarUpdateEvent,
      { event: sent.providerId, title: ' Tea ', attendees: ['Carla'] },
      context,
    );
    expect(await change.probe()).toBe('absent');
    const changed = await change.send();
    expect(await change.probe()).toEqual(changed);
    expect(changed.output).toMatchObject({ title: ' Tea ', attendees: ['Carla'] });
    const cancellation = await propose(calendarCancelEvent, { event: sent.providerId }, context);
    expect(await cancellation.probe()).toBe('absent');
    await expect(cancellation.send(tooLate)).rejects.toMatchObject({ message: 'too late' });
    expect(await cancellation.probe()).toBe('absent');
    expect(await cancellation.send()).toEqual(await cancellation.probe());
  });

  it('nobody is asked about a change of a repeating event', async () => {
    const lines = ['BEGIN:VCALENDAR', 'BEGIN:VEVENT', 'UID:weekly', 'DTSTART:20261124T110000Z', 'RRULE:FREQ=WEEKLY'];
    const people = ['ATTENDEE:mailto:jo@example.org', 'SUMMARY:Jour fixe', 'END:VEVENT', 'END:VCALENDAR', ''];
    await mkdir(join(root, 'usr_1'));
    await writeFile(join(root, 'usr_1', 'calendar.ics'), [...lines, ...people].join('\r\n'));
    for (const event of ['weekly', 'weekly#20261201T110000Z']) {
      await expect(propose(calendarUpdateEvent, { event, title: 'x' }, context)).rejects.toMatchObject({
        type: 'conflict',
        message: 'Jour fixe is part of a repeating event; change it in your calendar program',
      });
    }
  });
});
