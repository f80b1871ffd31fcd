import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { EventBus, Notice } from './event-bus.js';
import { awayProblem, isAway, isRetryable } from './errors.js';
import type { OutboxRow } from './outbox.js';
import { compileStatement, type RawBuilder } from './sql.js';

/** One open transaction. Inside it nothing but the database may be awaited. */
export interface Tx {
  /** Whose rows are visible, or null for the system's own view. */
  readonly user: string | null;
  rows<T>(query: RawBuilder<T>): Promise<T[]>;
  /** Throws unless exactly one row comes back. */
  one<T>(query: RawBuilder<T>): Promise<T>;
  maybe<T>(query: RawBuilder<T>): Promise<T | undefined>;
  /** Number of rows changed. */
  run(query: RawBuilder<unknown>): Promise<number>;
  /** From here on this transaction sees and changes only what the agent itself was granted, besides its user. */
  confineTo(agent: string): Promise<void>;
  /** Tells readers of the request's or space's event stream, once committed. */
  announce(notice: Notice): void;
  /** Hands an outbox row to the relay, once committed. */
  dispatch(row: OutboxRow): void;
  /** Runs after the work and before the commit, once for each name, in the order in which they were named last. */
  atEnd(name: string, work: () => Promise<void>): void;
}

/** Where committed changes are passed on; both may lose what they are told, since the rows are swept. */
export interface CommitSinks {
  readonly events: EventBus;
  readonly outbox: { poke(rows: readonly OutboxRow[]): void };
}

export interface Db {
  /** Runs `work` in one transaction that sees and changes this user's rows only. Runs it again when it lost a race. */
  as<T>(user: string, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Runs `work` with sight of everything: boot, relay, janitor, sign-in. */
  system<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Transactions begun since the start; benchmarks read it. */
  transactions(): number;
  close(): Promise<void>;
}

const MOST_TRIES = 6;
const current = new AsyncLocalStorage<true>();

/** Throws when called inside a transaction: with one connection the wait would never end. */
export function assertOutsideTransaction(what: string): void {
  if (current.getStore())
    throw new Error(`${what} was used inside a database transaction; only the database may be awaited there`);
}

export function createDb(pool: pg.Pool, sinks: CommitSinks): Db {
  let begun = 0;

  async function attempt<T>(user: string | null, work: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let broken: Error | undefined;
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on('error', onError);
    begun += 1;
    const tx = createTx(client, user);
    try {
      await client.query(beginText(user));
      const result = await current.run(true, async () => {
        const done = await work(tx);
        for (const last of tx.last.values()) await last();
        return done;
      });
      await client.query('commit');
      sinks.events.publish(tx.notices);
      sinks.outbox.poke(tx.outbox);
      return result;
    } catch (error) {
      // A server that does not answer would keep the caller waiting for a second time.
      broken ??= isAway(error) ? asError(error) : await rollBack(client);
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  async function withRetries<T>(user: string | null, work: (tx: Tx) => Promise<T>): Promise<T> {
    assertOutsideTransaction('A second transaction');
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt(user, work);
      } catch (error) {
        if (isAway(error)) throw awayProblem(error);
        if (!isRetryable(error) || tries >= MOST_TRIES) throw error;
        await delay(Math.random() * 10 * 2 ** tries);
      }
    }
  }

  return {
    as: (user, work) => withRetries(user, work),
    system: (work) => withRetries(null, work),
    transactions: () => begun,
    close: () => pool.end(),
  };
}

/** Role and user hold for this transaction only; row-level security reads them. */
function beginText(user: string | null): string {
  if (user === null) return 'begin';
  return `begin; set local role retinue_app; set local retinue.user_id = ${pg.escapeLiteral(user)}`;
}

async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback');
    return undefined;
  } catch (error) {
    return asError(error);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

interface OpenTx extends Tx {
  readonly notices: Notice[];
  readonly outbox: OutboxRow[];
  readonly last: Map<string, () => Promise<void>>;
}

function createTx(client: pg.PoolClient, user: string | null): OpenTx {
  const notices: Notice[] = [];
  const outbox: OutboxRow[] = [];
  const last = new Map<string, () => Promise<void>>();
  const query = async <T>(builder: RawBuilder<T>): Promise<pg.QueryResult> => {
    const { name, text, values } = compileStatement(builder);
    return client.query(name === undefined ? { text, values } : { name, text, values });
  };
  const rows = async <T>(builder: RawBuilder<T>): Promise<T[]> => (await query(builder)).rows as T[];
  return {
    user,
    notices,
    outbox,
    last,
    rows,
    async one<T>(builder: RawBuilder<T>): Promise<T> {
      const found = await rows(builder);
      const [first] = found;
      if (first === undefined || found.length > 1) throw new Error(`expected one row, got ${found.length}`);
      return first;
    },
    async maybe<T>(builder: RawBuilder<T>): Promise<T | undefined> {
      return (await rows(builder))[0];
    },
    async run(builder: RawBuilder<unknown>): Promise<number> {
      return (await query(builder)).rowCount ?? 0;
    },
    async confineTo(agent: string): Promise<void> {
      await client.query("select set_config('retinue.agent_id', $1, true)", [agent]);
    },
    announce: (notice) => notices.push(notice),
    dispatch: (row) => outbox.push(row),
    atEnd(name, work) {
      last.delete(name);
      last.set(name, work);
    },
  };
}
