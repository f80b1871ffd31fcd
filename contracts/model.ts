/** What the agent loop says to a model and hears back: the Messages API reduced to what the product uses. */

export interface TextBlock {
  readonly type: 'text';
  readonly text: string;
}

export interface ToolUseBlock {
  readonly type: 'tool_use';
  /** The model's own id of the call, unique within one turn only if the model behaves. */
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

/** Blocks we must send back unchanged in a tool loop (thinking and its kin) and never look into. */
export interface OpaqueBlock {
  readonly type: 'opaque';
  readonly block: Readonly<Record<string, unknown>>;
}

export type AssistantBlock = TextBlock | ToolUseBlock | OpaqueBlock;

export interface ToolResultBlock {
  readonly type: 'tool_result';
  readonly toolUseId: string;
  readonly content: string;
  readonly isError: boolean;
}

export interface ImageBlock {
  readonly type: 'image';
  readonly mediaType: 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp';
  /** Base64. */
  readonly data: string;
}

export type ModelMessage =
  | { readonly role: 'user'; readonly content: readonly (TextBlock | ImageBlock | ToolResultBlock)[] }
  | { readonly role: 'assistant'; readonly content: readonly AssistantBlock[] };

export interface ModelTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema (object) of the tool's input. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

export interface ModelRequest {
  readonly model: string;
  /** System text in stable order; the first entry never changes between turns, so it can be cached. */
  readonly system: readonly string[];
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
  readonly maxTokens: number;
}

export const STOP_REASONS = [
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'pause_turn',
  'refusal',
  'model_context_window_exceeded',
] as const;
export type StopReason = (typeof STOP_REASONS)[number];

/** Token counts as the API bills them: input excludes both cache counts. */
export interface ModelUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

export interface ModelReply {
  /** The model that answered, as the endpoint named it. */
  readonly model: string;
  readonly content: readonly AssistantBlock[];
  readonly stopReason: StopReason;
  readonly usage: ModelUsage;
  /** The provider's id of the call, for support questions. */
  readonly providerRequestId?: string;
}

export interface ModelCallOptions {
  readonly abortSignal: AbortSignal;
  /** Called with each piece of visible text in order. */
  readonly onText: (delta: string) => void;
}

/** One endpoint that speaks the Messages API. Never retries by itself; throws `ModelError`. */
export interface ModelClient {
  complete(request: ModelRequest, options: ModelCallOptions): Promise<ModelReply>;
}

/**
 * Why a model call failed.
 * `overloaded`, `rate_limited`, `server`, `network`, `timeout`: try again later.
 * `cut_off`: the stream ended before the message did, or a tool's JSON did not parse; nothing of it may run; try again.
 * `unauthorised`, `billing`: a person must change a setting. `invalid`: the request itself is wrong. `too_large`: the input does not fit.
 * `aborted`: we stopped it ourselves.
 */
export const MODEL_ERROR_KINDS = [
  'overloaded',
  'rate_limited',
  'server',
  'network',
  'timeout',
  'cut_off',
  'unauthorised',
  'billing',
  'invalid',
  'too_large',
  'aborted',
] as const;
export type ModelErrorKind = (typeof MODEL_ERROR_KINDS)[number];

/** Refusals before any answer: nobody bills them. */
const NOT_BILLED: ReadonlySet<ModelErrorKind> = new Set([
  'overloaded',
  'rate_limited',
  'unauthorised',
  'billing',
  'invalid',
  'too_large',
]);

/** Whether a failed call may have cost something: `maybe` once an answer had begun or the request may have been worked on. */
export type Billed = 'no' | 'maybe';

export interface ModelErrorOptions {
  readonly retryAfterMs?: number | undefined;
  /** Default is what is usual for the kind. */
  readonly billed?: Billed | undefined;
  readonly usage?: ModelUsage | undefined;
  readonly cause?: unknown;
}

const RETRYABLE: ReadonlySet<ModelErrorKind> = new Set([
  'overloaded',
  'rate_limited',
  'server',
  'network',
  'timeout',
  'cut_off',
]);

/** Thrown by every `ModelClient` for every failure, with what the caller needs to decide. */
export class ModelError extends Error {
  readonly kind: ModelErrorKind;
  readonly retryable: boolean;
  /** Milliseconds the endpoint asked us to wait, when it said so. */
  readonly retryAfterMs: number | undefined;
  readonly billed: Billed;
  /** What the whole answer used, where it came to its end and only its content was useless. */
  readonly usage: ModelUsage | undefined;

  constructor(kind: ModelErrorKind, message: string, options: ModelErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ModelError';
    this.kind = kind;
    this.retryable = RETRYABLE.has(kind);
    this.retryAfterMs = options.retryAfterMs;
    this.billed = options.billed ?? (NOT_BILLED.has(kind) ? 'no' : 'maybe');
    this.usage = options.usage;
  }
}
