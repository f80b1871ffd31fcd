import { z } from 'zod';
import { CleanTextSchema, IdSchema, LimitSchema } from './text.js';

export const SPACE_ROLES = ['memory', 'tasks', 'meetings', 'contacts', 'instructions', 'bus'] as const;
export const SpaceRoleSchema = z.enum(SPACE_ROLES);
export type SpaceRole = z.infer<typeof SpaceRoleSchema>;

/** From the least to the most; each includes the ones before it. */
export const PERMISSIONS = ['read', 'append', 'write', 'grant'] as const;
export const PermissionSchema = z.enum(PERMISSIONS);
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

const MOST_METADATA_KEYS = 200;
const MOST_METADATA_CHARACTERS = 32_000;

export const MetadataSchema = z
  .record(MetadataKeySchema, MetadataValueSchema)
  .refine((metadata) => Object.keys(metadata).length <= MOST_METADATA_KEYS, {
    error: `must have at most ${MOST_METADATA_KEYS} keys`,
  })
  .refine((metadata) => JSON.stringify(metadata).length <= MOST_METADATA_CHARACTERS, {
    error: `must have at most ${MOST_METADATA_CHARACTERS} characters of JSON; longer content belongs into the payload`,
  });
export type Metadata = z.infer<typeof MetadataSchema>;

export const AtomReferenceSchema = z.strictObject({ type: CleanTextSchema.min(1).max(100), atom: IdSchema });
export type AtomReference = z.infer<typeof AtomReferenceSchema>;

export const CommentSchema = CleanTextSchema.min(1).max(2000);

const TagsSchema = z.array(CleanTextSchema.min(1).max(100)).max(50);

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
    people: z.array(z.string()).describe('Ids of the users whose words, or whose agents’ words, it holds.'),
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
  tags: TagsSchema.optional(),
});
export type NewSpace = z.infer<typeof NewSpaceSchema>;

/** Only what is given is changed. Needs `grant`: agents act by the description. */
export const SpacePatchSchema = z
  .strictObject({
    name: NewSpaceSchema.shape.name.optional(),
    description: NewSpaceSchema.shape.description,
    tags: TagsSchema.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, { error: 'must change at least one of name, description, tags' });
export type SpacePatch = z.infer<typeof SpacePatchSchema>;

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

/** `user:ID` or `agent:ID`. */
export const PrincipalSchema = z.string().regex(/^(?:user|agent):[A-Za-z0-9_-]{1,64}$/, 'must be user:ID or agent:ID');

export const GrantSchema = z
  .object({
    space: z.string(),
    principal: z.string(),
    permission: PermissionSchema,
    grantedBy: z.string(),
    createdAt: z.string(),
  })
  .meta({ id: 'SpaceGrant' });
export type Grant = z.infer<typeof GrantSchema>;

const MOST_IN_BATCH = 500;
const BatchKeySchema = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'must be up to 40 letters, digits, _ or -');
const BatchReferenceSchema = z.strictObject({
  type: AtomReferenceSchema.shape.type,
  atom: z.union([IdSchema, z.string().regex(/^\$[A-Za-z0-9_-]{1,40}$/, 'must be an id, or $KEY of a put before it')]),
});
const batchReferences = z.array(BatchReferenceSchema).max(500).optional();

/** One mutation of a batch. A put may have a `key`, by which later references of the batch name its atom as `$KEY`. */
export const BatchOperationSchema = z.discriminatedUnion('op', [
  NewAtomSchema.extend({ op: z.literal('put'), key: BatchKeySchema.optional(), references: batchReferences }),
  AtomPatchSchema.extend({ op: z.literal('update'), atom: IdSchema, references: batchReferences }),
  z.strictObject({ op: z.enum(['deprecate', 'restore']), atom: IdSchema, comment: CommentSchema }),
]);
export type BatchOperation = z.infer<typeof BatchOperationSchema>;

/** All of it happens, or nothing. */
export const BatchSchema = z.strictObject({
  operations: z
    .array(BatchOperationSchema)
    .min(1)
    .max(MOST_IN_BATCH, `must have at most ${MOST_IN_BATCH} operations; split it`),
});

export const SPACE_EVENT_KINDS = ['put', 'update', 'deprecate', 'restore'] as const;

/** A change of a space as subscribers are told of it: the comment, never the content. `id` grows by one a change. */
export const SpaceEventSchema = z
  .object({
    id: z.string(),
    at: z.string(),
    type: z.enum(SPACE_EVENT_KINDS),
    space: z.string(),
    atom: z.string(),
    version: z.int(),
    author: z.string(),
    comment: z.string(),
    hop: z.int().describe('How many notifications led to this change, one from another.'),
  })
  .meta({ id: 'SpaceEvent' });
export type SpaceEvent = z.infer<typeof SpaceEventSchema>;

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
const MOST_CONDITIONS = 50;
const MetadataConditionsSchema = z
  .record(MetadataKeySchema, MetadataConditionSchema)
  .refine((conditions) => Object.keys(conditions).length <= MOST_CONDITIONS, {
    error: `must have at most ${MOST_CONDITIONS} keys`,
  });
export type MetadataConditions = z.infer<typeof MetadataConditionsSchema>;

/** Types of reference that one search may ask about. */
const MOST_TYPES = 10;

export const SearchSchema = z.strictObject({
  query: CleanTextSchema.max(2000).optional(),
  metadata: MetadataConditionsSchema.optional(),
  references: z
    .record(MetadataKeySchema, MetadataConditionsSchema)
    .refine((types) => Object.keys(types).length <= MOST_TYPES, { error: `must name at most ${MOST_TYPES} types` })
    .optional(),
  spaces: z.array(IdSchema).max(100).optional(),
  includeDeprecated: z.boolean().optional(),
  limit: LimitSchema.optional(),
  cursor: CleanTextSchema.max(30_000).optional(),
});
export type Search = z.infer<typeof SearchSchema>;

/** Which changes an agent is told of, and how long a space must be quiet before. */
export const NewSubscriptionSchema = z.strictObject({
  metadata: MetadataConditionsSchema.optional().describe('Conditions on the metadata that the change left.'),
  references: SearchSchema.shape.references.describe('Conditions on the atoms that the changed one refers to.'),
  author: PrincipalSchema.optional().describe('Only changes of this author.'),
  debounceSeconds: z.number().min(0).max(3_600).optional().describe('Changes closer together are delivered at once.'),
});
export type NewSubscription = z.infer<typeof NewSubscriptionSchema>;

export const SubscriptionSchema = NewSubscriptionSchema.extend({
  space: z.string(),
  agent: z.string(),
  debounceSeconds: z.number(),
  createdAt: z.string(),
}).meta({ id: 'Subscription' });
export type Subscription = z.infer<typeof SubscriptionSchema>;

/** A change that a subscriber was told of; `id` grows within the agent's inbox. */
export const DeliverySchema = z
  .object({ id: z.string(), agent: z.string(), deliveredAt: z.string(), event: SpaceEventSchema })
  .meta({ id: 'Delivery' });
export type Delivery = z.infer<typeof DeliverySchema>;

export interface SearchHit {
  readonly atom: Atom;
  readonly score: number;
}

export interface Page<T> {
  readonly items: T[];
  readonly cursor?: string;
}
