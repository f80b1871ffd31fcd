import { z } from 'zod';
import { transactionSkill } from '../../contracts/skill.js';
import {
  type Atom,
  AtomReferenceSchema,
  type JsonValue,
  JsonValueSchema,
  type Metadata,
  MetadataSchema,
} from '../../contracts/space.js';
import { type SpaceUpdateInput, spaceUpdateManifest } from './manifest.js';

const UndoSchema = z.strictObject({
  space: z.string(),
  atom: z.string(),
  before: z.strictObject({
    payload: JsonValueSchema.optional(),
    metadata: MetadataSchema.optional(),
    references: z.array(AtomReferenceSchema).optional(),
  }),
});

/** Changes an atom; its undo gives what the call changed its former value and leaves the rest alone. */
export const spaceUpdate = transactionSkill({
  manifest: spaceUpdateManifest,
  async run(input, { spaces }) {
    const { space, atom, ...patch } = input;
    const before = await spaces.get(space, atom);
    const after = await spaces.update(space, atom, { ...patch, ifVersion: patch.ifVersion ?? before.version });
    return {
      output: { id: after.id, space: after.space, version: after.version },
      undo: { space, atom, before: formerValues(before, input) },
    };
  },
  async undo(undo, { spaces }) {
    const { space, atom, before } = UndoSchema.parse(undo);
    await spaces.update(space, atom, { ...before, comment: 'Undo: the change was taken back' });
  },
});

/** Only what the call touched; a metadata key that was not there becomes null, which deletes it again. */
function formerValues(before: Atom, input: SpaceUpdateInput): { [field: string]: JsonValue } {
  return {
    ...(input.payload === undefined ? {} : { payload: before.payload }),
    ...(input.metadata === undefined ? {} : { metadata: formerMetadata(before.metadata, input.metadata) }),
    ...(input.references === undefined
      ? {}
      : { references: before.references.map(({ type, atom }) => ({ type, atom })) }),
  };
}

function formerMetadata(before: Metadata, patch: Metadata): Metadata {
  return Object.fromEntries(Object.keys(patch).map((key) => [key, before[key] ?? null]));
}
