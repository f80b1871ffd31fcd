/** The product as a process of its own, to be killed: takes the home folder, model and Temporal addresses and the queue. */
import pino from 'pino';
import { installTemporalRuntime } from '../workers/worker.js';
import { startProduct } from './product.js';

const [home = '', modelUrl = '', temporalAddress = '', taskQueue = '', requests = '0'] = process.argv.slice(2);
installTemporalRuntime(pino({ level: 'error' }));
const product = await startProduct({ home, modelUrl, temporalAddress, taskQueue });
const ids: string[] = [];
for (let n = 0; n < Number(requests); n += 1) ids.push(await product.accept('s6'));
console.log(JSON.stringify({ ready: true, owner: product.serving.owner, ids }));
