import type { JsonValue, Metadata } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';
import { searchableText } from './atom-rows.js';

/** Atoms looked at by one statement, most of which usually have their vectors. */
const MOST_LOOKED_AT = 500;
/** Longer than a service may take; whoever claimed atoms and died leaves them to others after it. */
const CLAIM_MINUTES = 10;
/** Characters of an atom that are embedded; about as many as models take. */
const LONGEST_TEXT = 6_000;
const MOST_DROPPED = 5_000;

/** Place in the order of changes, latest first. */
export interface ChangePlace {
  readonly at: string;
  readonly id: string;
}

/** Which atoms are looked at: those changed at or after `since`, from `before` on backwards. */
interface ChangeRange {
  readonly since: string | undefined;
  readonly before: ChangePlace | undefined;
}

/** One atom to embed; `text` is what is embedded, and empty where it says nothing. */
export interface ClaimedAtom {
  readonly id: string;
  readonly version: number;
  readonly text: string;
}

interface ClaimedAtoms {
  readonly atoms: readonly ClaimedAtom[];
  /** Where to go on; undefined at the end of the range. */
  readonly next: ChangePlace | undefined;
  /** The database's time. */
  readonly at: string;
}

/** What an atom means at this version; null where it says nothing that the model takes. */
export interface AtomVector {
  readonly id: string;
  readonly version: number;
  readonly vector: readonly number[] | null;
}

interface ClaimRow {
  atoms: { id: string; version: number; payload: JsonValue; metadata: Metadata }[] | null;
  next: ChangePlace | null;
  at: string;
}

/**
 * The next atoms of the range that have no vector of this model for their newest version, at most `limit`. They belong to
 * the caller until it stores their vectors, gives them back, or has been silent for ten minutes.
 */
export async function claimAtoms(
  tx: Tx,
  model: string,
  { since, before }: ChangeRange,
  limit: number,
): Promise<ClaimedAtoms> {
  const row = await tx.one<ClaimRow>(sql`
    with page as materialized (
      select a.id, a.space_id, a.version, a.updated_at from atoms a
      where ${since === undefined ? sql`true` : sql`a.updated_at >= ${since}::timestamptz`}
        and ${before === undefined ? sql`true` : sql`(a.updated_at, a.id) < (${before.at}::timestamptz, ${before.id})`}
      order by a.updated_at desc, a.id desc limit ${MOST_LOOKED_AT}),
    missing as materialized (
      select p.* from page p join atoms a on a.id = p.id left join atom_vectors v on v.atom_id = p.id and v.model = ${model}
      where v.version is distinct from p.version and (v.claimed_until is null or v.claimed_until < now())
      order by p.updated_at desc, p.id desc limit ${limit} for key share of a skip locked),
    claimed as (
      insert into atom_vectors as v (atom_id, model, space_id, version, dimension, claimed_until)
      select id, ${model}, space_id, 0, 0, now() + make_interval(mins => ${CLAIM_MINUTES}) from missing
      on conflict (atom_id, model) do update set claimed_until = excluded.claimed_until
        where (v.claimed_until is null or v.claimed_until < now()) and v.version is distinct from (select m.version from missing m where m.id = v.atom_id)
      returning v.atom_id)
    select now() as at,
      coalesce(
        (select json_build_object('at', updated_at, 'id', id) from missing where (select count(*) from missing) = ${limit} order by updated_at, id limit 1),
        (select json_build_object('at', updated_at, 'id', id) from page where (select count(*) from page) = ${MOST_LOOKED_AT} order by updated_at, id limit 1)) as next,
      (select json_agg(json_build_object('id', a.id, 'version', m.version, 'payload', a.payload, 'metadata', a.metadata))
        from claimed c join missing m on m.id = c.atom_id join atoms a on a.id = m.id and a.version = m.version) as atoms`);
  return {
    atoms: (row.atoms ?? []).map(({ id, version, payload, metadata }) => ({
      id,
      version,
      text: textOf(payload, metadata),
    })),
    next: row.next ?? undefined,
    at: row.at,
  };
}

function textOf(payload: JsonValue, metadata: Metadata): string {
  const { title, body } = searchableText(payload, metadata);
  return `${title}\n${body}`.trim().slice(0, LONGEST_TEXT).toWellFormed();
}

/** Keeps vectors of claimed atoms; atoms that are gone and vectors of older versions than those kept are passed over. */
export async function storeVectors(tx: Tx, model: string, vectors: readonly AtomVector[]): Promise<void> {
  await tx.run(sql`
    update atom_vectors v set version = n.version, dimension = n.dimension, embedding = n.embedding::vector, claimed_until = null
    from unnest(${vectors.map(({ id }) => id)}::text[], ${vectors.map(({ version }) => version)}::int[],
      ${vectors.map(({ vector }) => vector?.length ?? 0)}::int[], ${vectors.map(({ vector }) => written(vector))}::text[])
      as n(id, version, dimension, embedding)
    where v.atom_id = n.id and v.model = ${model} and v.version <= n.version`);
}

function written(vector: readonly number[] | null): string | null {
  return vector === null ? null : `[${vector.join(',')}]`;
}

/** Gives atoms back that could not be embedded. */
export async function releaseAtoms(tx: Tx, model: string, ids: readonly string[]): Promise<void> {
  await tx.run(
    sql`update atom_vectors set claimed_until = null where model = ${model} and atom_id = any(${[...ids]}::text[])`,
  );
}

/** Drops vectors that the model of this name no longer makes, some at a time. Returns whether there may be more. */
export async function dropOtherLengths(tx: Tx, model: string, dimension: number): Promise<boolean> {
  return dropSome(tx, sql`model = ${model} and dimension not in (0, ${dimension})`);
}

/**
 * Once every atom has a vector of this model, drops those of other models, some at a time. Returns whether there may be
 * more.
 */
export async function dropOtherModels(tx: Tx, model: string): Promise<boolean> {
  const other = await tx.maybe<{ model: string }>(sql`
    select model from (select min(model) as model from atom_vectors union select max(model) from atom_vectors) m where model <> ${model} limit 1`);
  if (other === undefined || !(await isComplete(tx, model))) return false;
  await dropSome(tx, sql`model = ${other.model}`);
  return true;
}

async function dropSome(tx: Tx, condition: RawBuilder<unknown>): Promise<boolean> {
  const dropped = await tx.run(sql`
    delete from atom_vectors where ctid = any(array(select ctid from atom_vectors where ${condition} limit ${MOST_DROPPED}))`);
  return dropped === MOST_DROPPED;
}

async function isComplete(tx: Tx, model: string): Promise<boolean> {
  const { lacks } = await tx.one<{ lacks: boolean }>(sql`
    select exists (
      select from atoms a where not exists (select from atom_vectors v where v.atom_id = a.id and v.model = ${model} and v.version > 0)) as lacks`);
  return !lacks;
}
