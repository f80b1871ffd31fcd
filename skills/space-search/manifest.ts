import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { SearchSchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { AtomViewSchema } from '../shared/atom-view-schema.js';
import { MAX_ITEMS, TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const SpaceSearchInputSchema = z.strictObject({
  space: IdSchema.optional().describe('Only this space; omit for every space you may read.'),
  query: SearchSchema.shape.query.describe('Words that rank the result; none of them is required.'),
  metadata: SearchSchema.shape.metadata.describe(
    'Filters: a value per key, or conditions such as {"gte": "2026-11-01"} or {"in": ["a", "b"]}.',
  ),
  references: SearchSchema.shape.references.describe(
    'Filters by what is referred to: per type of reference, conditions that the metadata of all referenced atoms must meet.',
  ),
  limit: z.int().min(1).max(MAX_ITEMS).optional().describe('How many atoms at most; 20 if omitted.'),
});

const SpaceSearchOutputSchema = z.strictObject({
  items: z.array(z.strictObject({ atom: AtomViewSchema, score: z.number() })).max(MAX_ITEMS),
  note: z.string().optional(),
});

/** Pure data of the skill `space_search`. */
export const spaceSearchManifest: SkillManifest<
  z.infer<typeof SpaceSearchInputSchema>,
  z.infer<typeof SpaceSearchOutputSchema>
> = {
  name: 'space_search',
  description:
    'Searches the atoms of one space, or of all spaces you may read, by words, by metadata and by the state of referenced atoms. ' +
    'Long payloads are shortened (cut: true); space_get shows one atom whole.',
  effect: 'read',
  input: SpaceSearchInputSchema,
  output: SpaceSearchOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ space, query }) =>
    `Searches ${space === undefined ? 'all spaces' : `the space ${space}`}${query === undefined ? '' : ` for ${quote(query)}`}`,
};
