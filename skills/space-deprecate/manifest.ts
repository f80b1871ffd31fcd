import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CommentSchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { AtomVersionSchema } from '../shared/atom-view-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const SpaceDeprecateInputSchema = z.strictObject({
  space: IdSchema,
  atom: IdSchema,
  comment: CommentSchema.describe('Why it no longer holds, in one sentence; subscribers of the space read it.'),
});

const SpaceDeprecateOutputSchema = AtomVersionSchema.extend({ deprecated: z.literal(true) });

/** Pure data of the skill `space_deprecate`. */
export const spaceDeprecateManifest: SkillManifest<
  z.infer<typeof SpaceDeprecateInputSchema>,
  z.infer<typeof SpaceDeprecateOutputSchema>
> = {
  name: 'space_deprecate',
  description:
    'Marks one atom of a space as outdated and returns its new version. It is no longer found by searches, stays readable by its id with its history, and the call can be undone. ' +
    'Choose it where content is wrong, done with or replaced; to correct an atom use space_update.',
  effect: 'internal',
  input: SpaceDeprecateInputSchema,
  output: SpaceDeprecateOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ space, atom, comment }) => `Withdraws the atom ${atom} of the space ${space}: ${quote(comment)}`,
};
