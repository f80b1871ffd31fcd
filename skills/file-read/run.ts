import { outsideSkill } from '../../contracts/skill.js';
import { cutText } from '../../contracts/text.js';
import { withNote } from '../shared/note.js';
import { fileRef } from '../shared/written-refs.js';
import { fileReadManifest } from './manifest.js';

const MAX_BYTES = 50_000;

/** Reads a text file. */
export const fileRead = outsideSkill({
  manifest: fileReadManifest,
  async run({ path }, { workspace, user }) {
    const whole = await workspace.read(user.id, path);
    const text = cutText(whole, MAX_BYTES);
    const note = `Cut after ${MAX_BYTES} bytes; the file has ${new TextEncoder().encode(whole).length}.`;
    return { output: { path, text, ...withNote(text === whole ? undefined : note) }, read: [fileRef(path)] };
  },
});
