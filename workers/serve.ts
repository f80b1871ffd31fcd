import { randomBytes } from 'node:crypto';
import type { ConnectionLike } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config/index.js';
import { REQUEST_WORKFLOW, workflowTypeOf } from '../contracts/ids.js';
import type { Skill } from '../contracts/skill.js';
import type { EffectTimes } from '../engine/deps.js';
import { setAdmission } from '../engine/agents/admission.js';
import { releaseLeases } from '../engine/effect-takeover.js';
import { runningWorkflows } from '../engine/janitor.js';
import { fireSpaceTriggers } from '../engine/triggers/space-changes.js';
import { completeUsers, ensureOwner } from '../engine/users.js';
import { Relay } from '../store/relay.js';
import { failOrphanedActivities } from './dev-server/fail-orphaned-activities.js';
import { dispatchChanges } from './dispatcher.js';
import { downloadTemporalCli } from './dev-server/download-temporal-cli.js';
import { cliCacheDir, findTemporalCli } from './dev-server/find-temporal-cli.js';
import { type DevServer, startDevServer } from './dev-server/start-dev-server.js';
import { keepVectors } from './embedder.js';
import { openInstallation, type Installation } from './installation.js';
import { keepDatabase, keepHouse } from './janitor.js';
import { ownerToken, tokenFile } from './owner-token.js';
import { createCourier } from './temporal.js';
import { connectLazily, connectNative, createClient, SearchAttributes } from './temporal-link.js';
import { startWorker } from './worker.js';

export interface ServeOptions {
  readonly config: Config;
  readonly api: boolean;
  readonly worker: boolean;
  readonly say: (line: string) => void;
  readonly log?: Logger;
  readonly moreSkills?: readonly Skill[];
  /** How long servers that are away are waited for; default a minute. */
  readonly patienceMs?: number | undefined;
  /** Other times for the effects ledger than the usual ones. */
  readonly effectTimes?: Partial<EffectTimes> | undefined;
}

/** Running parts of one process. `close` ends them in the order in which they need each other. */
export interface Serving {
  readonly installation: Installation;
  readonly connection: ConnectionLike;
  readonly temporal: { readonly address: string; readonly uiUrl: string | undefined; readonly namespace: string };
  /** Where the owner's token can be read, for what is printed; the token itself stays out of terminals and logs. */
  readonly tokenFile: string | undefined;
  /** The owner's user id. */
  readonly owner: string;
  readonly taskQueue: string;
  /** Resolves when a part that was started here ended by itself, with what a person should know. */
  readonly broken: Promise<string>;
  close(): Promise<void>;
}

/** Opens the store and Temporal, then runs what this process is for. What was started is ended when a later part fails. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const ends: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    // A part that does not end well must not keep the others from ending.
    for (let end = ends.pop(); end !== undefined; end = ends.pop())
      await end().catch((error: unknown) => failures.push(error));
    if (failures.length > 0)
      throw new AggregateError(failures, `Not everything ended well: ${failures.map(String).join('; ')}`);
  };
  try {
    return await start(options, ends, close);
  } catch (error) {
    // What went wrong first is what a person needs to know.
    await close().catch((late: unknown) => options.log?.error({ err: late }, 'not everything ended well'));
    throw error;
  }
}

async function start(
  options: ServeOptions,
  ends: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<Serving> {
  const { config, say } = options;
  const { environment } = config;
  const [installation, server] = await openParts(options, ends);
  const address = environment.TEMPORAL_ADDRESS ?? server?.address ?? '';
  const namespace = environment.TEMPORAL_NAMESPACE;
  const owner = await prepareOwner(installation, options.api);
  const connection = options.worker
    ? await connectNative(config, address, say, options.patienceMs)
    : connectLazily(config, address);
  ends.push(() => connection.close());
  const attributes = await prepareTemporal(options, installation, connection, server, ends);
  const client = createClient(connection, namespace);
  const taskQueue = config.file.temporal.taskQueue ?? queueOf(owner);
  const courier = createCourier({
    client,
    taskQueue,
    historyLimit: config.file.temporal.historyEvents,
    searchable: () => attributes.usable,
    eager: options.api && options.worker,
  });
  const relay = new Relay(installation.store.db, courier, installation.log);
  installation.deliverThrough(relay);
  if (environment.DATABASE_URL === undefined) await freeOrphans(installation, connection, namespace, say);
  if (options.worker) await runWorkerParts(installation, connection as NativeConnection, taskQueue, client, ends);
  relay.start();
  ends.push(() => relay.close());
  return {
    installation,
    connection,
    temporal: { address, uiUrl: environment.TEMPORAL_UI_URL ?? server?.uiUrl, namespace },
    tokenFile: environment.RETINUE_TOKEN === undefined ? tokenFile(config.folders.home) : undefined,
    owner,
    taskQueue,
    broken: Promise.race([
      installation.store.broken,
      ...(server === undefined ? [] : [server.exited.then(() => SERVER_ENDED)]),
    ]),
    close,
  };
}

const SERVER_ENDED =
  'The Temporal server has ended unexpectedly; its log is temporal/server.log in the home folder. Start Retinue again to go on.';

/** A queue of this installation's own, so that two of them on one Temporal do not take each other's work. */
function queueOf(owner: string): string {
  return `retinue-${owner.replace('usr_', '').slice(0, 12)}`;
}

/**
 * The store and, without TEMPORAL_ADDRESS, the development server. The latter starts as soon as the home folder is this
 * process's own, while the database opens.
 */
async function openParts(
  options: ServeOptions,
  ends: (() => Promise<void>)[],
): Promise<[Installation, DevServer | undefined]> {
  const { config, say } = options;
  let tellHeld: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    tellHeld = resolve;
  });
  const opening = openInstallation(config, { ...options, onHeld: tellHeld }).then((installation) => {
    say(config.environment.DATABASE_URL === undefined ? 'database: embedded, open' : 'database: PostgreSQL, connected');
    return installation;
  });
  const starting =
    config.environment.TEMPORAL_ADDRESS === undefined
      ? Promise.race([held, opening]).then(() => startOwnTemporal(options))
      : Promise.resolve(undefined);
  const [installation, server] = await Promise.allSettled([opening, starting]);
  // The store last of all, because it holds the lock on the home.
  if (installation.status === 'fulfilled') ends.push(() => installation.value.close());
  if (server.status === 'fulfilled') ends.push(async () => server.value?.stop());
  return [await opening, await starting];
}

async function startOwnTemporal({ config, say }: ServeOptions): Promise<DevServer> {
  const cliPath = await findTemporalCli({
    cacheDir: cliCacheDir(config.tools, config.folders.userHome),
    environment: config.tools,
    log: say,
    download: downloadTemporalCli,
  });
  return startDevServer({
    home: config.folders.home,
    cliPath,
    log: say,
    environment: config.tools,
    namespace: config.environment.TEMPORAL_NAMESPACE,
  });
}

/**
 * The owner's user id; the process that answers calls also sees to the owner's token. Users of earlier releases get what
 * new ones are born with.
 */
export async function prepareOwner({ config, engine }: Installation, withToken: boolean): Promise<string> {
  const configured = config.environment.RETINUE_TOKEN;
  const token = withToken
    ? { token: ownerToken(config.folders.home, configured), replace: configured !== undefined }
    : {};
  const { id } = await ensureOwner(engine, {
    name: config.file.owner.name,
    timeZone: engine.defaultTimeZone,
    ...token,
  });
  await completeUsers(engine);
  const { subagents, subagentsInAll } = config.file.limits;
  await engine.db.system((tx) => setAdmission(tx, { perUser: subagents, inAll: subagentsInAll }));
  return id;
}

async function prepareTemporal(
  options: ServeOptions,
  installation: Installation,
  connection: ConnectionLike,
  server: DevServer | undefined,
  ends: (() => Promise<void>)[],
): Promise<SearchAttributes> {
  const attributes = new SearchAttributes();
  const namespace = options.config.environment.TEMPORAL_NAMESPACE;
  if (server === undefined) {
    const stop = new AbortController();
    const done = attributes.registerEventually(connection, namespace, stop.signal, (error) =>
      installation.log.warn({ err: error }, 'search attributes are not registered yet'),
    );
    ends.push(async () => {
      stop.abort();
      await done;
    });
    return attributes;
  }
  await attributes.register(connection, namespace, true);
  return attributes;
}

/** The embedded database is locked by this process, so whatever counts as running belonged to one that died. */
async function freeOrphans(
  installation: Installation,
  connection: ConnectionLike,
  namespace: string,
  say: (line: string) => void,
): Promise<void> {
  await releaseLeases(installation.engine);
  const workflowIds = await runningWorkflows(installation.engine, 5_000);
  if (workflowIds.length === 0) return;
  const freed = await failOrphanedActivities({
    connection,
    namespace,
    workflowIds,
  });
  const requests = workflowIds.filter((id) => workflowTypeOf(id) === REQUEST_WORKFLOW).length;
  say(
    `going on with ${requests} unfinished ${requests === 1 ? 'request' : 'requests'}${freed === 0 ? '' : ` (${freed} interrupted steps)`}`,
  );
}

async function runWorkerParts(
  installation: Installation,
  connection: NativeConnection,
  taskQueue: string,
  client: ReturnType<typeof createClient>,
  ends: (() => Promise<void>)[],
): Promise<void> {
  const worker = await startWorker(installation, connection, taskQueue);
  ends.push(() => worker.stop());
  const stop = new AbortController();
  const house = keepHouse(installation.engine, client, installation.log, stop.signal);
  const { store, log, engine } = installation;
  const dispatcher = dispatchChanges(store, log, stop.signal, () => fireSpaceTriggers(engine));
  const vectors =
    engine.embedder === undefined ? undefined : keepVectors({ ...store, embedder: engine.embedder, log }, stop.signal);
  const database = store.upkeep === undefined ? undefined : keepDatabase(store.upkeep, log, stop.signal);
  ends.push(async () => {
    stop.abort();
    await Promise.all([house, dispatcher, vectors, database]);
  });
}

/** One-time tickets that sign a browser in; each lives ten minutes. */
export function createTickets(user: string) {
  const open = new Map<string, number>();
  return {
    issue(): string {
      const ticket = randomBytes(24).toString('base64url');
      open.set(ticket, Date.now() + 600_000);
      return ticket;
    },
    redeem(ticket: string): string | undefined {
      const until = open.get(ticket);
      open.delete(ticket);
      return until !== undefined && until > Date.now() ? user : undefined;
    },
  };
}
