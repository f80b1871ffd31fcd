import { ProblemError } from '../contracts/problem.js';
import type { JsonValue } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { GUIDELINES } from './conventions/guidelines.js';
import type { Actor } from './principal.js';
import { grantsOf } from './spaces.js';
import { trustedAtoms } from './trusted.js';

const LONGEST_NAME = 100;
const ATOM_PREFIX = 'atom:';

/** A text that agents are given as instructions. */
interface Guideline {
  readonly atom: string;
  readonly version: number;
  readonly text: string;
}

interface Instructions {
  readonly text: string;
  /** Where the text stands; missing for words that were given as such, and for a guideline as it came with Retinue. */
  readonly ref?: { readonly atom: string; readonly version: number };
  /** No agent and nobody but the user has written any version of it. */
  readonly ownWords: boolean;
}

interface GuidelineRow {
  id: string;
  version: number;
  payload: JsonValue;
}

/**
 * The text with this name (`metadata.name`): in the user's instructions, else in the prompt library; of several the one
 * that was changed last. Only what the actor may read, as a trusted hand has last left it, so that nothing that came from
 * outside and no other person takes the name of a guideline. Undefined where there is none.
 */
export async function findGuideline(tx: Tx, actor: Actor, name: string): Promise<Guideline | undefined> {
  const rows = await tx.rows<GuidelineRow>(sql`
    select a.id, a.version, a.payload from ${trustedAtoms(actor.user).content} a
      join spaces s on s.id = a.space_id join ${grantsOf(actor)} on g.space_id = s.id
    where s.owner_id = ${actor.user} and (s.role = 'instructions' or (s.role is null and s.convention = 'prompt-library' and 'convention' = any(s.tags)))
      and a.metadata->>'name' = ${name} and a.people <@ ${[actor.user]}::text[] and not a.deprecated
    order by s.role is null, a.updated_at desc, a.id desc limit 20`);
  for (const { id, version, payload } of rows) {
    const text = textOf(payload);
    if (text !== undefined) return { atom: id, version, text };
  }
  return undefined;
}

/**
 * What `instructions` of a new agent stand for: the name of a guideline, `atom:ID`, or the words themselves. A guideline
 * that the actor cannot find or read is given as it came with Retinue. Throws `ProblemError`: `not-found` for an atom that
 * is not there or may not be read, `conflict` for one that was withdrawn, `invalid-body` for one without a text.
 */
export async function resolveInstructions(tx: Tx, actor: Actor, given: string): Promise<Instructions> {
  const wanted = given.trim();
  if (wanted.startsWith(ATOM_PREFIX)) return textOfAtom(tx, actor, wanted.slice(ATOM_PREFIX.length));
  const found = wanted.length > LONGEST_NAME ? undefined : await findGuideline(tx, actor, wanted);
  if (found !== undefined) {
    const { atom, version, text } = found;
    return { text, ref: { atom, version }, ownWords: await isOwn(tx, actor, atom, version) };
  }
  const shipped = GUIDELINES.find(({ name }) => name === wanted);
  return shipped === undefined ? { text: given, ownWords: false } : { text: shipped.text, ownWords: true };
}

async function textOfAtom(tx: Tx, actor: Actor, id: string): Promise<Instructions> {
  const row = await tx.maybe<GuidelineRow & { deprecated: boolean }>(sql`
    select a.id, a.version, a.payload, a.deprecated from atoms a join ${grantsOf(actor)} on g.space_id = a.space_id where a.id = ${id}`);
  const named = `instructions: the atom ${id.slice(0, 80)}`;
  if (row === undefined)
    throw new ProblemError(
      'not-found',
      `${named} is not there, or you may not read it. Give the instructions in words, or the name of a guideline.`,
    );
  if (row.deprecated)
    throw new ProblemError(
      'conflict',
      `${named} was withdrawn. Give the instructions in words, or another atom; space_search finds them.`,
    );
  const text = textOf(row.payload);
  if (text === undefined)
    throw new ProblemError(
      'invalid-body',
      `${named} holds no text. Its payload must be a text or have a field text; give the instructions in words instead.`,
    );
  const { version } = row;
  return { text, ref: { atom: id, version }, ownWords: await isOwn(tx, actor, id, version) };
}

/** Whether the user's hand alone has written the atom up to this version, or it came with Retinue. */
async function isOwn(tx: Tx, actor: Actor, atom: string, version: number): Promise<boolean> {
  const other = await tx.maybe(sql`
    select 1 from atom_versions where atom_id = ${atom} and version <= ${version}
      and (origin <> 'user' or author not like 'user:%' or not people <@ ${[actor.user]}::text[]) limit 1`);
  return other === undefined;
}

function textOf(payload: JsonValue): string | undefined {
  const text = payload !== null && typeof payload === 'object' && !Array.isArray(payload) ? payload['text'] : payload;
  return typeof text === 'string' && text.trim() !== '' ? text : undefined;
}
