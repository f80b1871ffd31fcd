import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { insertAtoms, newAtomIds, type WrittenAtom } from '../insert-atoms.js';
import { type Actor, userActor } from '../principal.js';
import { createSpace } from '../spaces.js';
import type { Convention } from './convention.js';
import { GUIDELINES } from './guidelines.js';
import { CONVENTIONS } from './index.js';
import { promptLibrary } from './prompt-library.js';

/** `users.born_with` of who has got the conventions, and of who has got the guidelines too. */
const WITH_CONVENTIONS = 1;
const WITH_GUIDELINES = 2;
const CAME_WITH = 'Came with Retinue';
/** MD5 of descriptions of the prompt library in earlier releases. A user's own words are kept, these are not. */
const FORMER_DESCRIPTIONS = ['9e2fb1063795f85b3213eb432f6fa846'];

/**
 * Gives the user a copy of every convention and guideline to change or delete, once for ever: what was deleted does not
 * come back. Needs a system transaction, which holds the user until it ends, so that two at once do not both give them.
 */
export async function installConventions(tx: Tx, user: string): Promise<void> {
  const waiting = await tx.maybe<{ born_with: number }>(
    sql`select born_with from users where id = ${user} and born_with < ${WITH_GUIDELINES} for no key update`,
  );
  if (waiting === undefined) return;
  const actor = userActor(user);
  if (waiting.born_with < WITH_CONVENTIONS)
    for (const convention of CONVENTIONS) await installConvention(tx, actor, convention);
  await installGuidelines(tx, actor);
  await tx.run(sql`update users set born_with = ${WITH_GUIDELINES} where id = ${user}`);
}

/** At most this many users who have not got all of it yet. */
export async function usersWithoutConventions(tx: Tx, limit: number): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>(
    sql`select id from users where born_with < ${WITH_GUIDELINES} order by created_at, id limit ${limit}`,
  );
  return rows.map((row) => row.id);
}

/** Into the user's prompt library, where it is still there; what has one of their names already stays the only one of it. */
async function installGuidelines(tx: Tx, actor: Actor): Promise<void> {
  const { name: library, description } = promptLibrary;
  const space = await tx.maybe<{ id: string }>(sql`
    select id from spaces where owner_id = ${actor.user} and convention = ${library} and role is null and 'convention' = any(tags)
    order by created_at, id limit 1`);
  if (space === undefined) return;
  await tx.run(sql`
    update spaces set description = ${description} where id = ${space.id} and md5(description) = any(${FORMER_DESCRIPTIONS}::text[])`);
  const taken = await tx.rows<{ name: string }>(
    sql`select distinct metadata->>'name' as name from atoms where space_id = ${space.id} and metadata ? 'name'`,
  );
  const names = new Set(taken.map(({ name }) => name));
  const missing = GUIDELINES.filter(({ name }) => !names.has(name));
  const ids = newAtomIds(missing.length);
  const atoms = missing.map(({ name, topic, title, text }, index) => ({
    id: ids[index] ?? '',
    versions: [
      {
        payload: { title, text },
        mediaType: 'application/json',
        metadata: { type: 'instructions', name, topic, status: 'proven' },
        references: [],
        origin: actor.origin,
        deprecated: false,
        comment: CAME_WITH,
      },
    ],
  }));
  await insertAtoms(tx, actor, space.id, atoms);
}

async function installConvention(tx: Tx, actor: Actor, convention: Convention): Promise<void> {
  const { name, description } = convention;
  const space = await createSpace(tx, actor, { name, convention: name, description, tags: ['convention'] });
  await insertAtoms(tx, actor, space.id, atomsOf(actor, convention));
}

function atomsOf(actor: Actor, { recipes, examples }: Convention): WrittenAtom[] {
  const ids = newAtomIds(recipes.length + examples.length);
  const written = {
    mediaType: 'application/json',
    origin: actor.origin,
    deprecated: false,
    comment: CAME_WITH,
  };
  const idOf = (key: string): string => {
    const index = examples.findIndex((example) => example.key === key);
    const id = ids[recipes.length + index];
    if (index < 0 || id === undefined) throw new Error(`there is no example ${key}`);
    return id;
  };
  return [
    ...recipes.map(({ title, text }) => ({
      ...written,
      payload: { title, text },
      metadata: { kind: 'recipe' },
      references: [],
    })),
    ...examples.map(({ payload, metadata, references = [], isDeprecated = false }) => ({
      ...written,
      payload,
      metadata: { ...metadata, kind: 'example' },
      references: references.map(({ type, to }) => ({ type, atom: idOf(to) })),
      deprecated: isDeprecated,
    })),
  ].map((version, index) => ({ id: ids[index] ?? '', versions: [version] }));
}
