import { createHash, randomBytes } from 'node:crypto';
import { ProblemError } from '../contracts/problem.js';
import type { NewUser, User, UserPatch } from '../contracts/user.js';
import { installConventions, usersWithoutConventions } from '../spaces/conventions/install.js';
import { userActor } from '../spaces/principal.js';
import { renewRoleSpaces } from '../spaces/role-spaces.js';
import { createRoleSpaces } from '../spaces/spaces.js';
import type { Tx } from '../store/db.js';
import { newId } from '../store/new-id.js';
import { json, sql } from '../store/sql.js';
import type { Page } from '../contracts/space.js';
import { pageCursor, readCursor } from '../store/paging.js';
import type { Engine } from './deps.js';

/** Who a token or a browser session stands for. */
export interface SignedIn {
  readonly id: string;
  readonly isOwner: boolean;
}

/** Label of the token the installation was started with; there is one at a time. */
const BOOT_LABEL = 'boot';
/** Label of tokens that live in a browser's cookie. */
const BROWSER_LABEL = 'browser';
const SESSION_DAYS = 30;
const MOST_SESSIONS = 50;

interface UserRow {
  id: string;
  name: string;
  time_zone: string;
  settings: { quietHours?: User['quietHours']; channels?: User['channels'] };
  created_at: string;
}

const COLUMNS = sql`id, name, time_zone, settings, created_at`;

/**
 * The installation's owner, made at the first start. A token given here works from now on; with `replace` the one that
 * an earlier start gave stops working in the same transaction. Without a token nothing about signing in changes.
 */
export async function ensureOwner(
  engine: Engine,
  owner: { name: string; timeZone: string; token?: string; replace?: boolean },
): Promise<{ id: string }> {
  return engine.db.system(async (tx) => {
    await tx.run(sql`select pg_advisory_xact_lock(hashtext('retinue-owner'))`);
    const known = await tx.maybe<{ id: string }>(sql`select id from users where is_owner`);
    const id = known?.id ?? (await insertUser(tx, { name: owner.name, timeZone: owner.timeZone, isOwner: true }));
    if (owner.token === undefined) return { id };
    const hash = hashOf(owner.token);
    if (owner.replace)
      await tx.run(sql`delete from tokens where user_id = ${id} and label = ${BOOT_LABEL} and hash <> ${hash}`);
    await tx.run(sql`
      insert into tokens (hash, user_id, label) values (${hash}, ${id}, ${BOOT_LABEL})
      on conflict (hash) do update set user_id = excluded.user_id, label = excluded.label, revoked_at = null`);
    return { id };
  });
}

const USERS_AT_ONCE = 100;

/** Gives everybody of earlier releases what new users are born with. Processes may do it at once, and stop halfway. */
export async function completeUsers({ db }: Pick<Engine, 'db'>): Promise<void> {
  await db.system(renewRoleSpaces);
  for (;;) {
    const users = await db.system((tx) => usersWithoutConventions(tx, USERS_AT_ONCE));
    if (users.length === 0) return;
    for (const user of users) await db.system((tx) => installConventions(tx, user));
  }
}

/** The user of a bearer token, or undefined. A revoked one is not found any more. */
export async function authenticate(engine: Engine, token: string): Promise<{ user: SignedIn } | undefined> {
  return lookUp(engine, token, sql`t.label <> ${BROWSER_LABEL}`);
}

/** The user of a browser's cookie, or undefined. */
export async function authenticateSession(engine: Engine, session: string): Promise<{ user: SignedIn } | undefined> {
  return lookUp(
    engine,
    session,
    sql`t.label = ${BROWSER_LABEL} and t.created_at > now() - make_interval(days => ${SESSION_DAYS})`,
  );
}

async function lookUp(
  engine: Engine,
  token: string,
  condition: ReturnType<typeof sql>,
): Promise<{ user: SignedIn } | undefined> {
  const user = await engine.db.system((tx) =>
    tx.maybe<SignedIn>(sql`
      select u.id, u.is_owner as "isOwner" from tokens t join users u on u.id = t.user_id
      where t.hash = ${hashOf(token)} and t.revoked_at is null and ${condition}`),
  );
  return user === undefined ? undefined : { user };
}

/** A session for one browser; it ends after 30 days, and the oldest goes when a user has too many. */
export async function createSession(engine: Engine, user: string): Promise<{ session: string; maxAgeSeconds: number }> {
  const session = newToken();
  await engine.db.system(async (tx) => {
    await tx.run(sql`
      delete from tokens where user_id = ${user} and label = ${BROWSER_LABEL} and hash not in (
        select hash from tokens where user_id = ${user} and label = ${BROWSER_LABEL} and created_at > now() - make_interval(days => ${SESSION_DAYS})
        order by created_at desc limit ${MOST_SESSIONS - 1})`);
    await tx.run(sql`insert into tokens (hash, user_id, label) values (${hashOf(session)}, ${user}, ${BROWSER_LABEL})`);
  });
  return { session, maxAgeSeconds: SESSION_DAYS * 86_400 };
}

/** A further person in this installation, with the spaces everybody is born with. The token is in this answer only. */
export async function createUser(engine: Engine, by: SignedIn, user: NewUser): Promise<User & { token: string }> {
  refuseOthers(by);
  const token = newToken();
  return engine.db.system(async (tx) => {
    const id = await insertUser(tx, {
      name: user.name,
      timeZone: user.timeZone ?? engine.defaultTimeZone,
      isOwner: false,
      channels: user.channels,
    });
    await tx.run(sql`insert into tokens (hash, user_id, label) values (${hashOf(token)}, ${id}, 'user')`);
    return { ...presentUser(await tx.one<UserRow>(sql`select ${COLUMNS} from users where id = ${id}`)), token };
  });
}

/** Everybody in this installation, newest first; for the owner. */
export async function listUsers(
  engine: Engine,
  by: SignedIn,
  page: { limit: number; cursor?: string | undefined },
): Promise<Page<User>> {
  refuseOthers(by);
  const after = readCursor(page.cursor);
  const rows = await engine.db.system((tx) =>
    tx.rows<UserRow>(sql`
      select ${COLUMNS} from users where ${after === undefined ? sql`true` : sql`(created_at, id) < (${after.at}::timestamptz, ${after.id})`}
      order by created_at desc, id desc limit ${page.limit + 1}`),
  );
  return pageCursor(rows, page.limit, (row) => ({ at: row.created_at, id: row.id }), presentUser);
}

export async function getMe(engine: Engine, user: string): Promise<User> {
  return presentUser(
    await engine.db.as(user, (tx) => tx.one<UserRow>(sql`select ${COLUMNS} from users where id = ${user}`)),
  );
}

/** The e-mail address that the user has named among the channels, if any. */
export async function mailAddressOf({ db }: Pick<Engine, 'db'>, user: string): Promise<string | undefined> {
  const row = await db.as(user, (tx) =>
    tx.maybe<Pick<UserRow, 'settings'>>(sql`select settings from users where id = ${user}`),
  );
  return row?.settings.channels?.find((channel) => channel.kind === 'email')?.id;
}

/** Changes what is named and leaves the rest; null takes the quiet hours away. */
export async function patchMe(engine: Engine, user: string, patch: UserPatch): Promise<User> {
  const settings = {
    ...(patch.quietHours === undefined ? {} : { quietHours: patch.quietHours }),
    ...(patch.channels === undefined ? {} : { channels: patch.channels }),
  };
  const row = await engine.db.as(user, (tx) =>
    tx.one<UserRow>(sql`
      update users set name = coalesce(${patch.name ?? null}, name), time_zone = coalesce(${patch.timeZone ?? null}, time_zone),
        settings = jsonb_strip_nulls(settings || ${json(settings)})
      where id = ${user} returning ${COLUMNS}`),
  );
  return presentUser(row);
}

function refuseOthers(by: SignedIn): void {
  if (!by.isOwner) throw new ProblemError('forbidden', 'Only the owner of this installation may manage its users.');
}

interface UserInsert {
  readonly name: string;
  readonly timeZone: string;
  readonly isOwner: boolean;
  readonly channels?: User['channels'] | undefined;
}

async function insertUser(tx: Tx, user: UserInsert): Promise<string> {
  const id = newId('usr');
  await tx.run(sql`
    insert into users (id, name, time_zone, is_owner, settings)
    values (${id}, ${user.name}, ${user.timeZone}, ${user.isOwner}, ${json(user.channels === undefined ? {} : { channels: user.channels })})`);
  await tx.run(sql`insert into wallets (user_id) values (${id})`);
  await createRoleSpaces(tx, userActor(id));
  await installConventions(tx, id);
  return id;
}

function presentUser(row: UserRow): User {
  return {
    id: row.id,
    name: row.name,
    timeZone: row.time_zone,
    ...(row.settings.quietHours === undefined ? {} : { quietHours: row.settings.quietHours }),
    channels: row.settings.channels ?? [],
  };
}

function newToken(): string {
  return `rtn_${randomBytes(32).toString('base64url')}`;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
