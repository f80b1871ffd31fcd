import { ProblemError } from '../contracts/problem.js';
import { installConventions } from '../spaces/conventions/install.js';
import { userActor } from '../spaces/principal.js';
import { createRoleSpaces } from '../spaces/spaces.js';
import type { Tx } from '../store/db.js';
import { json, sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { eraseFromShared, forgetTitles } from './erased-atoms.js';

/** How many of each were erased. */
interface ErasedCounts {
  readonly conversations: number;
  readonly requests: number;
  readonly files: number;
  readonly spaces: number;
  readonly atoms: number;
  /** Atoms of other people that were written at and stay, without what was written. */
  readonly atomsOfOthers: number;
  readonly policies: number;
  readonly reminders: number;
  readonly triggers: number;
  readonly secrets: number;
}

interface Erasure {
  readonly user: string;
  readonly erasedAt: string;
  readonly erased: ErasedCounts;
  /** File contents that were stored a moment ago; a sweep removes them within hours, unless somebody else has the same. */
  readonly filesLeftToSweep: number;
}

/** Bytes younger than this may be somebody's whose row is on its way. */
const SETTLED_MS = 600_000;
const MOST_REMEMBERED = 20;

/**
 * Erases everything that the user has said, made or received here: conversations with all they led to, reminders and
 * triggers, spaces with what is in them, what was written in spaces of others, grants, files, policies, secrets, and the folders of connectors. The user,
 * tokens, settings, wallet and credits stay, and one line of what was erased when. What everybody is born with is
 * made again. Doing it twice is harmless. Throws `conflict` while requests are open, `not-found` without the user.
 */
export async function eraseContent(
  engine: Engine,
  user: string,
  by: string,
  forgetFolders: (user: string) => Promise<void>,
): Promise<Erasure> {
  const { hashes, ...done } = await engine.db.system((tx) => eraseRows(tx, user, by));
  await forgetFolders(user);
  return { user, ...done, filesLeftToSweep: await removeBytes(engine, hashes) };
}

async function eraseRows(
  tx: Tx,
  user: string,
  by: string,
): Promise<{ erasedAt: string; erased: ErasedCounts; hashes: string[] }> {
  const known = await tx.maybe(sql`select id from users where id = ${user} for update`);
  if (known === undefined) throw new ProblemError('not-found', `There is no user ${user.slice(0, 80)}.`);
  await refuseOpen(tx, user);
  await holdSpaces(tx, user);
  await eraseGrants(tx, user);
  await forgetTitles(tx, user);
  const spaces = await eraseSpaces(tx, user);
  const shared = await eraseFromShared(tx, user);
  await tx.run(sql`update spaces set description = '', described_by = null where described_by = ${user}`);
  const plans = await erasePlans(tx, user);
  const requests = await eraseRequests(tx, user);
  const files = await tx.rows<{ sha256: string }>(sql`delete from files where user_id = ${user} returning sha256`);
  const policies = await tx.run(sql`delete from policies where user_id = ${user}`);
  // The key first: without it no copy of a secret is more than noise.
  await tx.run(sql`delete from data_keys where user_id = ${user}`);
  const secrets = await tx.run(sql`delete from secrets where user_id = ${user}`);
  await tx.run(sql`delete from known_recipients where user_id = ${user}`);
  await tx.run(sql`delete from tainted_refs where user_id = ${user}`);
  await tx.run(sql`update users set born_with = 0 where id = ${user}`);
  await createRoleSpaces(tx, userActor(user));
  await installConventions(tx, user);
  const erased = {
    ...requests,
    ...plans,
    files: files.length,
    spaces: spaces.spaces,
    atoms: spaces.atoms + shared.removed,
    atomsOfOthers: shared.blanked,
    policies,
    secrets,
  };
  const erasedAt = await remember(tx, user, by, erased);
  return { erasedAt, erased, hashes: [...new Set(files.map((file) => file.sha256))] };
}

/** What is under way would write again what is erased, and its end could not be told to anybody. */
async function refuseOpen(tx: Tx, user: string): Promise<void> {
  const { open } = await tx.one<{ open: number }>(sql`
    select count(*)::int as open from requests r where r.user_id = ${user} and (r.ended_at is null
      or exists (select from effects e where e.request_id = r.id and e.closed_at is null)
      or exists (select from calls c where c.request_id = r.id and c.status = 'undoing'))`);
  if (open === 0) return;
  throw new ProblemError(
    'conflict',
    `${open === 1 ? '1 request is' : `${open} requests are`} still open: cancel them or let them end first.`,
  );
}

/** Spaces first, then their grants, as everybody who writes takes them. */
async function holdSpaces(tx: Tx, user: string): Promise<void> {
  const spaces = await tx.rows<{ id: string }>(sql`
    select id from spaces where id in (
      select id from spaces where owner_id = ${user}
      union select space_id from space_grants where principal = ${`user:${user}`}
      union select space_id from atom_versions where author_user = ${user})
    order by id for update`);
  const ids = spaces.map((space) => space.id);
  await tx.rows(sql`
    select space_id from space_grants where space_id = any(${ids}::text[]) order by space_id, principal for update`);
}

async function eraseGrants(tx: Tx, user: string): Promise<void> {
  await tx.run(sql`
    delete from space_grants where principal = ${`user:${user}`} or principal in (select 'agent:' || id from agents where user_id = ${user})`);
}

/** The user's own spaces, with all that is in them. */
async function eraseSpaces(tx: Tx, user: string): Promise<{ spaces: number; atoms: number }> {
  const { atoms } = await tx.one<{ atoms: number }>(sql`
    select count(*)::int as atoms from atoms where space_id in (select id from spaces where owner_id = ${user})`);
  return { spaces: await tx.run(sql`delete from spaces where owner_id = ${user}`), atoms };
}

/** What would come due, and each time that something did. */
async function erasePlans(tx: Tx, user: string): Promise<{ reminders: number; triggers: number }> {
  for (const table of ['occasions', 'paces'])
    await tx.run(sql`delete from ${sql.table(table)} where user_id = ${user}`);
  const reminders = await tx.run(sql`delete from reminders where user_id = ${user}`);
  return { reminders, triggers: await tx.run(sql`delete from triggers where user_id = ${user}`) };
}

/** Conversations with their requests, and with those everything that happened in them. */
async function eraseRequests(tx: Tx, user: string): Promise<{ conversations: number; requests: number }> {
  await tx.run(sql`delete from outbox where target->>'user' = ${user}`);
  for (const table of ['holds', 'effects', 'approvals', 'reservations', 'subscriptions', 'deliveries'])
    await tx.run(sql`delete from ${sql.table(table)} where user_id = ${user}`);
  const requests = await tx.run(sql`delete from requests where user_id = ${user}`);
  return { requests, conversations: await tx.run(sql`delete from conversations where user_id = ${user}`) };
}

/** Keeps one line of it with the user's settings, the newest first. */
async function remember(tx: Tx, user: string, by: string, erased: ErasedCounts): Promise<string> {
  const { at } = await tx.one<{ at: string }>(sql`
    with line as (select jsonb_build_object('at', now()::timestamptz(3), 'by', ${by}::text, 'erased', ${json(erased)}) as line),
    kept as (
      select jsonb_agg(e.item order by e.place) as items from users u, line l,
        jsonb_array_elements(jsonb_build_array(l.line) || coalesce(u.settings->'erasures', '[]')) with ordinality as e(item, place)
      where u.id = ${user} and e.place <= ${MOST_REMEMBERED})
    update users set settings = settings || jsonb_build_object('erasures', kept.items) from kept where id = ${user}
    returning now()::timestamptz(3) as at`);
  return at;
}

/** Removes bytes that no row names any more. Returns how many were too young to tell. */
async function removeBytes(engine: Engine, hashes: readonly string[]): Promise<number> {
  if (hashes.length === 0) return 0;
  const used = await engine.db.system((tx) =>
    tx.rows<{ sha256: string }>(sql`select distinct sha256 from files where sha256 = any(${[...hashes]}::text[])`),
  );
  const kept = new Set(used.map((row) => row.sha256));
  const then = new Date(Date.now() - SETTLED_MS);
  let left = 0;
  for (const sha256 of hashes) if (!kept.has(sha256) && !(await engine.blobs.removePutBefore(sha256, then))) left += 1;
  return left;
}
