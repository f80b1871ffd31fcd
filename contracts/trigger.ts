import { z } from 'zod';
import type { FieldError } from './problem.js';
import { catchUpShape, DurationSchema } from './reminder.js';
import { MoneySchema } from './request.js';
import { SearchSchema } from './space.js';
import { CleanTextSchema, IdSchema, TimeZoneSchema } from './text.js';

const WordsSchema = CleanTextSchema.min(1).max(500);
const PeriodSchema = z.int().min(5).max(2_592_000).describe('Seconds between two looks.');

/** When it comes round; local times are on the wall clock of `timeZone`. */
const CronSpecSchema = z.strictObject({
  rrule: CleanTextSchema.min(1).max(500).describe('RFC 5545 RRULE without DTSTART.'),
  timeZone: TimeZoneSchema.optional().describe('The user’s own when omitted.'),
  start: z
    .string()
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/, 'must be a local time such as 2026-12-07T06:00')
    .optional()
    .describe('Local time from which the rule counts; now when omitted.'),
  ...catchUpShape,
});

/** Calls from outside, signed with a secret that is shown once. */
const WebhookSpecSchema = z.strictObject({});

/** Changes of a space; with `untouched` atoms that nobody changes for so long, and that somebody changes again. */
const SpaceSpecSchema = z.strictObject({
  space: IdSchema,
  metadata: SearchSchema.shape.metadata,
  untouched: DurationSchema.optional().describe('Report what has not been changed for this long, such as P30D.'),
  everySeconds: PeriodSchema.optional().describe('With `untouched`; an hour when omitted.'),
});

/** Mails that come in. */
const MailSpecSchema = z.strictObject({
  from: WordsSchema.optional(),
  subject: WordsSchema.optional(),
  words: WordsSchema.optional().describe('Words that all occur in it.'),
  everySeconds: PeriodSchema.optional().describe('A minute when omitted.'),
});

const AfterSchema = WordsSchema.optional().describe('The text right before the value on the page, such as “Price:”.');
const ConditionSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('down'),
    failures: z.int().min(1).max(20).optional().describe('So many looks in a row must fail; 1 when omitted.'),
  }),
  z.strictObject({ kind: z.literal('contains'), text: WordsSchema }),
  z.strictObject({ kind: z.enum(['below', 'above']), value: z.number(), after: AfterSchema }),
  z.strictObject({ kind: z.literal('changed'), after: AfterSchema }),
]);
export type WatchCondition = z.infer<typeof ConditionSchema>;

/** A page or a server. A condition is reported when it begins to hold, and when it ends. */
const WatchSpecSchema = z.strictObject({
  url: CleanTextSchema.max(2_000).refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    error: 'must be a web address such as https://example.com/',
  }),
  everySeconds: PeriodSchema.optional().describe('Five minutes when omitted.'),
  condition: ConditionSchema,
});

export const TRIGGER_KINDS = ['cron', 'webhook', 'space', 'mail', 'watch'] as const;
export type TriggerKind = (typeof TRIGGER_KINDS)[number];

const SPECS = {
  cron: CronSpecSchema,
  webhook: WebhookSpecSchema,
  space: SpaceSpecSchema,
  mail: MailSpecSchema,
  watch: WatchSpecSchema,
} as const;
export type TriggerSpecs = { readonly [K in TriggerKind]: z.infer<(typeof SPECS)[K]> };
export type TriggerSpec = {
  readonly [K in TriggerKind]: { readonly kind: K; readonly spec: TriggerSpecs[K] };
}[TriggerKind];

/** Kind and spec together, each kind with its own. */
const ofKind = <K extends TriggerKind>(kind: K) => z.strictObject({ kind: z.literal(kind), spec: SPECS[kind] });
const TriggerSpecSchema = z.discriminatedUnion('kind', [
  ofKind('cron'),
  ofKind('webhook'),
  ofKind('space'),
  ofKind('mail'),
  ofKind('watch'),
]);

/** The spec of a kind with its defaults, or what is wrong with it, with paths under `spec`. */
export function readSpec(kind: TriggerKind, spec: unknown): { readonly spec: TriggerSpec } | { errors: FieldError[] } {
  const parsed = TriggerSpecSchema.safeParse({ kind, spec });
  if (parsed.success) return { spec: parsed.data };
  const errors = parsed.error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'is not a known field' }));
  });
  return { errors };
}

const shared = {
  instructions: CleanTextSchema.max(50_000)
    .refine((text) => text.trim().length > 0, { error: 'must not be empty' })
    .describe('What to do each time.'),
  agent: CleanTextSchema.min(1).max(200).optional(),
  budgetUsd: MoneySchema.optional().describe('For each time.'),
  enabled: z.boolean().optional(),
  cooldownSeconds: z.int().min(0).max(2_592_000).optional().describe('At most one request in this time.'),
  conversation: IdSchema.optional().describe('Where it is reported; a conversation of its own when omitted.'),
};
const newOf = <K extends TriggerKind>(kind: K) =>
  z.strictObject({ kind: z.literal(kind), spec: SPECS[kind], ...shared });

export const NewTriggerSchema = z
  .discriminatedUnion('kind', [newOf('cron'), newOf('webhook'), newOf('space'), newOf('mail'), newOf('watch')])
  .meta({ id: 'NewTrigger' });
export type NewTrigger = z.infer<typeof NewTriggerSchema>;

const { conversation: _kept, ...changeable } = shared;
export const TriggerPatchSchema = z
  .strictObject({
    ...changeable,
    instructions: shared.instructions.optional(),
    spec: z.record(z.string(), z.unknown()).optional().describe('In place of the former one; of the same kind.'),
  })
  .meta({ id: 'TriggerPatch' });
export type TriggerPatch = z.infer<typeof TriggerPatchSchema>;

export const TriggerSchema = z
  .object({
    id: z.string(),
    kind: z.enum(TRIGGER_KINDS),
    spec: z.record(z.string(), z.unknown()),
    instructions: z.string(),
    agent: z.string(),
    budgetUsd: z.string().optional(),
    enabled: z.boolean(),
    cooldownSeconds: z.int().optional(),
    conversation: z.string(),
    lastFiredAt: z.string().optional(),
    nextAt: z.string().optional().describe('When it comes round or looks again.'),
    /** Why the last look came to nothing, in one sentence. */
    trouble: z.string().optional(),
    createdAt: z.string(),
    links: z.object({ self: z.string(), webhook: z.string().optional() }),
  })
  .meta({ id: 'Trigger' });
export type Trigger = z.infer<typeof TriggerSchema>;

/** A new one; of a webhook with its secret, which is never shown again. */
export const MadeTriggerSchema = TriggerSchema.extend({ secret: z.string().optional() }).meta({ id: 'MadeTrigger' });
export type MadeTrigger = z.infer<typeof MadeTriggerSchema>;
