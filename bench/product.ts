import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { z } from 'zod';
import { loadConfig } from '../config/index.js';
import type { RequestStatus } from '../contracts/request.js';
import { outsideSkill, type Skill, transactionSkill } from '../contracts/skill.js';
import { acceptRequest } from '../engine/accept.js';
import { saveFile } from '../engine/files.js';
import { readRequest } from '../engine/rows.js';
import { serve, type Serving } from '../workers/serve.js';
import { wavOf } from '../test/helpers/recordings.js';

export const BENCH_TOKEN = 'bench-token-of-the-owner';

export interface ProductOptions {
  readonly modelUrl: string;
  readonly temporalAddress: string;
  readonly databaseUrl?: string;
  readonly home?: string;
  readonly taskQueue: string;
  /** What of the product runs in this process; all of it when omitted. */
  readonly roles?: { readonly api: boolean; readonly worker: boolean };
  /** Skills beside the ones that stand for work. */
  readonly skills?: readonly Skill[];
}

/** The whole product in this process, or a part of it, without HTTP. */
export interface Product {
  readonly serving: Serving;
  readonly home: string;
  /** Accepts a message and resolves with its id when the request has ended. */
  run(scenario: string): Promise<string>;
  accept(scenario: string): Promise<string>;
  ended(request: string): Promise<void>;
  /** Resolves when the request waits for a person's decision. */
  parked(request: string): Promise<void>;
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
    `temporal: {taskQueue: ${options.taskQueue}}\nlimits: {turns: 200, budgetUsd: '1000', callsPerTurn: 100, subagents: 100, subagentsInAll: 100, children: 100, agents: 200}\nmodels: {contextTokens: 50000}\n`,
  );
  const config = loadConfig(
    {
      RETINUE_HOME: home,
      RETINUE_CONFIG: file,
      RETINUE_TOKEN: BENCH_TOKEN,
      TEMPORAL_ADDRESS: options.temporalAddress,
      ANTHROPIC_BASE_URL: options.modelUrl,
      TRANSCRIPTION_BASE_URL: options.modelUrl,
      PORT: '0',
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    },
    home,
  );
  const serving = await serve({
    config,
    api: options.roles?.api ?? true,
    worker: options.roles?.worker ?? true,
    say: () => undefined,
    log: pino({ level: 'error' }),
    moreSkills: [...benchSkills, ...(options.skills ?? [])],
  });
  const { engine, store } = serving.installation;
  const ended = (request: string): Promise<void> => until(serving, request, 'completed', 1_000);
  const recordings = new Map<string, string>();
  const accept = async (scenario: string): Promise<string> => {
    const body = { text: `bench ${scenario}` };
    if (scenario !== 'note' && scenario !== 'hour') return (await acceptRequest(engine, serving.owner, { body })).id;
    const known = recordings.get(scenario) ?? (await upload(serving, scenario));
    recordings.set(scenario, known);
    return (await acceptRequest(engine, serving.owner, { body: { ...body, attachments: [{ fileId: known }] } })).id;
  };
  return {
    serving,
    home,
    accept,
    ended,
    parked: (request) => until(serving, request, 'waiting_approval', 5_000),
    async run(scenario) {
      const id = await accept(scenario);
      await ended(id);
      return id;
    },
    close: () => serving.close().then(() => void store),
  };
}

/** A recording that is there before it is sent, so that its upload is not measured. */
async function upload({ installation, owner }: Serving, name: string): Promise<string> {
  const file = { name: `${name}.wav`, mediaType: 'audio/wav', bytes: wavOf(1) };
  return (await saveFile(installation.engine, owner, file)).id;
}

/** Told by the event bus, as a waiting caller of the API is, with a look at the row now and then in case a hint was lost. */
async function until(serving: Serving, request: string, wanted: RequestStatus, lookMs: number): Promise<void> {
  const { engine, store } = serving.installation;
  const ends = new Set<string>([...ENDS, wanted]);
  let tell: (status: string) => void = () => undefined;
  const told = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const unsubscribe = store.bus.subscribe(request, {
    onNotice: ({ status }) => status !== undefined && ends.has(status) && tell(status),
    onDelta: () => undefined,
  });
  try {
    for (;;) {
      const status = await Promise.race([told, delay(lookMs, '')]);
      if (status === wanted) return;
      const row = await engine.db.as(serving.owner, (tx) => readRequest(tx, { user: serving.owner, request }));
      if (row.status === 'failed') throw new Error(`the request failed: ${JSON.stringify(row.error)}`);
      if (row.ended_at !== null || row.status === wanted) return;
    }
  } finally {
    unsubscribe();
  }
}

const ENDS = ['completed', 'failed', 'cancelled'];
