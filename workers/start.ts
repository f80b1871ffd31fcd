import { startHttp } from './http.js';
import { runProcess } from './run-process.js';
import type { Serving } from './serve.js';
import { productVersion } from './temporal-link.js';

await runProcess({
  api: true,
  worker: true,
  needsServers: false,
  async greet(serving, say) {
    const http = await startHttp(serving);
    for (const line of welcome(serving, http.url, http.signIn())) say(line);
    return () => http.close();
  },
});

function welcome(serving: Serving, url: string, signInLink: string): string[] {
  const { models, config } = serving.installation;
  const token = serving.tokenFile === undefined ? '$RETINUE_TOKEN' : `$(cat '${serving.tokenFile}')`;
  return [
    '',
    `Retinue ${productVersion()} is ready at ${url}`,
    '',
    `  API and docs, signed in   ${signInLink}`,
    `  Temporal web UI           ${serving.temporal.uiUrl ?? '(set TEMPORAL_UI_URL to see its link here)'}`,
    `  home folder               ${config.folders.home}`,
    `  model                     ${models.rehearsing ? 'rehearsal: simple rules, works offline (set ANTHROPIC_API_KEY for a real model)' : models.resolve('smart')}`,
    '',
    'Try it:',
    '',
    `  curl -s '${url}/v1/requests?wait=30' \\`,
    `    -H "Authorization: Bearer ${token}" -H 'Content-Type: application/json' \\`,
    `    -d '{"text": "Just off the call. Anna sends the contract by Friday. I check the firewall tomorrow. Next call Thursday at two."}'`,
    '',
    'Ctrl-C stops everything; the next start goes on where it was.',
  ];
}
