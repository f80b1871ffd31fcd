import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { IdSchema } from '../../contracts/text.js';
import { AtomViewSchema } from '../shared/atom-view-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const MOST_VERSIONS = 50;

const SpaceHistoryInputSchema = z.strictObject({
  space: IdSchema,
  atom: IdSchema,
  limit: z.int().min(1).max(MOST_VERSIONS).optional().describe('How many versions at most; 10 if omitted.'),
});

const SpaceHistoryOutputSchema = z.strictObject({
  items: z
    .array(
      AtomViewSchema.omit({ id: true, space: true, mediaType: true, updatedAt: true }).extend({
        author: z.string(),
        at: z.string(),
        changed: z.array(z.string()),
      }),
    )
    .max(MOST_VERSIONS),
  note: z.string().optional(),
});

export type SpaceHistoryOutput = z.infer<typeof SpaceHistoryOutputSchema>;

/** Pure data of the skill `space_history`. */
export const spaceHistoryManifest: SkillManifest<z.infer<typeof SpaceHistoryInputSchema>, SpaceHistoryOutput> = {
  name: 'space_history',
  description:
    'Shows the versions of one atom, newest first: who wrote each (author), when (at), why (comment), which fields it changed and what the atom held then. ' +
    'Choose it to find out who changed something and why, or what it said before. The more versions are asked for, the more long content is shortened (cut: true).',
  effect: 'read',
  input: SpaceHistoryInputSchema,
  output: SpaceHistoryOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ space, atom }) => `Reads the history of the atom ${atom} of the space ${space}`,
};
