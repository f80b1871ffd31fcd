import type { EffectClass } from '../contracts/effect-class.js';
import { raised } from '../contracts/gate.js';
import type { Proposal, Skill } from '../contracts/skill.js';
import type { BegunCall } from '../engine/calls.js';
import { visibleLine } from '../skills/shared/visible-text.js';
import { type SharedSpace, sharedSpaces } from '../spaces/shared-spaces.js';
import type { Db, Tx } from '../store/db.js';
import { classOf } from './outward.js';

const MOST_NAMED = 50;

/**
 * The class of a call by what it writes: outward where an agent that has read strangers' words puts something before
 * other people, who read the space it writes to. Asked before the transaction is confined to the agent.
 */
export async function classInStore(
  tx: Tx,
  skill: Skill,
  { call, caller, labels }: Pick<BegunCall, 'call' | 'caller' | 'labels'>,
): Promise<EffectClass> {
  const effect = classOf(skill, call.input, caller);
  if (!labels.includes('untrusted')) return effect;
  const shared = await sharedSpaces(tx, caller.user.id, spacesWritten(skill, call.input));
  return shared.length === 0 ? effect : raised(effect, 'outward');
}

/** The proposal with whom the words reach, where other people read what the call writes to. */
export async function withReaders(
  db: Db,
  user: string,
  skill: Skill,
  input: unknown,
  proposal: Proposal,
): Promise<Proposal> {
  const written = spacesWritten(skill, input);
  if (written.length === 0) return proposal;
  const shared = await db.as(user, (tx) => sharedSpaces(tx, user, written));
  if (shared.length === 0) return proposal;
  const { preview } = proposal;
  const principals = shared.flatMap(({ readers }) => readers.map(({ principal }) => principal));
  return {
    ...proposal,
    preview: {
      ...preview,
      text: [...shared.map(readersLine), '', preview.text].join('\n'),
      recipients: [...new Set([...preview.recipients, ...principals])],
    },
  };
}

function spacesWritten(skill: Skill, input: unknown): readonly string[] {
  return skill.runs === 'transaction' ? (skill.writesTo?.(input as never) ?? []) : [];
}

function readersLine({ id, name, readers }: SharedSpace): string {
  const named = readers.slice(0, MOST_NAMED).map((reader) => `${visibleLine(reader.name)} (${reader.principal})`);
  const rest = readers.length > MOST_NAMED ? `, and ${readers.length - MOST_NAMED} more` : '';
  return `Other people read the space “${visibleLine(name)}” (${id}): ${named.join(', ')}${rest}. They see this once it is approved.`;
}
