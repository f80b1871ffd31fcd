import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { insertAtoms, newAtomIds, type WrittenAtom } from '../insert-atoms.js';
import { type Actor, userActor } from '../principal.js';
import { createSpace } from '../spaces.js';
import type { Convention } from './convention.js';
import { CONVENTIONS } from './index.js';

/** `users.born_with` of who has got the conventions. */
const WITH_CONVENTIONS = 1;

/**
 * Gives the user a copy of every convention to change or delete, once for ever: what was deleted does not come back.
 * Needs a system transaction, which holds the user until it ends, so that two at once do not both give them.
 */
export async function installConventions(tx: Tx, user: string): Promise<void> {
  const waiting = await tx.maybe(
    sql`select id from users where id = ${user} and born_with < ${WITH_CONVENTIONS} for no key update`,
  );
  if (waiting === undefined) return;
  const actor = userActor(user);
  for (const convention of CONVENTIONS) await installConvention(tx, actor, convention);
  await tx.run(sql`update users set born_with = ${WITH_CONVENTIONS} where id = ${user}`);
}

/** At most this many users who have not got the conventions yet. */
export async function usersWithoutConventions(tx: Tx, limit: number): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>(
    sql`select id from users where born_with < ${WITH_CONVENTIONS} order by created_at, id limit ${limit}`,
  );
  return rows.map((row) => row.id);
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
    comment: 'Came with Retinue',
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
