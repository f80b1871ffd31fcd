import { ProblemError } from '../contracts/problem.js';
import type { Space } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { ATOM_COLUMNS, type AtomRow, presentAtom } from './atom-rows.js';
import { applyBatch } from './batch.js';
import type { Actor } from './principal.js';
import { createSpace, getSpace } from './spaces.js';

const MOST_FORKED = 500;

/**
 * A private copy of a space to adapt: description, convention, tags other than `convention`, and its atoms as they are
 * now, with the references among them. What others wrote keeps its label: it is copied as untrusted.
 */
export async function forkSpace(tx: Tx, actor: Actor, id: string, { name }: { name: string }): Promise<Space> {
  const space = await getSpace(tx, actor, id);
  const rows = await tx.rows<AtomRow>(sql`
    select ${ATOM_COLUMNS} from atoms a where a.space_id = ${id} and not a.deprecated order by a.created_at, a.id limit ${MOST_FORKED + 1}`);
  if (rows.length > MOST_FORKED)
    throw new ProblemError(
      'conflict',
      `Only spaces of up to ${MOST_FORKED} atoms are forked; export and import this one.`,
    );
  const fork = await createSpace(tx, actor, {
    name,
    description: space.description,
    ...(space.convention === undefined ? {} : { convention: space.convention }),
    tags: space.tags.filter((tag) => tag !== 'convention'),
  });
  const atoms = rows.map(presentAtom);
  const copied = new Set<string>();
  for (const atom of atoms) {
    const isOthers = atom.origin === 'untrusted' || atom.people.some((person) => person !== actor.user);
    await applyBatch(tx, isOthers ? { ...actor, origin: 'untrusted' } : actor, fork.id, [
      {
        op: 'put',
        payload: atom.payload,
        mediaType: atom.mediaType,
        metadata: atom.metadata,
        comment: `Forked from ${id}`,
      },
    ]);
    copied.add(atom.id);
  }
  return getSpace(tx, actor, fork.id);
}
