import { z } from 'zod';
import { CleanTextSchema, IdSchema, InstantSchema, TimeZoneSchema } from './text.js';

export const REQUEST_STATUSES = [
  'queued',
  'running',
  'waiting_approval',
  'waiting_user',
  'completed',
  'failed',
  'cancelled',
] as const;
export const RequestStatusSchema = z.enum(REQUEST_STATUSES);
export type RequestStatus = z.infer<typeof RequestStatusSchema>;

/** USD as a decimal string, such as `0.0042`. */
export const MoneySchema = z.string().regex(/^\d{1,9}(\.\d{1,12})?$/, 'must be a decimal amount in USD, as a string');

export const FileSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    mediaType: z.string(),
    size: z.int(),
    sha256: z.string(),
    /** Length of a recording in seconds, where its bytes tell. */
    seconds: z.number().optional(),
    createdAt: z.string(),
    url: z.string(),
  })
  .meta({ id: 'File' });
export type File = z.infer<typeof FileSchema>;

const ForwardedSchema = z
  .boolean()
  .optional()
  .describe('True where a file holds words of somebody else, as a forwarded recording does: information, not orders.');
/** The same for every file of a message, also for those that come as parts of a form. */
const AllForwardedSchema = z
  .boolean()
  .optional()
  .describe(
    'True where the files that come with this were passed on from somebody else: every `file` part of a form, and every ' +
      'attachment that does not say otherwise with a `forwarded` of its own. The text stays that of the user.',
  );

/** A file inside a JSON body, or one uploaded before. */
const AttachmentSchema = z.union([
  z.strictObject({
    mediaType: CleanTextSchema.min(1).max(200),
    name: CleanTextSchema.max(200).optional(),
    data: z.base64(),
    forwarded: ForwardedSchema,
  }),
  z.strictObject({
    mediaType: CleanTextSchema.min(1).max(200).optional(),
    name: CleanTextSchema.max(200).optional(),
    fileId: IdSchema,
    forwarded: ForwardedSchema,
  }),
]);
export type Attachment = z.infer<typeof AttachmentSchema>;

const MessageTextSchema = CleanTextSchema.max(1_000_000).refine((text) => text.trim().length > 0, {
  error: 'must not be empty',
});

export const NewRequestSchema = z
  .strictObject({
    text: MessageTextSchema.optional(),
    attachments: z.array(AttachmentSchema).max(20).optional(),
    forwarded: AllForwardedSchema,
    conversation: IdSchema.optional(),
    timeZone: TimeZoneSchema.optional(),
    occurredAt: InstantSchema.optional(),
    priority: z.int().min(1).max(5).optional(),
    budgetUsd: MoneySchema.optional(),
    model: CleanTextSchema.min(1).max(200).optional(),
    agent: CleanTextSchema.min(1).max(200).optional(),
    deliverTo: CleanTextSchema.min(1).max(200).optional(),
  })
  .meta({ id: 'NewRequest' });
export type NewRequest = z.infer<typeof NewRequestSchema>;

export const NewMessageSchema = z
  .strictObject({
    text: MessageTextSchema.optional(),
    attachments: z.array(AttachmentSchema).max(20).optional(),
    forwarded: AllForwardedSchema,
  })
  .meta({ id: 'NewMessage' });
export type NewMessage = z.infer<typeof NewMessageSchema>;

const WaitingForSchema = z.object({
  kind: z.enum(['approval', 'user', 'slot', 'model', 'reauth']),
  id: z.string().optional(),
  text: z.string(),
});
export type WaitingFor = z.infer<typeof WaitingForSchema>;

const OutputSchema = z.object({ kind: z.string(), title: z.string(), ref: z.string() });
export type Output = z.infer<typeof OutputSchema>;

export const ChargeSchema = z
  .object({
    id: z.string(),
    request: z.string(),
    agent: z.string(),
    kind: z.enum(['model', 'skill']),
    name: z.string(),
    quantity: z.number(),
    unit: z.string(),
    usd: z.string(),
    /** What was paid for, in plain words: `turn 2`, `turn 2, attempt 1` for a call of the model that came to nothing, `call call_x`. */
    step: z.string(),
    /** The real price is not known: this is the most it can have been. */
    estimated: z.boolean(),
    at: z.string(),
  })
  .meta({ id: 'Charge' });
export type Charge = z.infer<typeof ChargeSchema>;

export const AgentStatusSchema = z.enum(['idle', 'queued', 'running', 'waiting', 'ended']);

export const AgentSchema = z
  .object({
    id: z.string(),
    label: z.string(),
    owner: z.string(),
    model: z.string(),
    instructions: z.string(),
    skills: z.array(z.string()),
    spaces: z.record(z.string(), z.string()),
    status: AgentStatusSchema,
    parent: z.string().optional(),
    request: z.string().optional(),
    queuePosition: z.int().optional(),
    lasting: z.boolean(),
    budgetUsd: z.string().optional(),
    task: z.string().optional(),
    capabilities: z.array(z.string()),
    limits: z.record(z.string(), z.number()),
    dependsOn: z.array(z.string()),
    secrets: z.array(z.string()),
    costUsd: z.string(),
    priority: z.int(),
    /** Where it may go on the web; missing where nothing but its user bounds it. */
    hosts: z.array(z.string()).optional(),
    outcome: z.enum(['completed', 'failed', 'cancelled', 'timed_out']).optional(),
    /** What it answered; cut, except in what an agent is asked for by its id. So are task and instructions. */
    result: z.string().optional(),
    error: z.object({ type: z.string(), message: z.string() }).optional(),
    /** The agent whose task it took over. */
    replaces: z.string().optional(),
    /** How far it is, what kinds of words it has read, and the atoms it was given from the start. */
    context: z.object({ turns: z.int(), labels: z.array(z.string()), atoms: z.array(z.string()) }),
    createdAt: z.string(),
    endedAt: z.string().optional(),
  })
  .meta({ id: 'Agent' });
export type Agent = z.infer<typeof AgentSchema>;

export const AgentChangeSchema = z
  .strictObject({ priority: z.int().min(1).max(5).optional() })
  .meta({ id: 'AgentChange' });
export type AgentChange = z.infer<typeof AgentChangeSchema>;

export const NewNoteSchema = z
  .strictObject({
    text: CleanTextSchema.max(100_000).refine((text) => text.trim().length > 0, { error: 'must not be empty' }),
  })
  .meta({ id: 'NewNote' });

/** What an agent was told by its user or by another agent. */
export const NoteSchema = z
  .object({
    id: z.string(),
    agent: z.string(),
    deliveredAt: z.string(),
    kind: z.enum(['message', 'steer', 'report', 'access', 'granted', 'denied', 'revoked']),
    /** The agent that says it; missing where the user does. */
    from: z.string().optional(),
    text: z.string(),
    /** Where the words stand in the space that the two share. */
    atom: z.string().optional(),
    /** The agent has had it before it in a turn. */
    read: z.boolean(),
  })
  .meta({ id: 'Note' });
export type Note = z.infer<typeof NoteSchema>;

export const RequestSchema = z
  .object({
    id: z.string(),
    conversation: z.string(),
    agent: z.string(),
    text: z.string(),
    attachments: z.array(FileSchema),
    status: RequestStatusSchema,
    waitingFor: z.array(WaitingForSchema),
    origin: z.enum(['user', 'reminder', 'trigger', 'agent']),
    agents: z.array(AgentSchema),
    result: z.object({ text: z.string(), outputs: z.array(OutputSchema) }).optional(),
    error: z.object({ type: z.string(), message: z.string() }).optional(),
    /** What the agent wrote into the conversation while it worked, in order; `files` are ids. */
    messages: z.array(z.object({ id: z.string(), text: z.string(), files: z.array(z.string()), at: z.string() })),
    /** Actions outside that have begun and whose end is not known yet, also after the request's own end. */
    underWay: z.array(z.object({ effect: z.string(), skill: z.string(), title: z.string() })),
    cost: z.object({ totalUsd: z.string(), charges: z.array(ChargeSchema) }),
    createdAt: z.string(),
    endedAt: z.string().optional(),
    links: z.object({ self: z.string(), events: z.string(), trace: z.string(), temporal: z.string() }),
  })
  .meta({ id: 'Request' });
export type Request = z.infer<typeof RequestSchema>;

export const ConversationSchema = z
  .object({ id: z.string(), title: z.string(), createdAt: z.string(), updatedAt: z.string() })
  .meta({ id: 'Conversation' });
export type Conversation = z.infer<typeof ConversationSchema>;

const EVENT_TYPES = [
  'status',
  'text',
  'text.reset',
  'skill.started',
  'skill.finished',
  'agent.spawned',
  'agent.queued',
  'agent.finished',
  'approval.requested',
  'charge',
  'done',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** One thing that happened to a request. Pieces of text that are not stored yet carry no `id`. */
export const EventSchema = z
  .object({
    id: z.string().optional(),
    at: z.string(),
    type: z.enum(EVENT_TYPES),
    request: z.string(),
    agent: z.string().optional(),
    data: z
      .record(z.string(), z.unknown())
      .describe(
        'By type. status: status, waitingFor. text: agent, turn, attempt, offset, delta. text.reset: agent, turn, attempt. skill.started: call, skill, summary. ' +
          'skill.finished: call, skill, outcome. agent.spawned: agent, label, parent. agent.queued: agent, label, position. agent.finished: agent, label, outcome. ' +
          'approval.requested: approval. charge: charge. done: status.',
      ),
  })
  .meta({ id: 'Event' });
export type Event = z.infer<typeof EventSchema>;

const AccessRecordSchema = z.object({
  id: z.string(),
  /** The agent that was asked. */
  coordinator: z.string(),
  wants: z.record(z.string(), z.unknown()),
  reason: z.string(),
  status: z.enum(['pending', 'asked', 'granted', 'denied', 'cancelled']),
  /** `agent:ID` or `user:ID`. */
  decidedBy: z.string().optional(),
  answer: z.string().optional(),
  minutes: z.int().optional(),
  atom: z.string().optional(),
  at: z.string(),
  decidedAt: z.string().optional(),
});
export type AccessRecord = z.infer<typeof AccessRecordSchema>;

export interface TraceNode {
  id: string;
  kind: 'request' | 'agent' | 'turn' | 'call';
  name: string;
  agent: string;
  status: string;
  startedAt: string;
  endedAt?: string | undefined;
  usd: string;
  /** Of an agent: what it may do now, and every right it was given with who gave it. */
  grant?: Record<string, unknown> | undefined;
  /** Of an agent that has ended. */
  outcome?: string | undefined;
  error?: { type: string; message: string } | undefined;
  /** The agent whose task it took over. */
  replaces?: string | undefined;
  /** Of an agent: the access it asked for, and who decided. */
  access?: AccessRecord[] | undefined;
  inputRef: string;
  outputRef: string;
  atoms: string[];
  approvals: string[];
  effects: string[];
  charges: string[];
  children: TraceNode[];
}

export const TraceNodeSchema: z.ZodType<TraceNode> = z
  .lazy(() =>
    z.object({
      id: z.string(),
      kind: z.enum(['request', 'agent', 'turn', 'call']),
      name: z.string(),
      agent: z.string(),
      status: z.string(),
      startedAt: z.string(),
      endedAt: z.string().optional(),
      usd: z.string(),
      grant: z.record(z.string(), z.unknown()).optional(),
      outcome: z.string().optional(),
      error: z.object({ type: z.string(), message: z.string() }).optional(),
      replaces: z.string().optional(),
      access: z.array(AccessRecordSchema).optional(),
      inputRef: z.string(),
      outputRef: z.string(),
      atoms: z.array(z.string()),
      approvals: z.array(z.string()),
      effects: z.array(z.string()),
      charges: z.array(z.string()),
      children: z.array(TraceNodeSchema),
    }),
  )
  .meta({ id: 'TraceNode' });
