import { type Block, type MessagesBody, stringsIn } from './anthropic-body.js';
import type { ScriptInput, ScriptTurn, ScriptUsage } from './anthropic-script.js';

export type Json = Readonly<Record<string, unknown>>;

/** One server-sent event; its name is `data.type`. */
export interface StreamEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** A complete answer in the vendor's form. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  readonly content: readonly Block[];
  readonly stopReason: string;
  readonly usage: Required<ScriptUsage>;
}

const TEXT_PIECE = 24;
const JSON_PIECE = 12;

/** The answer a turn stands for. Tool ids and signatures are unique to the call and its stand-in. */
export function answerOf(turn: ScriptTurn, input: ScriptInput, serial: string): Answer {
  const calls = (turn.calls ?? []).map(
    (call, place): Block => ({
      type: 'tool_use',
      id: call.id ?? `toolu_${serial}_${place}`,
      name: call.name,
      input: call.input,
      caller: { type: 'direct' },
    }),
  );
  const content: Block[] = [
    ...(turn.thinking === undefined ? [] : [{ type: 'thinking', thinking: turn.thinking, signature: `sig_${serial}` }]),
    ...(turn.text === undefined ? [] : [{ type: 'text', text: turn.text, citations: null }]),
    ...calls,
  ];
  return {
    id: `msg_${serial}`,
    model: input.model,
    content,
    stopReason: turn.stopReason ?? (calls.length > 0 ? 'tool_use' : 'end_turn'),
    usage: usageOf(turn, input.body, content),
  };
}

/** A token for every four characters, unless the turn says otherwise. */
function usageOf(turn: ScriptTurn, body: MessagesBody, content: readonly Block[]): Required<ScriptUsage> {
  return {
    inputTokens: Math.ceil(stringsIn([body.system, body.messages, body.tools]).join('').length / 4),
    outputTokens: Math.max(
      1,
      Math.ceil(stringsIn(content.map((block) => [block.text, block.input, block['thinking']])).join('').length / 4),
    ),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    ...turn.usage,
  };
}

/** The `Message` object of an answer that is not streamed. */
export function messageOf(answer: Answer): Json {
  return {
    ...emptyMessage(answer),
    content: answer.content,
    stop_reason: answer.stopReason,
    stop_details: stopDetails(answer),
    usage: wireUsage(answer.usage, answer.usage.outputTokens),
  };
}

/** The events of a streamed answer in the order the vendor sends them, with a ping. */
export function eventsOf(answer: Answer): StreamEvent[] {
  return [
    startOf(answer),
    { type: 'ping' },
    ...answer.content.flatMap(blockEvents),
    deltaOf(answer),
    { type: 'message_stop' },
  ];
}

function startOf(answer: Answer): StreamEvent {
  return { type: 'message_start', message: { ...emptyMessage(answer), usage: wireUsage(answer.usage, 1) } };
}

function emptyMessage(answer: Answer): Json {
  return {
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: [],
    container: null,
    diagnostics: null,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
  };
}

/** The events of one content block; JSON of a tool's input comes in pieces that are not JSON by themselves. */
export function blockEvents(block: Block, index: number): StreamEvent[] {
  const deltas = deltasOf(block).map((delta): StreamEvent => ({ type: 'content_block_delta', index, delta }));
  return [
    { type: 'content_block_start', index, content_block: emptyBlock(block) },
    ...deltas,
    { type: 'content_block_stop', index },
  ];
}

function emptyBlock(block: Block): Json {
  if (block.type === 'text') return { ...block, text: '' };
  if (block.type === 'tool_use') return { ...block, input: {} };
  return block.type === 'thinking' ? { ...block, thinking: '', signature: '' } : block;
}

function deltasOf(block: Block): Json[] {
  switch (block.type) {
    case 'text':
      return pieces(block.text ?? '', TEXT_PIECE).map((text) => ({ type: 'text_delta', text }));
    case 'tool_use':
      return ['', ...pieces(JSON.stringify(block.input), JSON_PIECE)].map((json) => ({
        type: 'input_json_delta',
        partial_json: json,
      }));
    case 'thinking':
      return [
        ...pieces(String(block['thinking']), TEXT_PIECE).map((thinking) => ({ type: 'thinking_delta', thinking })),
        { type: 'signature_delta', signature: block['signature'] },
      ];
    default:
      return [];
  }
}

/** Never cuts a character in two, so that every piece can be encoded by itself. */
function pieces(text: string, size: number): string[] {
  const characters = Array.from(text);
  const count = Math.ceil(characters.length / size);
  return Array.from({ length: count }, (_, place) => characters.slice(place * size, (place + 1) * size).join(''));
}

function deltaOf(answer: Answer): StreamEvent {
  const { usage } = answer;
  return {
    type: 'message_delta',
    delta: { container: null, stop_details: stopDetails(answer), stop_reason: answer.stopReason, stop_sequence: null },
    usage: {
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cache_read_input_tokens: usage.cacheReadTokens,
      cache_creation_input_tokens: usage.cacheWriteTokens,
      output_tokens_details: null,
      server_tool_use: null,
    },
  };
}

function stopDetails(answer: Answer): Json | null {
  return answer.stopReason === 'refusal' ? { type: 'refusal', category: null, explanation: null } : null;
}

function wireUsage(usage: Required<ScriptUsage>, outputTokens: number): Json {
  return {
    input_tokens: usage.inputTokens,
    output_tokens: outputTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation_input_tokens: usage.cacheWriteTokens,
    cache_creation: null,
    inference_geo: null,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: 'standard',
    speed: null,
  };
}
