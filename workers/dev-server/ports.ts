import { createServer } from 'node:net';
import { systemErrorCode } from '../../connectors/local/system-error.js';

/** The four TCP ports of the development server, all on 127.0.0.1. */
export interface ServerPorts {
  /** gRPC: what workers and clients connect to. */
  readonly frontend: number;
  readonly ui: number;
  readonly http: number;
  readonly metrics: number;
}

export const PORT_NAMES = ['frontend', 'ui', 'http', 'metrics'] as const satisfies readonly (keyof ServerPorts)[];

/** Keeps every wanted port that is free and replaces the others, so that the address stays the same from start to start. */
export async function choosePorts(wanted: Partial<ServerPorts>): Promise<ServerPorts> {
  const chosen: Partial<Record<keyof ServerPorts, number>> = {};
  const taken = new Set<number>();
  for (const name of PORT_NAMES) {
    const candidate = wanted[name];
    const keep = candidate !== undefined && !taken.has(candidate) && (await isFree(candidate));
    const port = keep ? candidate : await findFreePort(taken);
    taken.add(port);
    chosen[name] = port;
  }
  return chosen as ServerPorts;
}

/** Whether 127.0.0.1:`port` can be listened on right now. */
async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== null;
}

async function findFreePort(taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = await listenOnce(0);
    if (port !== null && !taken.has(port)) return port;
  }
  throw new Error('no free TCP port was found on 127.0.0.1');
}

/** Listens for a moment; the port, or null when somebody else has it. */
function listenOnce(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      if (['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'].includes(systemErrorCode(error) ?? '')) resolve(null);
      else reject(error);
    });
    probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}
