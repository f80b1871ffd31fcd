import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createLocalBus, type EventBus, type Notice, type TextDelta } from './event-bus.js';

const CHANNEL = 'retinue';
/** Hints waiting to be sent; older ones are dropped, since every reader also polls. */
const MOST_QUEUED = 2_000;
const RECONNECT_MS = 1_000;

type Hint = { readonly notice: Notice } | { readonly delta: TextDelta };

/**
 * The bus between processes on one PostgreSQL: hints travel as NOTIFY over a connection of their own. What is lost
 * while the database is away is made good by the readers' polling.
 */
export function createPgBus(url: string, warn: (message: string) => void): EventBus {
  const local = createLocalBus();
  const link = new PgLink(url, warn, (hint) => {
    if ('notice' in hint) local.publish([hint.notice]);
    else local.publishDelta(hint.delta);
  });
  return {
    publish: (notices) => {
      for (const notice of notices) link.send({ notice });
    },
    publishDelta: (delta) => link.send({ delta }),
    unfinished: (request) => local.unfinished(request),
    forget: (request, agent, turn) => local.forget(request, agent, turn),
    subscribe: (request, listener) =>
      local.subscribe(request, {
        onDelta: (delta) => listener.onDelta(delta),
        onNotice: (notice) => listener.onNotice(notice),
      }),
    onSpace: (space, listener) => local.onSpace(space, listener),
    async close() {
      await link.close();
      await local.close();
    },
  };
}

class PgLink {
  readonly #url: string;
  readonly #warn: (message: string) => void;
  readonly #receive: (hint: Hint) => void;
  readonly #queue: string[] = [];
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #client: pg.Client | undefined;
  #sending = false;

  constructor(url: string, warn: (message: string) => void, receive: (hint: Hint) => void) {
    this.#url = url;
    this.#warn = warn;
    this.#receive = receive;
    this.#loop = this.#stayConnected();
  }

  send(hint: Hint): void {
    this.#queue.push(JSON.stringify(hint));
    if (this.#queue.length > MOST_QUEUED) this.#queue.shift();
    void this.#flush();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#client?.end();
    await this.#loop;
  }

  async #flush(): Promise<void> {
    const client = this.#client;
    if (this.#sending || client === undefined) return;
    this.#sending = true;
    try {
      for (let batch = this.#queue.splice(0, 50); batch.length > 0; batch = this.#queue.splice(0, 50)) {
        await client.query(`select pg_notify('${CHANNEL}', hint) from unnest($1::text[]) as hint`, [batch]);
      }
    } catch (error) {
      this.#warn(`event hints were not sent: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#sending = false;
    }
  }

  async #stayConnected(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#connectUntilLost();
      } catch (error) {
        this.#warn(
          `the event channel is away, trying again: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      if (!this.#stop.signal.aborted) await delay(RECONNECT_MS);
    }
  }

  async #connectUntilLost(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#url, connectionTimeoutMillis: 5_000, keepAlive: true });
    const lost = new Promise<void>((resolve) => client.once('end', resolve));
    client.on('error', (error) => this.#warn(`the event channel was lost: ${error.message}`));
    client.on('notification', (message) => this.#receive(JSON.parse(message.payload ?? '{}') as Hint));
    await client.connect();
    this.#client = client;
    try {
      // Closing while this connection was made had nothing to end yet.
      if (this.#stop.signal.aborted) {
        await client.end();
        return;
      }
      await client.query(`listen ${CHANNEL}`);
      void this.#flush();
      await lost;
    } finally {
      this.#client = undefined;
    }
  }
}
