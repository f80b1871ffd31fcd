import { z } from 'zod';
import { AtomOriginSchema, AtomReferenceSchema, JsonValueSchema, MetadataSchema } from '../../contracts/space.js';

/** An atom as the space skills show it to the model. */
export const AtomViewSchema = z.strictObject({
  id: z.string(),
  space: z.string(),
  version: z.int(),
  payload: JsonValueSchema,
  mediaType: z.string(),
  metadata: MetadataSchema,
  references: z.array(AtomReferenceSchema),
  origin: AtomOriginSchema,
  comment: z.string(),
  updatedAt: z.string(),
  deprecated: z.boolean().optional(),
  cut: z.boolean().optional(),
});
export type AtomView = z.infer<typeof AtomViewSchema>;

/** What a change of an atom answers with. */
export const AtomVersionSchema = z.strictObject({ id: z.string(), space: z.string(), version: z.int() });
export type AtomVersion = z.infer<typeof AtomVersionSchema>;
