import { outsideSkill } from '../../contracts/skill.js';
import { MAX_ITEMS } from '../shared/limits.js';
import { firstItems, withNote } from '../shared/note.js';
import { fileRef } from '../shared/written-refs.js';
import { fileListManifest } from './manifest.js';

/** Lists the user's files. */
export const fileList = outsideSkill({
  manifest: fileListManifest,
  async run({ folder = '' }, { workspace, user }) {
    const found = await workspace.list(user.id, folder);
    const { items, note } = firstItems(found, MAX_ITEMS, 'name a folder');
    return { output: { files: items, ...withNote(note) }, read: items.map(({ path }) => fileRef(path)) };
  },
});
