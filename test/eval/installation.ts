import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/index.js';
import { startHttp } from '../../workers/http.js';
import { serve } from '../../workers/serve.js';

export interface PrivateOptions {
  /** host:port of a running Temporal server; without it one is started that belongs to this installation. */
  readonly temporalAddress?: string;
  /** ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL, and what the search for the Temporal CLI needs; nothing else is read. */
  readonly environment: NodeJS.ProcessEnv;
  readonly say?: (line: string) => void;
}

/** A whole installation of its own in this process, in a temporary home with an embedded database. */
export interface PrivateInstallation {
  /** Where its HTTP API listens. */
  readonly url: string;
  readonly ownerToken: string;
  /** Folder of the local calendar and the local mail, one folder a user in it. */
  readonly localFolder: string;
  readonly isRehearsing: boolean;
  /** Ends everything and removes the home. */
  close(): Promise<void>;
}

const MODEL_VARIABLES = ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'] as const;
const TOOL_VARIABLES = ['PATH', 'HOME', 'XDG_CACHE_HOME', 'TMPDIR', 'HTTPS_PROXY', 'NO_PROXY'] as const;

/** Call `installTemporalRuntime` before. */
export async function openPrivateInstallation(options: PrivateOptions): Promise<PrivateInstallation> {
  const { temporalAddress, environment, say = () => undefined } = options;
  const home = mkdtempSync(path.join(tmpdir(), 'retinue-eval-'));
  const ownerToken = randomBytes(24).toString('hex');
  const file = path.join(home, 'retinue.yaml');
  writeFileSync(file, stringify({ temporal: { taskQueue: `eval-${randomBytes(6).toString('hex')}` } }));
  const config = loadConfig(
    {
      ...pick(environment, [...MODEL_VARIABLES, ...TOOL_VARIABLES]),
      RETINUE_HOME: home,
      RETINUE_CONFIG: file,
      RETINUE_TOKEN: ownerToken,
      PORT: '0',
      ...(temporalAddress === undefined ? {} : { TEMPORAL_ADDRESS: temporalAddress }),
    },
    home,
  );
  const serving = await serve({ config, api: true, worker: true, say, log: pino({ level: 'silent' }) });
  const http = await startHttp(serving);
  return {
    url: http.url,
    ownerToken,
    localFolder: config.folders.local,
    isRehearsing: serving.installation.models.rehearsing,
    async close() {
      await http.close();
      await serving.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function pick(source: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(names.flatMap((name) => (source[name] ? [[name, source[name]]] : [])));
}
