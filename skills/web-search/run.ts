import { SEARCH_SERVICE } from '../../contracts/gate.js';
import { ProblemError } from '../../contracts/problem.js';
import { outsideSkill } from '../../contracts/skill.js';
import { cutText } from '../../contracts/text.js';
import { DEFAULT_RESULTS, webSearchManifest } from './manifest.js';

const MOST_TITLE_BYTES = 300;
const MOST_TEXT_BYTES = 1_000;
const NO_SEARCH =
  'The web cannot be searched: no search service is set up. Whoever runs Retinue sets web.searchUrl in retinue.yaml to a ' +
  'SearXNG, such as one on the own machine, and restarts. Until then pages whose address is known can be read with web_fetch.';

/** Searches the web. */
export const webSearch = outsideSkill({
  manifest: webSearchManifest,
  destinations: () => [SEARCH_SERVICE],
  async run({ query, limit = DEFAULT_RESULTS }, { webSearch: service, abortSignal }) {
    if (service === undefined) throw new ProblemError('conflict', NO_SEARCH);
    const hits = await service.search(query, { limit, abortSignal });
    const results = hits.map(({ title, url, text }) => ({
      title: cutText(title, MOST_TITLE_BYTES),
      url,
      text: cutText(text, MOST_TEXT_BYTES),
    }));
    return { output: { results, route: service.route } };
  },
});
