import type { OutwardAction, TransactionContext } from '../../contracts/skill.js';
import type { JsonValue } from '../../contracts/space.js';
import { asJson } from './as-json.js';
import type { MailInput } from './mail-schema.js';
import { spelledDomain } from './writing-style-domain.js';
import { groupsOf, lessonOf, readStyle, taught } from './writing-style.js';

/** A mail that a person has let go, as it was sent. */
type SentByWill = Parameters<NonNullable<OutwardAction<MailInput>['learn']>>[0];

/**
 * Notes in the user's memory how they write to each group of recipients: one atom a group, a version a lesson. A mail
 * that an atom names as a source teaches that atom nothing again; a deprecated atom is left alone and a new one begun.
 * `spaces` finds atoms as a trusted hand has last left them: what a stranger's words have put in their place is not
 * built upon but written over, and the history keeps it.
 */
export async function learnStyle(sent: SentByWill, { spaces }: TransactionContext): Promise<void> {
  const { key, input, proposed } = sent;
  const source = `approval:${key}`;
  const lesson = lessonOf({
    source,
    at: sent.at,
    recipients: [...input.to, ...(input.cc ?? [])],
    body: input.body,
    proposed: bodyOf(proposed),
    isUntrusted: sent.isUntrusted,
  });
  if (lesson === undefined) return;
  const memory = await spaces.ofRole('memory');
  const groups = groupsOf(input);
  const known = await spaces.search({
    spaces: [memory.id],
    metadata: { kind: 'style', group: { in: groups } },
    limit: 200,
  });
  const comment = `Learned from ${source}`;
  for (const group of groups) {
    // The newest first.
    const atom = known.items.find((hit) => hit.atom.metadata['group'] === group)?.atom;
    const before = atom === undefined ? undefined : readStyle(atom.payload);
    if (before?.sources.includes(source) === true) continue;
    const payload = asJson(taught(before, lesson, group));
    const spelled = spelledDomain(group);
    const metadata = { kind: 'style', group, ...(spelled === undefined ? {} : { spelled }) };
    if (atom === undefined) {
      await spaces.put(memory.id, { payload, metadata, comment });
      continue;
    }
    // A stranger's words may have marked it otherwise, or put it away.
    const marked = { spelled: null, ...metadata };
    const written = await spaces.update(memory.id, atom.id, { payload, metadata: marked, comment });
    if (written.deprecated) await spaces.restore(memory.id, atom.id, comment);
  }
}

function bodyOf(input: JsonValue): string | undefined {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return undefined;
  return typeof input['body'] === 'string' ? input['body'] : undefined;
}
