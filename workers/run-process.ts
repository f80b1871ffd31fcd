import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError, loadConfig, type Config } from '../config/index.js';
import { createLogger } from './installation.js';
import { serve, type Serving } from './serve.js';
import { installTemporalRuntime } from './worker.js';

export interface ProcessRole {
  readonly api: boolean;
  readonly worker: boolean;
  /** Refuses to start without servers of its own: several processes cannot share embedded ones. */
  readonly needsServers: boolean;
  /** How long servers that are away are waited for at the start; default a minute. */
  readonly patienceMs?: number;
  /** Starts what is special to the role, says what people should know, and gives back how to end it. */
  greet(serving: Serving, say: (line: string) => void): Promise<() => Promise<void>>;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const STOP_EARLY_MS = 10_000;
const STOP_MS = 14_000;

/** Runs one process from start to its signal. Exit code 0 after a signal, 1 with a sentence when something is wrong. */
export async function runProcess(role: ProcessRole): Promise<void> {
  try {
    const config = loadConfig();
    if (role.needsServers) requireServers(config);
    await runUntilTold(role, config);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
    if (cause !== '' && !(error instanceof Error && error.message.includes(cause)))
      process.stderr.write(`(${cause})\n`);
    process.exit(1);
  }
}

function requireServers({ environment }: Config): void {
  const missing = [
    environment.TEMPORAL_ADDRESS === undefined ? 'TEMPORAL_ADDRESS' : '',
    environment.DATABASE_URL === undefined ? 'DATABASE_URL' : '',
  ].filter((name) => name !== '');
  if (missing.length > 0)
    throw new ConfigurationError(
      `Set ${missing.join(' and ')}: api and worker as processes of their own need a Temporal server and PostgreSQL. For everything in one process use: npm start`,
    );
}

async function runUntilTold(role: ProcessRole, config: Config): Promise<void> {
  const told = stopSignal();
  const log = createLogger(config);
  installTemporalRuntime(log);
  const starting = serve({ config, api: role.api, worker: role.worker, say, log, patienceMs: role.patienceMs });
  const serving = await Promise.race([starting, told.then(() => undefined)]);
  if (serving === undefined) return stopEarly(starting);
  let end = async (): Promise<void> => undefined;
  const endAll = (): Promise<void> =>
    inTime(async () => {
      try {
        await end();
      } finally {
        await serving.close();
      }
    });
  try {
    end = await role.greet(serving, say);
    const reason = await Promise.race([told, serving.broken.then((text) => new Error(text))]);
    if (reason instanceof Error) throw reason;
  } catch (error) {
    // What went wrong first is what a person needs to know.
    await endAll().catch((late: unknown) => log.error({ err: late }, 'not everything ended well'));
    throw error;
  }
  say('\nstopping …');
  await endAll();
}

/** Whoever pressed Ctrl-C gets the terminal back, even when a server that hangs keeps a part from ending. */
async function inTime(work: () => Promise<void>): Promise<void> {
  if (await Promise.race([work().then(() => true), delay(STOP_MS, false)])) return;
  process.stderr.write('\nSomething did not end in time and was left as it was; the next start puts it in order.\n');
  process.exit(1);
}

/** Told to stop while still starting: what was begun is finished and ended, unless that takes too long. */
async function stopEarly(starting: Promise<Serving>): Promise<void> {
  say('\nstopping …');
  const isOver = starting.then((serving) => serving.close()).then(() => true);
  if (!(await Promise.race([isOver, delay(STOP_EARLY_MS, false)]))) process.exit(130);
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
