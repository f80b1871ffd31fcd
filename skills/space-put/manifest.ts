import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { NewAtomSchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { type AtomVersion, AtomVersionSchema } from '../shared/atom-view-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const SpacePutInputSchema = z.strictObject({
  space: IdSchema,
  ...NewAtomSchema.shape,
  comment: NewAtomSchema.shape.comment.describe(
    'What is new and why, in one sentence; subscribers of the space read it.',
  ),
});

/** Pure data of the skill `space_put`. */
export const spacePutManifest: SkillManifest<z.infer<typeof SpacePutInputSchema>, AtomVersion> = {
  name: 'space_put',
  description:
    'Adds one atom to a space, in the form that the description of the space asks for, and returns its id. ' +
    'References name existing atoms by type, such as {"type": "blocked_by", "atom": "…"}.',
  effect: 'internal',
  input: SpacePutInputSchema,
  output: AtomVersionSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ space, comment }) => `Adds to the space ${space}: ${quote(comment)}`,
};
