import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { z } from 'zod';
import { loadConfig } from '../config/index.js';
import { outsideSkill, type Skill, transactionSkill } from '../contracts/skill.js';
import { acceptRequest } from '../engine/accept.js';
import { readRequest } from '../engine/rows.js';
import { serve, type Serving } from '../workers/serve.js';

export interface ProductOptions {
  readonly modelUrl: string;
  readonly temporalAddress: string;
  readonly databaseUrl?: string;
  readonly home?: string;
  readonly taskQueue: string;
}

/** The whole product in this process, without HTTP. */
export interface Product {
  readonly serving: Serving;
  readonly home: string;
  /** Accepts a message and resolves with its id when the request has ended. */
  run(scenario: string): Promise<string>;
  accept(scenario: string): Promise<string>;
  ended(request: string): Promise<void>;
  close(): Promise<void>;
}

const InputSchema = z.strictObject({ n: z.int() });
const OutputSchema = z.object({ text: z.string() });
const base = {
  description: 'Does nothing, for measuring.',
  effect: 'internal',
  input: InputSchema,
  output: OutputSchema,
  taints: [],
  summary: () => 'measure',
} as const;

/** Skills that stand for work: none, a wait of 1.5 s, and 200 kB of result. */
const benchSkills: readonly Skill[] = [
  transactionSkill({
    manifest: { ...base, name: 'bench_tool', timeoutSeconds: 10 },
    run: async () => ({ output: { text: 'x'.repeat(200) } }),
  }),
  outsideSkill({
    manifest: { ...base, name: 'bench_slow_tool', timeoutSeconds: 30 },
    run: async (_input, context) => {
      await delay(1_500, undefined, { signal: context.abortSignal });
      return { output: { text: 'x'.repeat(200) } };
    },
  }),
  transactionSkill({
    manifest: { ...base, name: 'bench_big_tool', timeoutSeconds: 10 },
    run: async () => ({ output: { text: 'x'.repeat(100_000) } }),
  }),
];

export async function startProduct(options: ProductOptions): Promise<Product> {
  const home = options.home ?? mkdtempSync(path.join(tmpdir(), 'retinue-bench-'));
  const file = path.join(home, 'retinue.yaml');
  writeFileSync(
    file,
    `temporal: {taskQueue: ${options.taskQueue}}\nlimits: {turns: 200, budgetUsd: '1000'}\nmodels: {contextTokens: 50000}\n`,
  );
  const config = loadConfig(
    {
      RETINUE_HOME: home,
      RETINUE_CONFIG: file,
      RETINUE_TOKEN: 'bench-token-of-the-owner',
      TEMPORAL_ADDRESS: options.temporalAddress,
      ANTHROPIC_BASE_URL: options.modelUrl,
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    },
    home,
  );
  const serving = await serve({
    config,
    api: true,
    worker: true,
    say: () => undefined,
    log: pino({ level: 'error' }),
    moreSkills: benchSkills,
  });
  const { engine, store } = serving.installation;
  const ended = (request: string): Promise<void> => untilEnded(serving, request);
  const accept = async (scenario: string): Promise<string> =>
    (await acceptRequest(engine, serving.owner, { body: { text: `bench ${scenario}` } })).id;
  return {
    serving,
    home,
    accept,
    ended,
    async run(scenario) {
      const id = await accept(scenario);
      await ended(id);
      return id;
    },
    close: () => serving.close().then(() => void store),
  };
}

/** Told by the event bus, as a waiting caller of the API is, with a look at the row once a second in case a hint was lost. */
async function untilEnded(serving: Serving, request: string): Promise<void> {
  const { engine, store } = serving.installation;
  let tell: (status: string) => void = () => undefined;
  const told = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const unsubscribe = store.bus.subscribe(request, {
    onNotice: ({ status }) => status !== undefined && ENDS.has(status) && tell(status),
    onDelta: () => undefined,
  });
  try {
    for (;;) {
      const status = await Promise.race([told, delay(1_000, '')]);
      if (status === 'completed') return;
      const row = await engine.db.as(serving.owner, (tx) => readRequest(tx, { user: serving.owner, request }));
      if (row.status === 'failed') throw new Error(`the request failed: ${JSON.stringify(row.error)}`);
      if (row.ended_at !== null) return;
    }
  } finally {
    unsubscribe();
  }
}

const ENDS = new Set(['completed', 'failed', 'cancelled']);
