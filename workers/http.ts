import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createApi } from '../api/app.js';
import { userFolder } from '../connectors/local/user-folder.js';
import { sql } from '../store/sql.js';
import { createTickets, type Serving } from './serve.js';
import { answers } from './temporal.js';

export interface RunningHttp {
  readonly url: string;
  /** A new link that signs a browser in once, within ten minutes. */
  signIn(): string;
  close(): Promise<void>;
}

/** Listens for the API of a serving process. Throws a clear sentence when the port is taken. */
export async function startHttp(serving: Serving): Promise<RunningHttp> {
  const { installation, temporal } = serving;
  const { environment } = installation.config;
  const tickets = createTickets(serving.owner);
  let url = environment.RETINUE_PUBLIC_URL ?? `http://localhost:${environment.PORT}`;
  const app = createApi({
    engine: installation.engine,
    bus: installation.store.bus,
    tickets,
    logger: installation.log,
    sealing: installation.activityDeps.secretBox,
    forgetFolders: async (user) => {
      const { local, workspaces } = installation.config.folders;
      for (const root of [local, workspaces]) await rm(userFolder(root, user), { recursive: true, force: true });
    },
    settings: {
      get publicUrl() {
        return url;
      },
      temporalUiUrl: temporal.uiUrl,
      namespace: temporal.namespace,
      ready: () => readiness(serving),
      catalogue: catalogueOf(serving),
    },
  });
  try {
    await app.listen({ port: environment.PORT, host: environment.RETINUE_HOST });
  } catch (error) {
    await app.close();
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new Error(`Port ${environment.PORT} is taken by another program. Set PORT to a free one.`, { cause: error });
  }
  const { port } = app.server.address() as AddressInfo;
  url = environment.RETINUE_PUBLIC_URL ?? `http://localhost:${port}`;
  return { url, signIn: () => `${url}/signin?ticket=${tickets.issue()}`, close: () => app.close() };
}

function catalogueOf(serving: Serving) {
  const { skills, models } = serving.installation;
  const schemas = new Map(skills.tools().map((tool) => [tool.name, tool.inputSchema]));
  const listed = skills.list().map(({ manifest }) => ({
    name: manifest.name,
    description: manifest.description,
    effect: manifest.effect,
    inputSchema: schemas.get(manifest.name) ?? {},
    priceUsd: manifest.priceUsd,
    timeoutSeconds: manifest.timeoutSeconds,
    maxConcurrent: manifest.maxConcurrent,
    minIntervalSeconds: manifest.minIntervalSeconds,
    hints: manifest.hints,
  }));
  return { skills: () => listed, models: () => models.catalogue.list(new Date()) };
}

const PATIENCE_MS = 2_000;

/** Both parts are asked each time; an answer that takes longer than two seconds counts as away. */
async function readiness(serving: Serving) {
  const { db } = serving.installation.store;
  const asked = db
    .system((tx) => tx.rows(sql`select 1`))
    .then(
      () => true,
      () => false,
    );
  const [database, temporal] = await Promise.all([
    Promise.race([asked, delay(PATIENCE_MS, false)]),
    answers(serving.connection, serving.temporal.namespace),
  ]);
  const word = (up: boolean): string => (up ? 'ok' : 'away');
  return { ok: database && temporal, parts: { database: word(database), temporal: word(temporal) } };
}
