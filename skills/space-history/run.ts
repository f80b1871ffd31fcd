import { changedFields } from '../../contracts/merge-atom.js';
import { transactionSkill } from '../../contracts/skill.js';
import type { Atom } from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import { viewAtom } from '../shared/atom-view.js';
import { firstItems } from '../shared/note.js';
import { spaceHistoryManifest, type SpaceHistoryOutput } from './manifest.js';

const DEFAULT_VERSIONS = 10;
const TOTAL_BYTES = 30_000;
const MOST_FIELDS = 20;
const FIELD_BYTES = 60;

/** Shows versions of an atom; the more there are, the shorter each is shown. */
export const spaceHistory = transactionSkill({
  manifest: spaceHistoryManifest,
  async run({ space, atom, limit = DEFAULT_VERSIONS }, { spaces }) {
    const versions = await spaces.history(space, atom);
    const { items, ...rest } = firstItems(versions, limit, 'give a higher limit for older ones');
    const bytes = Math.floor(TOTAL_BYTES / Math.max(1, items.length));
    const shown = items.map((version, index) => viewVersion(version, versions[index + 1], bytes));
    return { output: { items: shown, ...rest } };
  },
});

function viewVersion(version: Atom, former: Atom | undefined, bytes: number): SpaceHistoryOutput['items'][number] {
  const { id: _id, space: _space, mediaType: _mediaType, updatedAt, ...view } = viewAtom(version, bytes);
  const changed = former === undefined ? [] : changedFields(former, version);
  return {
    ...view,
    author: version.author,
    at: updatedAt,
    changed: changed.slice(0, MOST_FIELDS).map((field) => cutText(field, FIELD_BYTES)),
  };
}
