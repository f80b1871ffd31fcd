import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { AtomPatchSchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { type AtomVersion, AtomVersionSchema } from '../shared/atom-view-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const { payload, metadata, references, comment, ifVersion } = AtomPatchSchema.shape;

const SpaceUpdateInputSchema = z
  .strictObject({
    space: IdSchema,
    atom: IdSchema,
    payload,
    metadata: metadata.describe('Merged into the present metadata; null deletes a key.'),
    references: references.describe('Replace all present references.'),
    comment: comment.describe('What changed and why, in one sentence; subscribers of the space read it.'),
    ifVersion: ifVersion.describe('The version you read; the change is refused if the atom is newer by now.'),
  })
  .refine((input) => ['payload', 'metadata', 'references'].some((field) => field in input), {
    error: 'name at least one change: payload, metadata or references',
  });

export type SpaceUpdateInput = z.infer<typeof SpaceUpdateInputSchema>;

/** Pure data of the skill `space_update`. */
export const spaceUpdateManifest: SkillManifest<SpaceUpdateInput, AtomVersion> = {
  name: 'space_update',
  description: 'Changes one atom of a space and returns its new version. Fields that are not named stay as they are.',
  effect: 'internal',
  input: SpaceUpdateInputSchema,
  output: AtomVersionSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: (input) => `Changes the atom ${input.atom} of the space ${input.space}: ${quote(input.comment)}`,
};
