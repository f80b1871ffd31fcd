import { findAddresses } from '../address-book.js';
import { fittingCall, type Outcome, type Plan, type Rule, say, type Step } from '../calls.js';
import { readSlot } from '../meetings.js';
import { afterOpening } from '../openings.js';
import { type Person, takePeople } from '../people.js';
import { describeActions } from '../report.js';
import type { Setting } from '../setting.js';
import { capitalise, tidy } from '../text.js';
import { titleWords } from './act-commands.js';

interface Invitation {
  readonly people: readonly Person[];
  readonly title: string;
  /** The words that say when. */
  readonly when: string;
}

const MEETING =
  /^(?:an?|the|another)\s+(?:\p{L}+\s+){0,2}?(?:meeting|call|sync|session|catch-up|check-in|review|workshop|interview)\s+(?:\p{L}+\s+){0,6}?with\s+(?<who>.+)$/isu;
const WITH_ADDRESS = /^.{1,200}?\swith\s+(?<who>[^\s@]+@.+)$/isu;

function namesOf(people: readonly Person[]): string {
  return new Intl.ListFormat('en-GB').format(people.map((person) => person.words));
}

/** "Invite Dana to lunch on Tuesday at 12". */
function invited(text: string, setting: Setting): Invitation | undefined {
  const what = afterOpening(text, 'invite\\s');
  const taken = what === undefined ? undefined : takePeople(what, true);
  const occasion = /^\s+(?:to|for)\s+(?<what>\S[\s\S]*)$/u.exec(taken?.rest ?? '')?.groups?.['what'];
  if (taken === undefined || occasion === undefined || occasion.endsWith('?')) return undefined;
  const title = tidy(titleWords(occasion, setting));
  return { people: taken.people, title: title === '' ? '' : `${title} with ${namesOf(taken.people)}`, when: occasion };
}

/** "Schedule a meeting with Dana on Tuesday at 12". Anything less than a meeting is the user's own affair. */
function scheduled(text: string, setting: Setting): Invitation | undefined {
  const what = afterOpening(text, '(?:schedule|book|set up|arrange|plan|organi[sz]e)\\s');
  if (what === undefined || what.endsWith('?') || /[.!]\s+\p{L}/u.test(what)) return undefined;
  const who = (MEETING.exec(what) ?? WITH_ADDRESS.exec(what))?.groups?.['who'];
  const taken = who === undefined ? undefined : takePeople(who, false);
  return taken && { people: taken.people, title: tidy(titleWords(what, setting)), when: what };
}

function stepFor(invitation: Invitation, event: object, outcomes: readonly Outcome[], setting: Setting): Step {
  const found = findAddresses(invitation.people, outcomes, setting, (fitting) => fitting > 1);
  if ('calls' in found) return found;
  const attendees = [...new Set(invitation.people.flatMap((person) => found.addressOf(person) ?? []))];
  const call = fittingCall(setting, 'calendar_create_event', { ...event, attendees }, ['title', 'start', 'end']);
  const uninvited = found.notes.map((note) => `${note} So no invitation goes there.`);
  return { calls: call.calls, notes: [...call.notes, ...uninvited] };
}

function planFor(invitation: Invitation, setting: Setting): Plan {
  const slot = readSlot(invitation.when, setting);
  if ('unclear' in slot)
    return say(
      `I entered nothing and invited nobody: ${slot.unclear}. Say the day and the time, as in “invite Dana to lunch on Tuesday at 12:00”.`,
    );
  if (invitation.title === '') return say('I entered nothing and invited nobody: there is no title.');
  const event = { title: capitalise(invitation.title), ...slot.value };
  const first = stepFor(invitation, event, [], setting);
  return {
    calls: first.calls,
    // With calls, the step after them says it again.
    notes: first.calls.length > 0 ? [] : first.notes,
    next: (outcomes) => stepFor(invitation, event, outcomes, setting),
    report: (outcomes) => describeActions(outcomes, setting),
  };
}

/** An event with other people: they are invited by the addresses that the contacts have, or that were said. */
export const invite: Rule = (text, setting) => {
  const invitation = invited(text, setting) ?? scheduled(text, setting);
  return invitation && planFor(invitation, setting);
};
