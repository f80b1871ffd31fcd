import { findAddresses, type Found } from '../address-book.js';
import { fittingCall, type Outcome, type Rule, say, type Step, together } from '../calls.js';
import { type MailCommand, readMailCommand, subjectFrom } from '../mail-words.js';
import type { Person } from '../people.js';
import { describeActions } from '../report.js';
import type { Setting } from '../setting.js';

const FILES_STAY = 'The attached file does not go with it: I can only write text.';

/** Every address once, whatever its capitals and whoever else it belongs to. */
function addresses(people: readonly Person[], found: Found, taken: Set<string>): string[] {
  const all = people.flatMap((person) => found.addressOf(person) ?? []);
  return all.filter((address) => !taken.has(address.toLowerCase()) && taken.add(address.toLowerCase()));
}

/** Written as a message only where the address was said; everything else is a mail. */
function messages(command: MailCommand, setting: Setting): Step | undefined {
  const { kind, to, cc, bcc, subject, body } = command;
  const plain = kind === 'message' && subject === undefined && cc.length === 0 && bcc.length === 0;
  if (!plain || to.some((person) => person.address === undefined)) return undefined;
  const calls = to.map(({ words, address }) =>
    fittingCall(setting, 'send_message', { target: address ?? words, text: body }, ['target', 'text']),
  );
  return together(...calls);
}

function mailCall(command: MailCommand, found: Found, setting: Setting): Step {
  const { kind, subject, body } = command;
  const taken = new Set<string>();
  const [to, cc, bcc] = [command.to, command.cc, command.bcc].map((people) => addresses(people, found, taken));
  const input = {
    to,
    ...(cc?.length ? { cc } : {}),
    ...(bcc?.length ? { bcc } : {}),
    subject: subject ?? subjectFrom(body),
    body,
  };
  return fittingCall(setting, kind === 'draft' ? 'email_draft' : 'email_send', input, ['to', 'subject', 'body']);
}

function stepFor(command: MailCommand, outcomes: readonly Outcome[], setting: Setting): Step {
  const message = messages(command, setting);
  if (message) return message;
  const found = findAddresses([...command.to, ...command.cc, ...command.bcc], outcomes, setting);
  if ('calls' in found) return found;
  const nothing = command.kind === 'draft' ? 'I wrote no draft.' : 'Nothing was sent.';
  return found.notes.length > 0 ? say(`${found.notes.join(' ')} ${nothing}`) : mailCall(command, found, setting);
}

/** Mails and messages to other people: written exactly as said, to addresses that were said, found or asked for. */
export const mail: Rule = (text, setting) => {
  const command = readMailCommand(text);
  if (command === undefined) return undefined;
  if ('unclear' in command) return say(command.unclear);
  const first = stepFor(command, [], setting);
  return {
    calls: first.calls,
    notes: command.hasFiles ? [...first.notes, FILES_STAY] : first.notes,
    next: (outcomes) => stepFor(command, outcomes, setting),
    report: (outcomes) => describeActions(outcomes, setting),
  };
};
