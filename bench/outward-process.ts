/**
 * The product with its API as a process of its own, to be killed and to be measured: takes its options as JSON, obeys
 * its parent, and tells it of every sending.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pino from 'pino';
import { startHttp } from '../workers/http.js';
import { installTemporalRuntime } from '../workers/worker.js';
import { sendingSkill, watchMail } from './outward-skill.js';
import { type Product, type ProductOptions, startProduct } from './product.js';
import { makeUsers, setReminders } from './reminder-rows.js';
import { takeStatements } from './statements.js';
import { clock } from './tools.js';

/** What the parent may ask for; each is answered with what `obey` gives. */
export type Order =
  | { readonly name: 'park'; readonly scenario: string; readonly count: number; readonly atOnce: number }
  | { readonly name: 'ended'; readonly requests: readonly string[] }
  | { readonly name: 'remind'; readonly users: number; readonly count: number; readonly due: number }
  | { readonly name: 'memory' }
  | { readonly name: 'statements' }
  | { readonly name: 'stop' };

export interface Memory {
  readonly rssMb: number;
  /** Of the main thread, after a collection. */
  readonly heapMb: number;
  readonly cpuMs: number;
}

export type Told =
  | { readonly kind: 'ready'; readonly url: string; readonly started: number }
  | { readonly kind: 'sent'; readonly key: string; readonly at: number }
  | { readonly kind: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string };

const MB = 1_048_576;
const started = clock() - process.uptime() * 1000;
const tell = (told: Told): void => void process.send?.(told);
const tellSent = (key: string, at: number): void => tell({ kind: 'sent', key, at });

let people: readonly string[] | undefined;

async function obey(product: Product, order: Order): Promise<unknown> {
  switch (order.name) {
    case 'park':
      return park(product, order);
    case 'ended':
      await Promise.all(order.requests.map((request) => product.ended(request)));
      return undefined;
    case 'remind':
      people ??= await makeUsers(product, order.users);
      return setReminders(product, people, order.count, order.due);
    case 'memory':
      return memory();
    case 'statements':
      return takeStatements();
    case 'stop':
      await product.close();
      setImmediate(() => process.exit(0));
      return undefined;
  }
}

/** Real requests, `atOnce` of them under way at any time, until all of them wait for a decision. */
async function park(
  product: Product,
  { scenario, count, atOnce }: Extract<Order, { name: 'park' }>,
): Promise<{ ids: string[]; ms: number }> {
  const begun = clock();
  const ids: string[] = [];
  const caller = async (): Promise<void> => {
    while (ids.length < count) {
      const place = ids.push('') - 1;
      const id = await product.accept(scenario);
      ids[place] = id;
      await product.parked(id);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, caller));
  return { ids, ms: clock() - begun };
}

async function memory(): Promise<Memory> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  await delay(500);
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  const cpu = process.cpuUsage();
  return { rssMb: rss / MB, heapMb: heapUsed / MB, cpuMs: (cpu.user + cpu.system) / 1000 };
}

installTemporalRuntime(pino({ level: 'error' }));
const options = JSON.parse(process.argv[2] ?? '{}') as ProductOptions;
const product = await startProduct({ ...options, skills: [sendingSkill(tellSent)] });
watchMail(product.serving, tellSent);
const http = options.roles?.api === false ? undefined : await startHttp(product.serving);
process.on('message', ({ id, order }: { id: number; order: Order }) => {
  obey(product, order).then(
    (value) => tell({ kind: 'answer', id, value }),
    (error: unknown) => tell({ kind: 'answer', id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(1));
tell({ kind: 'ready', url: http?.url ?? '', started });
