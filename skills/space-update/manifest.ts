import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { AtomPatchSchema, JsonValueSchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { AtomVersionSchema } from '../shared/atom-view-schema.js';
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
    ifVersion: ifVersion.describe(
      'The version you read. What others have changed since is kept; where it contradicts your change nothing is written. Give it whenever you write a payload or references.',
    ),
  })
  .refine((input) => ['payload', 'metadata', 'references'].some((field) => field in input), {
    error: 'name at least one change: payload, metadata or references',
  });

export type SpaceUpdateInput = z.infer<typeof SpaceUpdateInputSchema>;

const SpaceUpdateOutputSchema = AtomVersionSchema.extend({
  mergedOver: z.int().optional().describe('The newer version that the change was merged over.'),
  conflicts: z
    .array(
      z.strictObject({
        field: z.string(),
        yours: JsonValueSchema.optional(),
        now: JsonValueSchema.optional(),
      }),
    )
    .optional(),
  note: z.string().optional(),
});

export type SpaceUpdateOutput = z.infer<typeof SpaceUpdateOutputSchema>;

/** Pure data of the skill `space_update`. */
export const spaceUpdateManifest: SkillManifest<SpaceUpdateInput, SpaceUpdateOutput> = {
  name: 'space_update',
  description:
    'Changes one atom of a space and returns its new version. Fields that are not named stay as they are. ' +
    'With ifVersion, a change made to an older version is merged over what others have written since (mergedOver); where both changed the same field, nothing is written and conflicts names each field with your value and what stands there now.',
  effect: 'internal',
  input: SpaceUpdateInputSchema,
  output: SpaceUpdateOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: (input) => `Changes the atom ${input.atom} of the space ${input.space}: ${quote(input.comment)}`,
};
