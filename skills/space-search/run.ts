import { transactionSkill } from '../../contracts/skill.js';
import { viewAtom } from '../shared/atom-view.js';
import { withNote } from '../shared/note.js';
import { spaceSearchManifest } from './manifest.js';

const DEFAULT_HITS = 20;
const TOTAL_BYTES = 30_000;
const MAX_BYTES_EACH = 1500;

/** Searches spaces; the more atoms are found, the shorter each is shown. */
export const spaceSearch = transactionSkill({
  manifest: spaceSearchManifest,
  searches: ({ query }) => (query === undefined ? [] : [query]),
  async run({ space, limit = DEFAULT_HITS, ...search }, { spaces }) {
    const page = await spaces.search({ ...search, ...(space === undefined ? {} : { spaces: [space] }), limit });
    const bytes = Math.min(MAX_BYTES_EACH, Math.floor(TOTAL_BYTES / Math.max(1, page.items.length)));
    return {
      output: {
        items: page.items.map((hit) => ({ atom: viewAtom(hit.atom, bytes), score: hit.score })),
        ...withNote(page.cursor === undefined ? undefined : 'More atoms match; narrow the search.'),
      },
    };
  },
});
