import {
  type AssistantBlock,
  ModelError,
  type ModelReply,
  type ModelUsage,
  STOP_REASONS,
  type StopReason,
} from '../contracts/model.js';

type Json = Readonly<Record<string, unknown>>;

/** A content block while its pieces arrive. `raw` is JSON exactly as it came, never repaired. */
type Draft =
  | { readonly kind: 'text'; text: string }
  | { readonly kind: 'tool'; readonly id: string; readonly name: string; readonly given: unknown; raw: string }
  | { readonly kind: 'opaque'; readonly block: Record<string, unknown>; raw: string };

/**
 * Puts a streamed message together from its events, in the order they arrive.
 * Unknown event types are ignored, unknown block types are kept as opaque blocks.
 */
export class MessageAssembler {
  readonly #drafts = new Map<number, Draft>();
  #model: string | undefined;
  #stopReason: string | undefined;
  #usage: ModelUsage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
  #stopped = false;
  /** The counts at the end have come: those at the start say nothing about the output. */
  #counted = false;

  /** True once the endpoint has said that the message is over. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** What the message cost, once it has come to its end; undefined while more may be counted. */
  get finalUsage(): ModelUsage | undefined {
    return this.#stopped && this.#counted ? this.#usage : undefined;
  }

  /** Takes one event and returns the visible text it adds, empty for most. Throws `ModelError` `cut_off` on nonsense. */
  push(event: Json): string {
    switch (event['type']) {
      case 'message_start':
        this.#start(objectAt(event, 'message'));
        return '';
      case 'content_block_start':
        return this.#startBlock(indexOf(event), objectAt(event, 'content_block'));
      case 'content_block_delta':
        return this.#addTo(indexOf(event), objectAt(event, 'delta'));
      case 'message_delta':
        this.#change(objectAt(event, 'delta'), event['usage']);
        return '';
      case 'message_stop':
        this.#stopped = true;
        return '';
      default:
        return '';
    }
  }

  /**
   * The whole reply. Throws `ModelError` and returns nothing of it when the message is incomplete:
   * `cut_off` without an end or with tool JSON that does not parse, `too_large` when the context ran out inside a call.
   */
  finish(providerRequestId: string | undefined): ModelReply {
    if (this.#model === undefined || !this.#stopped) throw cutOff('the stream ended before the message did');
    const stopReason = this.#checkedStopReason();
    const drafts = [...this.#drafts].sort(([a], [b]) => a - b).map(([, draft]) => draft);
    const content = drafts.flatMap((draft) => finished(draft, stopReason));
    if (stopReason === 'tool_use' && !content.some((block) => block.type === 'tool_use')) {
      throw cutOff('it announced a tool call that did not arrive');
    }
    return {
      model: this.#model,
      content,
      stopReason,
      usage: this.#usage,
      ...(providerRequestId === undefined ? {} : { providerRequestId }),
    };
  }

  #start(message: Json): void {
    if (this.#model !== undefined) throw cutOff('a second message started in the same stream');
    this.#model = stringAt(message, 'model');
    this.#mergeUsage(message['usage']);
  }

  #startBlock(index: number, block: Json): string {
    if (this.#drafts.has(index)) throw cutOff('two content blocks came with the same index');
    const draft = draftOf(block);
    this.#drafts.set(index, draft);
    return draft.kind === 'text' ? draft.text : '';
  }

  #addTo(index: number, delta: Json): string {
    const draft = this.#drafts.get(index);
    if (draft === undefined) throw cutOff('a piece came for a content block that never started');
    switch (draft.kind) {
      case 'text':
        return addText(draft, delta);
      case 'tool':
        if (delta['type'] === 'input_json_delta') draft.raw += stringAt(delta, 'partial_json');
        return '';
      case 'opaque':
        addOpaque(draft, delta);
        return '';
    }
  }

  #change(delta: Json, usage: unknown): void {
    const reason = delta['stop_reason'];
    if (typeof reason === 'string') this.#stopReason = reason;
    this.#mergeUsage(usage);
    this.#counted ||= isObject(usage) && typeof usage['output_tokens'] === 'number';
  }

  /** Counts are cumulative: a later number replaces an earlier one, null leaves it. */
  #mergeUsage(usage: unknown): void {
    if (!isObject(usage)) return;
    const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = this.#usage;
    this.#usage = {
      inputTokens: countAt(usage, 'input_tokens', inputTokens),
      outputTokens: countAt(usage, 'output_tokens', outputTokens),
      cacheReadTokens: countAt(usage, 'cache_read_input_tokens', cacheReadTokens),
      cacheWriteTokens: countAt(usage, 'cache_creation_input_tokens', cacheWriteTokens),
    };
  }

  #checkedStopReason(): StopReason {
    const reason = this.#stopReason;
    if (reason === undefined) throw cutOff('it ended without saying why');
    const known = STOP_REASONS.find((candidate) => candidate === reason);
    if (known !== undefined) return known;
    throw new ModelError(
      'invalid',
      `The model stopped for the reason "${reason}", which this version does not know; update it.`,
    );
  }
}

function draftOf(block: Json): Draft {
  if (block['type'] === 'text') return { kind: 'text', text: asText(block['text']) };
  if (block['type'] === 'tool_use') {
    return { kind: 'tool', id: stringAt(block, 'id'), name: stringAt(block, 'name'), given: block['input'], raw: '' };
  }
  return { kind: 'opaque', block: { ...block }, raw: '' };
}

function addText(draft: { text: string }, delta: Json): string {
  if (delta['type'] !== 'text_delta') return '';
  const text = stringAt(delta, 'text');
  draft.text += text;
  return text;
}

/** Thinking, signatures and the input of server tools are collected, because they must go back as they came. */
function addOpaque(draft: { readonly block: Record<string, unknown>; raw: string }, delta: Json): void {
  switch (delta['type']) {
    case 'thinking_delta':
      draft.block['thinking'] = asText(draft.block['thinking']) + stringAt(delta, 'thinking');
      return;
    case 'text_delta':
      draft.block['text'] = asText(draft.block['text']) + stringAt(delta, 'text');
      return;
    case 'signature_delta':
      draft.block['signature'] = stringAt(delta, 'signature');
      return;
    case 'input_json_delta':
      draft.raw += stringAt(delta, 'partial_json');
      return;
    default:
      return;
  }
}

function finished(draft: Draft, stopReason: StopReason): AssistantBlock[] {
  switch (draft.kind) {
    case 'text':
      return draft.text === '' ? [] : [{ type: 'text', text: draft.text }];
    case 'tool':
      // A refused answer is not to be acted on, so its calls, cut or whole, are not handed out.
      if (stopReason === 'refusal') return [];
      return [
        { type: 'tool_use', id: draft.id, name: draft.name, input: toolInput(draft.raw, draft.given, stopReason) },
      ];
    case 'opaque':
      if (draft.raw !== '') draft.block['input'] = toolInput(draft.raw, {}, stopReason);
      return [{ type: 'opaque', block: draft.block }];
  }
}

/** Only a JSON object shows by itself that it is complete; `12` may be a cut `123`. */
function toolInput(raw: string, given: unknown, stopReason: StopReason): unknown {
  const ranOut = stopReason === 'max_tokens' || stopReason === 'model_context_window_exceeded';
  if (raw.trim() === '' && !ranOut) return isObject(given) ? given : {};
  const input = parsed(raw);
  if (isObject(input)) return input;
  if (stopReason === 'model_context_window_exceeded') {
    throw new ModelError(
      'too_large',
      'The context ran out inside a tool call; the conversation must be shortened first.',
    );
  }
  throw cutOff(
    stopReason === 'max_tokens'
      ? 'the output limit was reached inside a tool call'
      : 'the input of a tool call is not complete JSON',
  );
}

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function cutOff(reason: string): ModelError {
  return new ModelError(
    'cut_off',
    `The answer of the model was not complete (${reason}); nothing of it was used and it is worth trying again.`,
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectAt(from: Json, key: string): Json {
  const value = from[key];
  if (!isObject(value)) throw cutOff(`an event has no "${key}"`);
  return value;
}

function stringAt(from: Json, key: string): string {
  const value = from[key];
  if (typeof value !== 'string') throw cutOff(`an event has no "${key}"`);
  return value;
}

function indexOf(event: Json): number {
  const value = event['index'];
  if (typeof value !== 'number') throw cutOff('an event has no "index"');
  return value;
}

function countAt(usage: Json, key: string, otherwise: number): number {
  const value = usage[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
