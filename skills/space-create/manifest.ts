import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { NewSpaceSchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const { name, description, convention, tags } = NewSpaceSchema.shape;

const SpaceCreateInputSchema = z
  .strictObject({
    name,
    description: description.describe(
      'Instructions to every agent that uses the space: what belongs there and in which form. Not allowed after reading the words of others; leave it out then.',
    ),
    convention: convention.describe(
      'A pattern of use by its name; without a description the space takes the one of that convention.',
    ),
    tags,
    from: IdSchema.optional().describe(
      'A space to copy: its description, convention, tags and present atoms. Give nothing but the name beside it.',
    ),
  })
  .refine((input) => input.from === undefined || !['description', 'convention', 'tags'].some((key) => key in input), {
    path: ['from'],
    error: 'must stand alone with name: the copy takes description, convention and tags from that space',
  });

const SpaceCreateOutputSchema = z.strictObject({ id: z.string(), name: z.string(), atoms: z.int() });

/** Pure data of the skill `space_create`. */
export const spaceCreateManifest: SkillManifest<
  z.infer<typeof SpaceCreateInputSchema>,
  z.infer<typeof SpaceCreateOutputSchema>
> = {
  name: 'space_create',
  description:
    'Makes a new space that is private to the user, or with from a private copy of one you may read, and returns its id. ' +
    'Choose it where content needs a place of its own that is shared or followed separately; single facts belong into spaces that are there. space_share lets others in.',
  effect: 'internal',
  input: SpaceCreateInputSchema,
  output: SpaceCreateOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: (input) =>
    input.from === undefined
      ? `Makes the space ${quote(input.name)}`
      : `Makes the space ${quote(input.name)} as a copy of ${input.from}`,
};
