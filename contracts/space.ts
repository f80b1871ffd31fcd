import { z } from 'zod';
import { CleanTextSchema, IdSchema, LimitSchema } from './text.js';

export const SPACE_ROLES = ['memory', 'tasks', 'meetings', 'contacts', 'instructions', 'bus'] as const;
export const SpaceRoleSchema = z.enum(SPACE_ROLES);
export type SpaceRole = z.infer<typeof SpaceRoleSchema>;

const PERMISSIONS = ['read', 'append', 'write', 'grant'] as const;
const PermissionSchema = z.enum(PERMISSIONS);
export type Permission = z.infer<typeof PermissionSchema>;

export const AtomOriginSchema = z.enum(['user', 'agent', 'untrusted']);
export type AtomOrigin = z.infer<typeof AtomOriginSchema>;

/** JSON as an atom's payload may hold it; every string inside is well-formed text without NUL. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export const JsonValueSchema: z.ZodType<JsonValue> = z
  .lazy(() =>
    z.union([
      CleanTextSchema,
      z.number(),
      z.boolean(),
      z.null(),
      z.array(JsonValueSchema),
      z.record(CleanTextSchema, JsonValueSchema),
    ]),
  )
  .meta({ id: 'JsonValue' });

const MetadataKeySchema = CleanTextSchema.min(1).max(100);
const MetadataValueSchema = z.union([CleanTextSchema.max(2000), z.number(), z.boolean(), z.null()]);
export type MetadataValue = z.infer<typeof MetadataValueSchema>;

export const MetadataSchema = z.record(MetadataKeySchema, MetadataValueSchema);
export type Metadata = z.infer<typeof MetadataSchema>;

export const AtomReferenceSchema = z.strictObject({ type: CleanTextSchema.min(1).max(100), atom: IdSchema });
export type AtomReference = z.infer<typeof AtomReferenceSchema>;

export const CommentSchema = CleanTextSchema.min(1).max(2000);

export const SpaceSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    convention: z.string().optional(),
    role: SpaceRoleSchema.optional(),
    owner: z.string(),
    tags: z.array(z.string()),
    permission: PermissionSchema,
    atomCount: z.int(),
    createdAt: z.string(),
  })
  .meta({ id: 'Space' });
export type Space = z.infer<typeof SpaceSchema>;

export const AtomSchema = z
  .object({
    id: z.string(),
    space: z.string(),
    version: z.int(),
    payload: JsonValueSchema,
    mediaType: z.string(),
    metadata: MetadataSchema,
    references: z.array(AtomReferenceSchema),
    author: z.string(),
    origin: AtomOriginSchema,
    comment: z.string(),
    deprecated: z.boolean(),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: 'Atom' });
export type Atom = z.infer<typeof AtomSchema>;

export const NewSpaceSchema = z.strictObject({
  name: CleanTextSchema.min(1).max(200),
  description: CleanTextSchema.max(20_000).optional(),
  convention: CleanTextSchema.max(200).optional(),
  tags: z.array(CleanTextSchema.min(1).max(100)).max(50).optional(),
});
export type NewSpace = z.infer<typeof NewSpaceSchema>;

export const NewAtomSchema = z.strictObject({
  payload: JsonValueSchema,
  mediaType: CleanTextSchema.min(1).max(200).optional(),
  metadata: MetadataSchema.optional(),
  references: z.array(AtomReferenceSchema).max(500).optional(),
  comment: CommentSchema,
});
export type NewAtom = z.infer<typeof NewAtomSchema>;

/** `metadata` is a merge patch: null deletes a key. `references` replace all. Without `ifVersion` the newest is changed. */
export const AtomPatchSchema = z.strictObject({
  payload: JsonValueSchema.optional(),
  metadata: MetadataSchema.optional(),
  references: z.array(AtomReferenceSchema).max(500).optional(),
  comment: CommentSchema,
  ifVersion: z.int().min(1).optional(),
});
export type AtomPatch = z.infer<typeof AtomPatchSchema>;

const ComparableSchema = z.union([CleanTextSchema, z.number()]);
const MetadataConditionSchema = z.union([
  MetadataValueSchema,
  z.strictObject({
    lt: ComparableSchema.optional(),
    lte: ComparableSchema.optional(),
    gt: ComparableSchema.optional(),
    gte: ComparableSchema.optional(),
    in: z.array(MetadataValueSchema).max(100).optional(),
    not: MetadataValueSchema.optional(),
  }),
]);
export type MetadataCondition = z.infer<typeof MetadataConditionSchema>;
const MetadataConditionsSchema = z.record(MetadataKeySchema, MetadataConditionSchema);
export type MetadataConditions = z.infer<typeof MetadataConditionsSchema>;

export const SearchSchema = z.strictObject({
  query: CleanTextSchema.max(2000).optional(),
  metadata: MetadataConditionsSchema.optional(),
  references: z.record(MetadataKeySchema, MetadataConditionsSchema).optional(),
  spaces: z.array(IdSchema).max(100).optional(),
  includeDeprecated: z.boolean().optional(),
  limit: LimitSchema.optional(),
  cursor: CleanTextSchema.max(500).optional(),
});
export type Search = z.infer<typeof SearchSchema>;

export interface SearchHit {
  readonly atom: Atom;
  readonly score: number;
}

export interface Page<T> {
  readonly items: T[];
  readonly cursor?: string;
}
