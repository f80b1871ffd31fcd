import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { MAX_ITEMS, TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const SearchMemoryInputSchema = z.strictObject({
  query: CleanTextSchema.min(1).max(1000).describe('What to recall, in a few words; any of them may match.'),
});

const SearchMemoryOutputSchema = z.strictObject({
  memories: z.array(z.strictObject({ id: z.string(), text: z.string(), at: z.string() })).max(MAX_ITEMS),
  note: z.string().optional(),
});

/** Pure data of the skill `search_memory`. */
export const searchMemoryManifest: SkillManifest<
  z.infer<typeof SearchMemoryInputSchema>,
  z.infer<typeof SearchMemoryOutputSchema>
> = {
  name: 'search_memory',
  description:
    'Searches what is remembered about the user, best match first, with the time of each memory. Where two contradict each other, the newer one holds.',
  effect: 'read',
  input: SearchMemoryInputSchema,
  output: SearchMemoryOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ query }) => `Searches the memory for ${quote(query)}`,
};
