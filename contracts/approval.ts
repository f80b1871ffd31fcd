import { z } from 'zod';
import { JsonValueSchema } from './space.js';
import { CleanTextSchema, IdSchema } from './text.js';

const APPROVAL_EFFECTS = ['outward', 'destructive', 'egress', 'budget', 'access', 'unknown'] as const;
/** What is asked: to act, to spend more, to widen a grant, or what became of an action whose end nobody saw. */
export type ApprovalEffect = (typeof APPROVAL_EFFECTS)[number];

const APPROVAL_STATUSES = ['pending', 'approved', 'edited', 'rejected', 'expired', 'cancelled'] as const;
export const ApprovalStatusSchema = z.enum(APPROVAL_STATUSES);
export type ApprovalStatus = z.infer<typeof ApprovalStatusSchema>;

const PayloadHashSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be the payloadHash of the approval: 64 hex digits');

/** What a person is asked, with everything needed to judge it. */
export const ApprovalSchema = z
  .object({
    id: z.string(),
    request: z.string(),
    agent: z.string(),
    skill: z.string(),
    effect: z.enum(APPROVAL_EFFECTS),
    title: z.string(),
    payload: JsonValueSchema,
    /** sha256 in hex of the RFC 8785 JSON of `payload`. */
    payloadHash: z.string(),
    preview: z.object({
      text: z.string(),
      recipients: z.array(z.string()),
      when: z.string().optional(),
      costUsd: z.string().optional(),
      /** Recipients that nothing was ever sent to from here. */
      newRecipients: z.array(z.string()),
      /** Contradictions to earlier agreements that were recorded in the same request and are not settled. */
      contradictions: z.array(z.string()).optional(),
    }),
    derivedFrom: z.array(z.object({ ref: z.string(), trusted: z.boolean() })),
    status: ApprovalStatusSchema,
    decidedBy: z.string().optional(),
    decidedAt: z.string().optional(),
    reason: z.string().optional(),
    expiresAt: z.string(),
    createdAt: z.string(),
    /** The bytes that leave when it is approved, such as the whole mail. */
    rendered: z.object({ mediaType: z.string(), sha256: z.string(), text: z.string() }).optional(),
    /** The effect that a question of kind `unknown` is about. */
    about: z.string().optional(),
    /** The approval whose place this one takes. */
    replaces: z.string().optional(),
  })
  .meta({ id: 'Approval' });
export type Approval = z.infer<typeof ApprovalSchema>;

/** Answers to a question of kind `unknown`, given as the `reason` of a `respond`. */
export const UNKNOWN_ANSWERS = ['arrived', 'send_again', 'leave'] as const;
export type UnknownAnswer = (typeof UNKNOWN_ANSWERS)[number];

const ReasonSchema = CleanTextSchema.max(10_000);

export const DecisionSchema = z
  .strictObject({
    decision: z.enum(['approve', 'edit', 'reject', 'respond']),
    payloadHash: PayloadHashSchema,
    payload: JsonValueSchema.optional(),
    reason: ReasonSchema.optional(),
    remember: z.literal('recipient').optional(),
  })
  .meta({ id: 'Decision' });
export type Decision = z.infer<typeof DecisionSchema>;

export const BatchDecisionSchema = z
  .strictObject({
    items: z
      .array(
        z.strictObject({
          id: IdSchema,
          decision: z.enum(['approve', 'reject', 'respond']),
          payloadHash: PayloadHashSchema,
          reason: ReasonSchema.optional(),
        }),
      )
      .min(1)
      .max(100),
  })
  .meta({ id: 'BatchDecision' });
export type BatchDecision = z.infer<typeof BatchDecisionSchema>;

/** "Mails to this address need no approval": for one skill and one recipient, never in an untrusted run. */
export const NewPolicySchema = z
  .strictObject({
    skill: CleanTextSchema.min(1).max(200),
    recipient: CleanTextSchema.max(320)
      .overwrite((text) => text.trim().toLowerCase())
      .min(1),
  })
  .meta({ id: 'NewPolicy' });
export type NewPolicy = z.infer<typeof NewPolicySchema>;

export const PolicySchema = z
  .object({ id: z.string(), skill: z.string(), recipient: z.string(), createdAt: z.string() })
  .meta({ id: 'Policy' });
export type Policy = z.infer<typeof PolicySchema>;

/** What an approval of the kind `access` is about. */
export const AccessPayloadSchema = z.object({ access: z.string() });

/** One outward action in the ledger. */
export const EffectSchema = z
  .object({
    key: z.string(),
    request: z.string(),
    skill: z.string(),
    approval: z.string().optional(),
    payloadHash: z.string(),
    status: z.enum(['ready', 'started', 'done', 'failed', 'unknown']),
    providerId: z.string().optional(),
    attempts: z.int(),
    error: z.string().optional(),
    createdAt: z.string(),
    doneAt: z.string().optional(),
  })
  .meta({ id: 'Effect' });
export type Effect = z.infer<typeof EffectSchema>;
