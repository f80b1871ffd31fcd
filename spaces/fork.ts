import { ProblemError } from '../contracts/problem.js';
import type { Space } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { newAtomIds, recordPuts } from './insert-atoms.js';
import type { Actor } from './principal.js';
import { createSpace, getSpace, grantsOf } from './spaces.js';

const MOST_FORKED = 500;

/**
 * A private copy of a space to adapt: description, convention, tags other than `convention`, and every atom as it is now,
 * deprecated ones too, with its references to atoms of the space and to others that the actor may read. What came from
 * outside or from other people is copied as untrusted, and still names these people. Throws `conflict` beyond 500 atoms.
 */
export async function forkSpace(tx: Tx, actor: Actor, id: string, { name }: { name: string }): Promise<Space> {
  refuseUntrusted(actor);
  const space = await getSpace(tx, actor, id);
  const copies = await planCopies(tx, id);
  const { described_by: describedBy } = await tx.one<{ described_by: string | null }>(
    sql`select described_by from spaces where id = ${id}`,
  );
  const fork = await createSpace(
    tx,
    actor,
    {
      name,
      description: space.description,
      ...(space.convention === undefined ? {} : { convention: space.convention }),
      tags: space.tags.filter((tag) => tag !== 'convention'),
    },
    describedBy,
  );
  await copyAtoms(tx, actor, fork.id, copies, `Forked from ${id}`);
  await copyReferences(tx, actor, copies);
  await beginHistories(tx, actor, copies.to);
  await recordPuts(tx, actor, fork.id, copies.to);
  return getSpace(tx, actor, fork.id);
}

function refuseUntrusted(actor: Actor): void {
  if (actor.origin !== 'untrusted') return;
  throw new ProblemError(
    'forbidden',
    "A fork takes over the description of a space, which is instructions to agents. After reading mail, web pages or other people's files an agent may not fork; ask the user to.",
  );
}

/** Ids of the atoms to copy, oldest first, and of their copies, place by place. */
interface Copies {
  readonly from: string[];
  readonly to: string[];
}

async function planCopies(tx: Tx, space: string): Promise<Copies> {
  const rows = await tx.rows<{ id: string }>(
    sql`select id from atoms where space_id = ${space} order by created_at, id limit ${MOST_FORKED + 1}`,
  );
  if (rows.length > MOST_FORKED)
    throw new ProblemError(
      'conflict',
      `Only spaces of up to ${MOST_FORKED} atoms, deprecated ones included, are forked. Export this one and import the file.`,
    );
  return { from: rows.map((row) => row.id), to: newAtomIds(rows.length) };
}

async function copyAtoms(tx: Tx, actor: Actor, fork: string, { from, to }: Copies, comment: string): Promise<void> {
  await tx.run(sql`
    insert into atoms (id, space_id, version, payload, media_type, metadata, author, people, mixed, origin, comment, deprecated, words)
    select c.copy, ${fork}, 1, a.payload, a.media_type, a.metadata, ${actor.author}, array(select unnest(a.people) union select ${actor.user}),
      a.origin = 'untrusted' or not a.people <@ ${[actor.user]}::text[],
      case when a.origin = 'untrusted' or not a.people <@ ${[actor.user]}::text[] then 'untrusted' when a.origin = 'agent' then 'agent' else ${actor.origin} end,
      ${comment}, a.deprecated, a.words
    from unnest(${from}::text[], ${to}::text[]) as c(id, copy) join atoms a on a.id = c.id`);
}

async function copyReferences(tx: Tx, actor: Actor, { from, to }: Copies): Promise<void> {
  await tx.run(sql`
    with copies as (select * from unnest(${from}::text[], ${to}::text[]) as c(id, copy))
    insert into atom_references (atom_id, type, target_id, position)
    select c.copy, r.type, coalesce(t.copy, r.target_id), r.position
    from copies c join atom_references r on r.atom_id = c.id left join copies t on t.id = r.target_id
    where t.id is not null or exists (select from atoms o join ${grantsOf(actor)} on g.space_id = o.space_id where o.id = r.target_id)`);
}

/** The first version of each copy, as the copy is. */
async function beginHistories(tx: Tx, actor: Actor, ids: readonly string[]): Promise<void> {
  await tx.run(sql`
    insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, author_user, people, brought_by, brought_origin, origin, comment, deprecated, call_id)
    select a.id, 1, a.space_id, a.payload, a.media_type, a.metadata,
      coalesce((select jsonb_agg(jsonb_build_object('type', r.type, 'atom', r.target_id) order by r.position) from atom_references r where r.atom_id = a.id), '[]'::jsonb),
      a.author, ${actor.user}, a.people, a.people, a.origin, a.origin, a.comment, a.deprecated, ${actor.callId ?? null}
    from atoms a where a.id = any(${[...ids]}::text[])`);
}
