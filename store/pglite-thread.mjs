// Entry of the worker thread that owns the embedded database and serves it on a private socket. Plain, since it runs
// without a build too.
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

const { folder, socketPath } = workerData;
if (parentPort === null) throw new Error('this file runs in a worker thread only');

const database = await PGlite.create(folder, { extensions: { vector } });
const server = new PGLiteSocketServer({ db: database, path: socketPath, maxConnections: 4 });
await server.start();
parentPort.on('message', (message) => {
  if (message === 'close') void close();
});
parentPort.postMessage('ready');

async function close() {
  await server.stop();
  await database.close();
  parentPort.postMessage('closed');
  parentPort.close();
}
