import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from './db.js';
import { claimUndelivered, type OutboxRow, strikeOff } from './outbox.js';

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

/**
 * Passes outbox rows on: at once after their commit, and by a sweep every second for all that were missed
 * (a crash in between, Temporal away). Rows are struck off only after delivery.
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

  async #pass(row: OutboxRow): Promise<boolean> {
    try {
      await this.#deliver(row);
      this.#away = false;
      this.#delivered.push(row);
      this.#striking ??= this.#strikeOffSoon();
      return true;
    } catch (error) {
      if (!this.#away)
        this.#log.warn(
          { err: error, workflowId: row.workflowId },
          'a command was not delivered; it is tried again every few seconds',
        );
      this.#away = true;
      return false;
    }
  }

  /** Many deliveries share one statement; a crash before it only means that they are delivered again. */
  async #strikeOffSoon(): Promise<void> {
    await delay(STRIKE_OFF_MS);
    const rows = this.#delivered.splice(0);
    this.#striking = undefined;
    try {
      await strikeOff(this.#db, rows);
    } catch (error) {
      this.#log.warn(
        { err: error },
        'delivered commands were not struck off; they are delivered again, which is harmless',
      );
    }
  }

  async #sweepUntilStopped(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await delay(SWEEP_MS, undefined, { signal: this.#stop.signal }).catch(noteAbort);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#sweep();
      } catch (error) {
        this.#log.warn({ err: error }, 'the outbox could not be swept; trying again in a second');
      }
    }
  }

  async #sweep(): Promise<void> {
    const rows = await claimUndelivered(this.#db, MOST_AT_ONCE);
    const [first, ...rest] = rows;
    if (first === undefined) return;
    if (!(await this.#pass(first))) return;
    await Promise.all(rest.map((row) => this.#pass(row)));
    if (rows.length === MOST_AT_ONCE && !this.#stop.signal.aborted) await this.#sweep();
  }
}

function noteAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
