import { ConfigurationError, loadConfig, type Config } from '../config/index.js';
import { createLogger } from './installation.js';
import { serve, type Serving } from './serve.js';
import { installTemporalRuntime } from './worker.js';

export interface ProcessRole {
  readonly api: boolean;
  readonly worker: boolean;
  /** Refuses to start without servers of its own: several processes cannot share embedded ones. */
  readonly needsServers: boolean;
  /** Starts what is special to the role, says what people should know, and gives back how to end it. */
  greet(serving: Serving, say: (line: string) => void): Promise<() => Promise<void>>;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Runs one process from start to its signal. Exit code 0 after a signal, 1 with a sentence when something is wrong. */
export async function runProcess(role: ProcessRole): Promise<void> {
  try {
    const config = loadConfig();
    if (role.needsServers) requireServers(config);
    await runUntilTold(role, config);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    if (!(error instanceof ConfigurationError) && error instanceof Error && error.cause !== undefined) process.stderr.write(`(${String(error.cause)})\n`);
    process.exit(1);
  }
}

function requireServers({ environment }: Config): void {
  const missing = [environment.TEMPORAL_ADDRESS === undefined ? 'TEMPORAL_ADDRESS' : '', environment.DATABASE_URL === undefined ? 'DATABASE_URL' : ''].filter((name) => name !== '');
  if (missing.length > 0) throw new ConfigurationError(`Set ${missing.join(' and ')}: api and worker as processes of their own need a Temporal server and PostgreSQL. For everything in one process use: npm start`);
}

async function runUntilTold(role: ProcessRole, config: Config): Promise<void> {
  const told = stopSignal();
  const log = createLogger(config);
  installTemporalRuntime(log);
  const serving = await Promise.race([serve({ config, api: role.api, worker: role.worker, say, log }), told.then(() => undefined)]);
  if (serving === undefined) process.exit(130);
  let end = async (): Promise<void> => undefined;
  try {
    end = await role.greet(serving, say);
    const reason = await Promise.race([told, serving.broken.then((text) => new Error(text))]);
    if (reason instanceof Error) throw reason;
    say('\nstopping …');
  } finally {
    await end();
    await serving.close();
  }
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process where it stands. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: string): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
