import { createHash } from 'node:crypto';
import type { Rehearsal } from './rehearse.js';

/** Tokens by the rule of thumb of four characters, never none. */
function estimateTokens(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}

function usageOf(inputTokens: number, outputTokens: number) {
  return {
    cache_creation: null,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    inference_geo: null,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: 'standard' as const,
    speed: null,
  };
}

function textBlock(text: string) {
  return { type: 'text' as const, text, citations: null };
}

function toolUseBlock(id: string, name: string, input: unknown) {
  return { type: 'tool_use' as const, id, name, input, caller: { type: 'direct' as const } };
}

type WireBlock = ReturnType<typeof textBlock> | ReturnType<typeof toolUseBlock>;

/** Every answer is made from this one shape: all fields the vendor's schema asks for. */
function template(id: string, model: string, inputTokens: number) {
  return {
    id,
    type: 'message' as const,
    role: 'assistant' as const,
    model,
    container: null,
    content: [] as readonly WireBlock[],
    diagnostics: null,
    stop_details: null,
    stop_reason: null as 'end_turn' | 'tool_use' | null,
    stop_sequence: null,
    usage: usageOf(inputTokens, 1),
  };
}

export type WireMessage = ReturnType<typeof template>;

/** An id that is the same for the same request and differs between requests. */
export function idFrom(prefix: string, seed: string): string {
  return `${prefix}_${createHash('sha256').update(seed).digest('base64url').replace(/[-_]/g, '0').slice(0, 24)}`;
}

/** The complete answer as the vendor's `Message`. `seed` is the request body's text. */
export function toMessage(rehearsal: Rehearsal, model: string, seed: string): WireMessage {
  const content: WireBlock[] =
    rehearsal.kind === 'text'
      ? [textBlock(rehearsal.text)]
      : rehearsal.calls.map((call, index) => toolUseBlock(idFrom('toolu', `${seed} ${index}`), call.name, call.input));
  const inputTokens = estimateTokens(seed);
  return {
    ...template(idFrom('msg', seed), model, inputTokens),
    content,
    stop_reason: rehearsal.kind === 'text' ? 'end_turn' : 'tool_use',
    usage: usageOf(inputTokens, estimateTokens(JSON.stringify(content))),
  };
}

export interface WireEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Cuts text into pieces of about `size` characters, never inside a character. */
function pieces(text: string, size: number): string[] {
  const characters = [...text];
  const parts = Math.max(1, Math.min(Math.max(2, Math.ceil(characters.length / size)), characters.length));
  const step = Math.ceil(characters.length / parts);
  return Array.from({ length: parts }, (_, index) =>
    characters.slice(index * step, (index + 1) * step).join(''),
  ).filter((part) => part !== '');
}

function blockEvents(block: WireBlock, index: number): WireEvent[] {
  const delta = (value: object): WireEvent => ({ type: 'content_block_delta', index, delta: value });
  const start = block.type === 'text' ? { ...block, text: '' } : { ...block, input: {} };
  const deltas =
    block.type === 'text'
      ? pieces(block.text, 40).map((text) => delta({ type: 'text_delta', text }))
      : pieces(JSON.stringify(block.input), 60).map((json) => delta({ type: 'input_json_delta', partial_json: json }));
  return [
    { type: 'content_block_start', index, content_block: start },
    ...deltas,
    { type: 'content_block_stop', index },
  ];
}

/** The same answer as the events of a stream, in the vendor's order. */
export function toEvents(message: WireMessage): WireEvent[] {
  const {
    cache_creation_input_tokens,
    cache_read_input_tokens,
    input_tokens,
    output_tokens,
    output_tokens_details,
    server_tool_use,
  } = message.usage;
  return [
    { type: 'message_start', message: template(message.id, message.model, input_tokens) },
    ...message.content.flatMap(blockEvents),
    {
      type: 'message_delta',
      delta: { container: null, stop_details: null, stop_reason: message.stop_reason, stop_sequence: null },
      usage: {
        cache_creation_input_tokens,
        cache_read_input_tokens,
        input_tokens,
        output_tokens,
        output_tokens_details,
        server_tool_use,
      },
    },
    { type: 'message_stop' },
  ];
}

export type WireErrorType = 'invalid_request_error' | 'not_found_error' | 'api_error';

/** The vendor's error body. */
export function toErrorBody(type: WireErrorType, message: string, requestId: string) {
  return { type: 'error', error: { type, message }, request_id: requestId };
}
