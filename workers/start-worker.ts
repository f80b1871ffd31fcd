import { runProcess } from './run-process.js';

await runProcess({
  api: false,
  worker: true,
  needsServers: true,
  async greet(serving, say) {
    say(`Retinue worker is ready on the queue ${serving.taskQueue}`);
    return async () => undefined;
  },
});
