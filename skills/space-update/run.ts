import { z } from 'zod';
import { type ContentPatch, mergeAtom } from '../../contracts/merge-atom.js';
import { ProblemError } from '../../contracts/problem.js';
import { type SkillResult, type SpaceAccess, transactionSkill } from '../../contracts/skill.js';
import {
  type Atom,
  AtomReferenceSchema,
  type JsonValue,
  JsonValueSchema,
  MetadataSchema,
} from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import { onPresentState } from '../shared/present-state.js';
import { visibleLine } from '../shared/visible-text.js';
import { payloadWords, proposeWrite } from '../shared/write-proposal.js';
import { conflictOutput } from './conflict.js';
import { type SpaceUpdateInput, type SpaceUpdateOutput, spaceUpdateManifest } from './manifest.js';

/** Of what an atom says before it is changed, for whoever is asked about the change. */
const BEFORE_BYTES = 500;

const UndoSchema = z.strictObject({
  space: z.string(),
  atom: z.string(),
  before: z.strictObject({
    payload: JsonValueSchema.optional(),
    metadata: MetadataSchema.optional(),
    references: z.array(AtomReferenceSchema).optional(),
  }),
  /** The version that the call wrote. Calls of earlier releases did not keep it. */
  version: z.int().optional(),
});

/**
 * Changes an atom. A change that was made for an older version is merged over what was written since, or answered with
 * the conflict. Its undo gives what the call changed its former value, and neither side loses a later write.
 */
export const spaceUpdate = transactionSkill({
  manifest: spaceUpdateManifest,
  run: (input, { spaces }) => onPresentState(() => change(spaces, input)),
  writesTo: ({ space }) => [space],
  async propose(input, { spaces }) {
    const { payload } = await spaces.get(input.space, input.atom);
    const before = cutText(payloadWords(payload).join(' '), BEFORE_BYTES);
    const change = `Changes the atom ${input.atom} (so far ${visibleLine(before)}) in`;
    return proposeWrite(spaces, { ...input, needs: 'write', verb: 'Change in', change });
  },
  undo: (undo, { spaces }) => onPresentState(() => takeBack(spaces, UndoSchema.parse(undo))),
});

async function change(spaces: SpaceAccess, input: SpaceUpdateInput): Promise<SkillResult<SpaceUpdateOutput>> {
  const { space, atom, ifVersion, comment, ...patch } = input;
  const before = await spaces.get(space, atom);
  if (ifVersion !== undefined && ifVersion !== before.version) return mergeOver(spaces, input, before, ifVersion);
  const after = await spaces.update(space, atom, { ...patch, comment, ifVersion: before.version });
  return { output: versionOf(after), undo: undoOf(before, after, patch) };
}

/** What was written since the version that the change was made for stays, or nothing is written. */
async function mergeOver(
  spaces: SpaceAccess,
  { space, atom, comment, payload, metadata, references }: SpaceUpdateInput,
  newest: Atom,
  ifVersion: number,
): Promise<SkillResult<SpaceUpdateOutput>> {
  const base = await baseOf(spaces, newest, ifVersion);
  const { patch, conflicts } = mergeAtom(base, newest, { payload, metadata, references });
  if (conflicts.length > 0) return { output: conflictOutput(newest, ifVersion, conflicts), taints: ['private'] };
  if (Object.keys(patch).length === 0) {
    return { output: { ...versionOf(newest), note: 'Nothing was written: the atom stands like this already.' } };
  }
  const after = await spaces.update(space, atom, { ...patch, comment, ifVersion: newest.version });
  return { output: { ...versionOf(after), mergedOver: newest.version }, undo: undoOf(newest, after, patch) };
}

async function takeBack(
  spaces: SpaceAccess,
  { space, atom, before, version }: z.infer<typeof UndoSchema>,
): Promise<void> {
  const comment = 'Undo: the change was taken back';
  if (version === undefined) {
    await spaces.update(space, atom, { ...before, comment });
    return;
  }
  const newest = await spaces.get(space, atom);
  const base = await baseOf(spaces, newest, version);
  const { patch, conflicts } = mergeAtom(base, newest, before);
  if (conflicts.length > 0) {
    const fields = conflicts.slice(0, 10).map(({ field }) => field);
    throw new ProblemError(
      'conflict',
      `The change cannot be taken back: ${fields.join(', ')} was changed again since, and that change would be lost. Change it by hand.`,
    );
  }
  if (Object.keys(patch).length > 0) await spaces.update(space, atom, { ...patch, comment, ifVersion: newest.version });
}

/** The version that a change was made for. */
async function baseOf(spaces: SpaceAccess, newest: Atom, version: number): Promise<Atom> {
  try {
    return await spaces.version(newest.space, newest.id, version);
  } catch (error) {
    if (!(error instanceof ProblemError) || error.type !== 'not-found') throw error;
    throw new ProblemError(
      'conflict',
      `The atom is at version ${newest.version}, and version ${version} is not known. Read it with space_get and repeat the change.`,
      { cause: error },
    );
  }
}

function versionOf({ id, space, version }: Atom): SpaceUpdateOutput {
  return { id, space, version };
}

/** What the call touched, as it was before; a metadata key that was not there becomes null, which deletes it again. */
function undoOf(before: Atom, after: Atom, patch: ContentPatch): JsonValue {
  const had = new Map(Object.entries(before.metadata));
  return {
    space: after.space,
    atom: after.id,
    before: {
      ...(patch.payload === undefined ? {} : { payload: before.payload }),
      ...(patch.metadata === undefined
        ? {}
        : { metadata: Object.fromEntries(Object.keys(patch.metadata).map((key) => [key, had.get(key) ?? null])) }),
      ...(patch.references === undefined
        ? {}
        : { references: before.references.map(({ type, atom }) => ({ type, atom })) }),
    },
    version: after.version,
  };
}
