import { Client, Connection } from '@temporalio/client';
import { type DevServer, startDevServer } from '../../workers/dev-server/start-dev-server.js';
import { startPostgres, type TestPostgres } from '../helpers/postgres.js';
import {
  type Entry,
  isAlive,
  newHome,
  type Product,
  type ProductOptions,
  removeHomes,
  startProduct,
} from '../helpers/processes.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';
import { assistant } from './crash-harness.js';

/** PostgreSQL, Temporal and a model of the test's own, and processes of the product on them. */
export interface Apart {
  readonly postgres: TestPostgres;
  readonly model: AnthropicStandIn;
  readonly home: string;
  readonly temporal: { stop(): Promise<void>; start(): Promise<void>; client(): Promise<Client> };
  start(entry: Entry, more?: Partial<ProductOptions> & { readonly extra?: Record<string, string> }): Promise<Product>;
  /** The one api, or worker, that most tests share; started again when it is gone. */
  api(): Promise<Product>;
  worker(): Promise<Product>;
  close(): Promise<void>;
}

export async function startApart(cliPath: string): Promise<Apart> {
  const home = newHome();
  const temporalHome = newHome();
  const [postgres, model] = await Promise.all([
    startPostgres(),
    startAnthropicStandIn({ script: assistant, factsFrom: 'anywhere' }),
  ]);
  const url = await postgres.createDatabase('retinue');
  const bringUp = (): Promise<DevServer> =>
    startDevServer({ home: temporalHome, cliPath, log: () => undefined, environment: process.env });
  let server = await bringUp();
  const { address } = server;
  const connections: Connection[] = [];
  const shared = new Map<Entry, Product>();
  const env = {
    DATABASE_URL: url,
    TEMPORAL_ADDRESS: address,
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'test-key',
  };
  const start: Apart['start'] = (entry, { extra, ...more } = {}) =>
    startProduct({ home, entry, env: { ...env, ...extra }, ...more });
  const only = async (entry: Entry): Promise<Product> => {
    const known = shared.get(entry);
    if (known !== undefined && isAlive(known.pid)) return known;
    const product = await start(entry, known === undefined ? {} : { port: known.port });
    shared.set(entry, product);
    return product;
  };
  return {
    postgres,
    model,
    home,
    temporal: {
      stop: () => server.stop(),
      async start() {
        server = await bringUp();
        if (server.address !== address) throw new Error('the Temporal server came back at another address');
      },
      async client() {
        const connection = await Connection.connect({ address });
        connections.push(connection);
        return new Client({ connection });
      },
    },
    start,
    api: () => only('start-api'),
    worker: () => only('start-worker'),
    async close() {
      await Promise.all(connections.map((connection) => connection.close()));
      await removeHomes();
      await server.stop();
      await Promise.all([postgres.stop(), model.close()]);
    },
  };
}
