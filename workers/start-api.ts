import { startHttp } from './http.js';
import { runProcess } from './run-process.js';

await runProcess({
  api: true,
  worker: false,
  needsServers: true,
  async greet(serving, say) {
    const http = await startHttp(serving);
    say(`Retinue api is ready at ${http.url}`);
    return () => http.close();
  },
});
