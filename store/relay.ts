import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from './db.js';
import { backOff, claimUndelivered, type OutboxRow, strikeOff } from './outbox.js';
import { pause } from './pause.js';

/** Delivers one command to Temporal; throws when it could not. Delivering twice is harmless. */
export type Courier = (row: OutboxRow) => Promise<void>;

export interface RelayLog {
  warn(fields: object, message: string): void;
}

/** Rows delivered at a time; bounds connections and memory when a backlog is swept. */
const MOST_AT_ONCE = 32;
/** Pokes beyond this are left to the sweep. */
const MOST_QUEUED = 1_000;
const SWEEP_MS = 1_000;
const STRIKE_OFF_MS = 100;
/** gRPC status codes of a server that did not answer: CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE. */
const AWAY_CODES = new Set([1, 4, 14]);
const MOST_CAUSES = 8;

/**
 * Passes outbox rows on: at once after their commit, and by a sweep every second for all that were missed
 * (a crash in between, Temporal away). Rows are struck off only after delivery. One that the server refuses waits by
 * itself and holds nobody up; only a server that does not answer stops the others.
 */
export class Relay {
  readonly #db: Db;
  readonly #deliver: Courier;
  readonly #log: RelayLog;
  readonly #queue: OutboxRow[] = [];
  readonly #stop = new AbortController();
  readonly #delivered: OutboxRow[] = [];
  #striking: Promise<void> | undefined;
  #running = 0;
  #sweeping: Promise<void> | undefined;
  #away = false;

  constructor(db: Db, deliver: Courier, log: RelayLog) {
    this.#db = db;
    this.#deliver = deliver;
    this.#log = log;
  }

  start(): void {
    this.#sweeping ??= this.#sweepUntilStopped();
  }

  /** Called after commit; never throws and never waits. While deliveries fail, the sweep alone tries. */
  poke(rows: readonly OutboxRow[]): void {
    if (this.#stop.signal.aborted || this.#away || this.#queue.length > MOST_QUEUED) return;
    this.#queue.push(...rows);
    this.#drain();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#queue.length = 0;
    await this.#sweeping;
    while (this.#running > 0) await delay(10);
    await this.#striking;
  }

  #drain(): void {
    while (this.#running < MOST_AT_ONCE) {
      const row = this.#queue.shift();
      if (row === undefined) return;
      this.#running += 1;
      void this.#pass(row).finally(() => {
        this.#running -= 1;
        this.#drain();
      });
    }
  }

  async #pass(row: OutboxRow): Promise<void> {
    try {
      await this.#deliver(row);
      this.#away = false;
      this.#delivered.push(row);
      this.#striking ??= this.#strikeOffSoon();
    } catch (error) {
      if (!isAway(error)) await this.#putOff(row, error);
      else if (!this.#away) {
        this.#away = true;
        this.#log.warn(
          { err: error, workflowId: row.workflowId },
          'a command was not delivered; it is tried again every few seconds',
        );
      }
    }
  }

  /** The server answered, and did not want this one. */
  async #putOff(row: OutboxRow, reason: unknown): Promise<void> {
    this.#away = false;
    this.#log.warn(
      { err: reason, workflowId: row.workflowId, kind: row.kind },
      'a command was refused; it is tried again later, the others go on',
    );
    try {
      await backOff(this.#db, row);
    } catch (error) {
      this.#log.warn({ err: error }, 'a refused command could not be put off; it is tried again in a few seconds');
    }
  }

  /** Many deliveries share one statement; a crash before it only means that they are delivered again. */
  async #strikeOffSoon(): Promise<void> {
    while (this.#delivered.length > 0) {
      await delay(STRIKE_OFF_MS);
      try {
        await strikeOff(this.#db, this.#delivered.splice(0));
      } catch (error) {
        this.#log.warn(
          { err: error },
          'delivered commands were not struck off; they are delivered again, which is harmless',
        );
      }
    }
    this.#striking = undefined;
  }

  async #sweepUntilStopped(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await pause(SWEEP_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#sweep();
      } catch (error) {
        this.#log.warn({ err: error }, 'the outbox could not be swept; trying again in a second');
      }
    }
  }

  /** While the server is away one row at a time finds out whether it is back; then all the others follow. */
  async #sweep(): Promise<void> {
    for (;;) {
      const most = this.#away ? 1 : MOST_AT_ONCE;
      const rows = await claimUndelivered(this.#db, most);
      await Promise.all(rows.map((row) => this.#pass(row)));
      if (rows.length < most || this.#away || this.#stop.signal.aborted) return;
    }
  }
}

/** True when nobody answered. An error without a code of the wire says nothing about the row, so it counts as one. */
function isAway(error: unknown): boolean {
  const code = wireCode(error);
  return code === undefined || AWAY_CODES.has(code);
}

/** The gRPC status code an error or one of its causes carries. */
function wireCode(error: unknown): number | undefined {
  let cause = error;
  for (let depth = 0; depth < MOST_CAUSES && cause instanceof Error; depth += 1) {
    if ('code' in cause && typeof cause.code === 'number') return cause.code;
    ({ cause } = cause);
  }
  return undefined;
}
