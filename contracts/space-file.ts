import { z } from 'zod';
import { AtomOriginSchema, AtomSchema, NewAtomSchema, NewSpaceSchema } from './space.js';
import { IdSchema, InstantSchema } from './text.js';

export const SPACE_FILE_FORMAT = 'retinue-space';
export const SPACE_FILE_VERSION = 1;

const MOST_VERSIONS = 1_000;

/** The first line of a space's file: what the space says of itself. */
export const SpaceFileHeaderSchema = NewSpaceSchema.required({ description: true, tags: true }).extend({
  format: z.literal(SPACE_FILE_FORMAT, { error: `must be ${SPACE_FILE_FORMAT}` }),
  version: z.literal(SPACE_FILE_VERSION, {
    error: `must be ${SPACE_FILE_VERSION}; other versions of the format cannot be read here`,
  }),
});
export type SpaceFileHeader = z.infer<typeof SpaceFileHeaderSchema>;

/** One version of an atom, as a file holds it. */
export const AtomVersionSchema = NewAtomSchema.required().extend({
  author: AtomSchema.shape.author,
  people: AtomSchema.shape.people,
  origin: AtomOriginSchema,
  deprecated: AtomSchema.shape.deprecated,
  at: InstantSchema,
});
export type AtomVersion = z.infer<typeof AtomVersionSchema>;

/** Every other line: an atom with its versions, oldest first. Each of them is an `AtomVersionSchema`, read by itself. */
export const AtomLineSchema = z.object({
  id: IdSchema,
  versions: z
    .array(z.unknown())
    .min(1)
    .max(MOST_VERSIONS, `must be at most ${MOST_VERSIONS.toLocaleString('en')} versions; leave out the oldest ones`),
});

/** An atom of a file that was read. */
export interface FiledAtom {
  readonly id: string;
  readonly versions: readonly AtomVersion[];
}
