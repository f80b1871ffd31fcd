/** Entry of the worker thread that owns the embedded database and serves it on a private socket. */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

interface ThreadData {
  readonly folder: string;
  readonly socketPath: string;
}

const { folder, socketPath } = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error('this file runs in a worker thread only');

const database = await PGlite.create(folder, { extensions: { vector } });
const server = new PGLiteSocketServer({ db: database, path: socketPath, maxConnections: 4 });
await server.start();
port.on('message', (message: unknown) => {
  if (message === 'close') void close();
});
port.postMessage('ready');

async function close(): Promise<void> {
  await server.stop();
  await database.close();
  port?.postMessage('closed');
  port?.close();
}
