import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection, type ConnectionLike } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { type Config, ConfigurationError } from '../config/index.js';
import { pause } from '../store/pause.js';
import { GRPC, grpcCode, withinLimit } from './dev-server/grpc-call.js';
import { prepareNamespace } from './dev-server/prepare-namespace.js';

const PATIENCE_MS = 60_000;

function optionsOf(config: Config, address: string) {
  const { TEMPORAL_API_KEY: apiKey, TEMPORAL_TLS: tls } = config.environment;
  return {
    address,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(tls === undefined ? (apiKey === undefined ? {} : { tls: true }) : { tls: tls === 'true' }),
  };
}

/** A connection for workers (and clients beside them). Waits, by default up to a minute, for a server that is just starting. */
export async function connectNative(
  config: Config,
  address: string,
  say: (line: string) => void,
  patienceMs = PATIENCE_MS,
): Promise<NativeConnection> {
  const until = Date.now() + patienceMs;
  for (;;) {
    try {
      return await connectOnce(config, address);
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (Date.now() > until)
        throw new Error(
          `Temporal at ${address} could not be reached for ${Math.round(patienceMs / 1000)} seconds: ${reason}. Check TEMPORAL_ADDRESS.`,
          { cause: error },
        );
      say(`waiting for Temporal at ${address}`);
      await delay(2_000);
    }
  }
}

/** Throws `ConfigurationError` when the server is there and does not know the namespace: waiting would not help. */
async function connectOnce(config: Config, address: string): Promise<NativeConnection> {
  const connection = await NativeConnection.connect(optionsOf(config, address));
  const namespace = config.environment.TEMPORAL_NAMESPACE;
  try {
    await withinLimit(connection, () => connection.workflowService.describeNamespace({ namespace }));
    return connection;
  } catch (error) {
    await connection.close();
    if (grpcCode(error) !== GRPC.notFound) throw error;
    throw new ConfigurationError(`Temporal at ${address} has no namespace ${namespace}. Check TEMPORAL_NAMESPACE.`);
  }
}

/** A connection that is made when first used, so that an api can accept requests while Temporal is away. */
export function connectLazily(config: Config, address: string): Connection {
  return Connection.lazy({ ...optionsOf(config, address), connectTimeout: '5s' });
}

export function createClient(connection: ConnectionLike, namespace: string): Client {
  return new Client({ connection, namespace });
}

/** Finds out, now or when the server is back, whether runs may carry our search attributes. */
export class SearchAttributes {
  #known = false;

  get usable(): boolean {
    return this.#known;
  }

  /** Throws when the server cannot be reached. */
  async register(connection: ConnectionLike, namespace: string, embedded: boolean): Promise<void> {
    this.#known = await prepareNamespace({ connection, namespace, embedded });
  }

  /** Tries until it worked or `stop`; runs started meanwhile go without. */
  async registerEventually(
    connection: ConnectionLike,
    namespace: string,
    stop: AbortSignal,
    warn: (error: unknown) => void,
  ): Promise<void> {
    while (!stop.aborted) {
      try {
        await this.register(connection, namespace, false);
        return;
      } catch (error) {
        if (!stop.aborted) warn(error);
        await pause(5_000, stop);
      }
    }
  }
}

/** Version of the product, for the first line people see. */
export function productVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const found = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version?: string };
      if (found.version !== undefined) return found.version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return 'unknown';
}
