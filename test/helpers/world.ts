import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inject } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/index.js';
import type { FileConfig } from '../../config/file.js';
import type { NewRequest } from '../../contracts/request.js';
import type { Skill } from '../../contracts/skill.js';
import { acceptRequest } from '../../engine/accept.js';
import type { EffectTimes } from '../../engine/deps.js';
import { viewRequest } from '../../engine/requests.js';
import { serve, type Serving } from '../../workers/serve.js';
import { installTemporalRuntime } from '../../workers/worker.js';
import { copyDatabase } from './store.js';
import pino from 'pino';

type DeepPartial<T> = { [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> : T[K] };

export interface WorldOptions {
  /** A Messages API on loopback; without it the rehearsal model answers. */
  readonly modelUrl?: string;
  /** A transcription service on loopback; without it recordings are not transcribed. */
  readonly transcriptionUrl?: string;
  readonly file?: DeepPartial<FileConfig>;
  readonly databaseUrl?: string;
  /** Goes on with the home folder of an earlier world. */
  readonly home?: string;
  readonly taskQueue?: string;
  /** Default is the run's own Temporal server. */
  readonly temporalAddress?: string;
  readonly moreSkills?: readonly Skill[];
  /** Other times for the effects ledger than the usual ones. */
  readonly effectTimes?: Partial<EffectTimes>;
}

export type RequestView = Awaited<ReturnType<typeof viewRequest>>;

/** A whole installation in this process on the run's Temporal server: real store, worker, relay; no HTTP. */
export interface World {
  readonly serving: Serving;
  readonly home: string;
  readonly owner: string;
  readonly taskQueue: string;
  send(body: NewRequest, idempotencyKey?: string): Promise<string>;
  view(request: string): Promise<RequestView>;
  /** Waits until the predicate holds; fails with the last state after the limit. */
  until(request: string, predicate: (view: RequestView) => boolean, limitMs?: number): Promise<RequestView>;
  ended(request: string, limitMs?: number): Promise<RequestView>;
  close(options?: { keepHome?: boolean }): Promise<void>;
}

let runtimeInstalled = false;

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  if (!runtimeInstalled) installTemporalRuntime(pino({ level: 'silent' }));
  runtimeInstalled = true;
  const home = options.home ?? mkdtempSync(path.join(tmpdir(), 'retinue-world-'));
  const taskQueue = options.taskQueue ?? `test-${randomBytes(6).toString('hex')}`;
  const threshold = process.env['RETINUE_TEST_HISTORY_EVENTS'];
  const temporal = {
    taskQueue,
    ...(threshold === undefined ? {} : { historyEvents: Number(threshold) }),
    ...options.file?.temporal,
  };
  mkdirSync(home, { recursive: true });
  if (options.home === undefined && options.databaseUrl === undefined) await copyDatabase(path.join(home, 'database'));
  writeFileSync(path.join(home, 'retinue.yaml'), stringify({ ...options.file, temporal }));
  const config = loadConfig(
    {
      PORT: '0',
      RETINUE_HOME: home,
      RETINUE_TOKEN: 'test-token-of-the-owner',
      RETINUE_CONFIG: path.join(home, 'retinue.yaml'),
      TEMPORAL_ADDRESS: options.temporalAddress ?? inject('temporalAddress'),
      ...(options.modelUrl === undefined
        ? {}
        : { ANTHROPIC_BASE_URL: options.modelUrl, ANTHROPIC_API_KEY: 'test-key' }),
      ...(options.transcriptionUrl === undefined ? {} : { TRANSCRIPTION_BASE_URL: options.transcriptionUrl }),
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    },
    home,
  );
  const serving = await serve({
    config,
    api: true,
    worker: true,
    say: () => undefined,
    log: pino({ level: process.env['RETINUE_TEST_LOG'] ?? 'silent' }),
    ...(options.moreSkills === undefined ? {} : { moreSkills: options.moreSkills }),
    effectTimes: options.effectTimes,
  });
  const owner = serving.owner;
  const { engine } = serving.installation;
  const view = (request: string): Promise<RequestView> => viewRequest(engine, owner, request);
  const until: World['until'] = async (request, predicate, limitMs = 20_000) => {
    const end = Date.now() + limitMs;
    for (;;) {
      const now = await view(request);
      if (predicate(now)) return now;
      if (Date.now() > end)
        throw new Error(`the request did not get there in ${limitMs} ms: ${JSON.stringify(now, null, 1)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return {
    serving,
    home,
    owner,
    taskQueue,
    send: async (body, idempotencyKey) => (await acceptRequest(engine, owner, { body, idempotencyKey })).id,
    view,
    until,
    ended: (request, limitMs) => until(request, (now) => now.endedAt !== undefined, limitMs),
    async close(end = {}) {
      await serving.close();
      if (!end.keepHome) rmSync(home, { recursive: true, force: true });
    },
  };
}
