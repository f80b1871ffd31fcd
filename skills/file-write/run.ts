import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { type OutsideContext, outsideSkill } from '../../contracts/skill.js';
import { fileRef } from '../shared/written-refs.js';
import { fileWriteManifest } from './manifest.js';

const UndoSchema = z.strictObject({ path: z.string(), previous: z.string().nullable(), written: z.string() });

/**
 * Writes a text file; its undo brings the former text back or removes a file that was not there.
 * A write that changed nothing (such as one repeated after a crash) has no undo: what stood there first is unknown.
 */
export const fileWrite = outsideSkill({
  manifest: fileWriteManifest,
  async run({ path, text }, { callId, workspace, user, abortSignal }) {
    abortSignal.throwIfAborted();
    const { previous } = await workspace.write(user.id, path, text);
    const output = { path, bytes: new TextEncoder().encode(text).length };
    const made = { wrote: [fileRef(path)], outputs: [{ kind: 'file', title: path, ref: `effect:${callId}` }] };
    if (previous === text) return { output: { ...output, change: 'unchanged' }, ...made };
    return {
      output: { ...output, change: previous === null ? 'created' : 'replaced' },
      undo: { path, previous, written: text },
      ...made,
    };
  },
  async undo(undo, context) {
    const { path, previous, written } = UndoSchema.parse(undo);
    const present = await readOrNull(context, path);
    if (present === previous) return;
    if (present !== written) {
      throw new ProblemError('conflict', `The file ${path} was changed since; undo would lose that change.`);
    }
    if (previous === null) await context.workspace.remove(context.user.id, path);
    else await context.workspace.write(context.user.id, path, previous);
  },
});

async function readOrNull({ workspace, user }: OutsideContext, path: string): Promise<string | null> {
  try {
    return await workspace.read(user.id, path);
  } catch (error) {
    if (error instanceof ProblemError && error.type === 'not-found') return null;
    throw error;
  }
}
