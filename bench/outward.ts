import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Approval } from '../contracts/approval.js';
import type { Memory, Order, Told } from './outward-process.js';
import { BENCH_TOKEN, type ProductOptions } from './product.js';
import type { StatementTime } from './statements.js';
import { clock, endProcess } from './tools.js';

const PROCESS = fileURLToPath(new URL('./outward-process.js', import.meta.url));
const LIMIT_MS = 120_000;

/** When each approval's action reached the provider, whichever process sent it. */
export class Sendings {
  readonly #times = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();
  /** Sendings beyond the first of their key. */
  repeated = 0;

  note(key: string, at: number): void {
    if (this.#times.has(key)) this.repeated += 1;
    this.#times.set(key, at);
    this.#waiting.get(key)?.(at);
    this.#waiting.delete(key);
  }

  /** Fails when it is not sent within two minutes. */
  async of(key: string): Promise<number> {
    const known = this.#times.get(key);
    if (known !== undefined) return known;
    return new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${key} was approved and never sent`)), LIMIT_MS);
      this.#waiting.set(key, (at) => {
        clearTimeout(timer);
        resolve(at);
      });
    });
  }
}

/** A process of the product. */
export interface Unit {
  readonly url: string;
  /** When the process began and when it was ready, on `clock`. */
  readonly started: number;
  readonly ready: number;
  park(count: number, options?: { scenario?: string; atOnce?: number }): Promise<{ ids: string[]; ms: number }>;
  ended(requests: readonly string[]): Promise<void>;
  /** Sets as many reminders of as many users, all due at the same moment, in milliseconds since 1970. */
  remind(users: number, count: number, due: number): Promise<void>;
  memory(): Promise<Memory>;
  /** Statements since the last call; the first call begins to watch. */
  statements(): Promise<StatementTime[]>;
  /** By SIGKILL. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const AT_ONCE = 32;

/** Starts a process of the product and waits until it is ready. */
export async function startUnit(options: ProductOptions, sendings: Sendings): Promise<Unit> {
  const child = spawn(process.execPath, [PROCESS, JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const asked = new Map<number, (told: Extract<Told, { kind: 'answer' }>) => void>();
  const hello = await new Promise<Extract<Told, { kind: 'ready' }>>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the product ended with ${code} before it was ready`)));
    child.on('message', (told: Told) => {
      if (told.kind === 'ready') resolve(told);
      else if (told.kind === 'sent') sendings.note(told.key, told.at);
      else asked.get(told.id)?.(told);
    });
  });
  const ask = asker(child, asked);
  return {
    url: hello.url,
    started: hello.started,
    ready: clock(),
    park: (count, { scenario = 'send', atOnce = AT_ONCE } = {}) =>
      ask<{ ids: string[]; ms: number }>({ name: 'park', scenario, count, atOnce }),
    ended: (requests) => ask<void>({ name: 'ended', requests }),
    remind: (users, count, due) => ask<void>({ name: 'remind', users, count, due }),
    memory: () => ask<Memory>({ name: 'memory' }),
    statements: () => ask<StatementTime[]>({ name: 'statements' }),
    kill: () => endProcess(child, 'SIGKILL'),
    async stop() {
      await ask<void>({ name: 'stop' });
      await endProcess(child);
    },
  };
}

function asker(child: ChildProcess, asked: Map<number, (told: Extract<Told, { kind: 'answer' }>) => void>) {
  let last = 0;
  return <T>(order: Order): Promise<T> => {
    last += 1;
    const id = last;
    return new Promise<T>((resolve, reject) => {
      const gone = (): void => reject(new Error(`the product ended while it was asked for ${order.name}`));
      child.once('exit', gone);
      asked.set(id, ({ value, error }) => {
        child.off('exit', gone);
        asked.delete(id);
        if (error === undefined) resolve(value as T);
        else reject(new Error(error));
      });
      child.send({ id, order });
    });
  };
}

export interface Decided {
  /** When the decision was sent and when it was answered. */
  readonly asked: number;
  readonly answered: number;
}

export interface Page {
  readonly items: readonly Approval[];
  readonly cursor?: string;
}

/** What a person does about approvals, by the API. */
export const desk = {
  page: (unit: Pick<Unit, 'url'>, limit: number, cursor?: string): Promise<Page> =>
    call<Page>(unit, `?status=pending&limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`),

  async pending(unit: Pick<Unit, 'url'>): Promise<Approval[]> {
    const all: Approval[] = [];
    for (let page = await desk.page(unit, 100); ; page = await desk.page(unit, 100, page.cursor)) {
      all.push(...page.items);
      if (page.cursor === undefined) return all;
    }
  },

  async approve(unit: Pick<Unit, 'url'>, { id, payloadHash }: Approval): Promise<Decided> {
    const asked = clock();
    await call(unit, `/${id}`, { decision: 'approve', payloadHash });
    return { asked, answered: clock() };
  },

  async approveAll(unit: Pick<Unit, 'url'>, approvals: readonly Approval[]): Promise<Decided> {
    const items = approvals.map(({ id, payloadHash }) => ({ id, decision: 'approve', payloadHash }));
    const asked = clock();
    await call(unit, '/batch', { items });
    return { asked, answered: clock() };
  },
};

async function call<T>({ url }: Pick<Unit, 'url'>, address: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${BENCH_TOKEN}` };
  const answer = await fetch(
    `${url}/v1/approvals${address}`,
    body === undefined
      ? { headers }
      : { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) },
  );
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
