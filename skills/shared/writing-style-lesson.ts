import type { OutwardAction, TransactionContext } from '../../contracts/skill.js';
import type { JsonValue } from '../../contracts/space.js';
import type { MailInput } from './mail-schema.js';
import { groupsOf, lessonOf, readStyle, styleAsPayload, taught } from './writing-style.js';

/** A mail that a person has let go, as it was sent. */
export type SentByWill = Parameters<NonNullable<OutwardAction<MailInput>['learn']>>[0];

/**
 * Notes in the user's memory how they write to each group of recipients: one atom a group, a version a lesson. A mail
 * that an atom names as a source teaches that atom nothing again; a deprecated atom is left alone and a new one begun.
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
    // What a stranger's words have led to is not built upon; the history keeps it.
    const before = atom === undefined || atom.origin === 'untrusted' ? undefined : readStyle(atom.payload);
    if (before?.sources.includes(source) === true) continue;
    const payload = styleAsPayload(taught(before, lesson, group));
    if (atom === undefined) await spaces.put(memory.id, { payload, metadata: { kind: 'style', group }, comment });
    else await spaces.update(memory.id, atom.id, { payload, comment });
  }
}

function bodyOf(input: JsonValue): string | undefined {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return undefined;
  return typeof input['body'] === 'string' ? input['body'] : undefined;
}
