import { changedFields } from '../../contracts/merge-atom.js';
import { transactionSkill } from '../../contracts/skill.js';
import type { Atom } from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import { viewAtom } from '../shared/atom-view.js';
import { withNote } from '../shared/note.js';
import { spaceHistoryManifest, type SpaceHistoryOutput } from './manifest.js';

const DEFAULT_VERSIONS = 10;
const TOTAL_BYTES = 30_000;
const MOST_FIELDS = 20;
const FIELD_BYTES = 60;

/** Shows versions of an atom; the more there are, the shorter each is shown. */
export const spaceHistory = transactionSkill({
  manifest: spaceHistoryManifest,
  async run({ space, atom, limit = DEFAULT_VERSIONS }, { spaces }) {
    const { items: versions, cursor } = await spaces.history(space, atom, { limit });
    const older = cursor === undefined ? [] : (await spaces.history(space, atom, { limit: 1, cursor })).items;
    const bytes = Math.floor(TOTAL_BYTES / Math.max(1, versions.length));
    const items = versions.map((version, index) => viewVersion(version, [...versions, ...older][index + 1], bytes));
    return { output: { items, ...withNote(noteOn(versions, limit)) } };
  },
});

function noteOn(shown: readonly Atom[], limit: number): string | undefined {
  const all = shown[0]?.version ?? 0;
  if (shown.length >= all) return undefined;
  const advice = shown.length < limit ? 'older ones are too large for this' : 'give a higher limit for older ones';
  return `Only the first ${shown.length} of ${all} are shown; ${advice}.`;
}

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
