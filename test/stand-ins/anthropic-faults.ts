import type { Answer, StreamEvent } from './anthropic-answer.js';
import { blockEvents, eventsOf } from './anthropic-answer.js';
import type { Block } from './anthropic-body.js';
import type { ScriptInput } from './anthropic-script.js';

/** Answered with a status and the vendor's error body; the scripted turn stays for the next call. */
const STATUS_FAULTS = {
  '400': [400, 'invalid_request_error', 'The request is wrong.'],
  'prompt-too-long': [400, 'invalid_request_error', 'prompt is too long: 1000001 tokens > 1000000 maximum'],
  '401': [401, 'authentication_error', 'The key is not valid.'],
  '402': [402, 'billing_error', 'There is a problem with the billing of this account.'],
  '403': [403, 'permission_error', 'The key may not use this.'],
  '404': [404, 'not_found_error', 'There is no such model.'],
  '408': [408, 'timeout_error', 'The request took too long.'],
  '409': [409, 'invalid_request_error', 'Something else changed at the same time.'],
  '413': [413, 'invalid_request_error', 'The request is larger than 32 MB.'],
  '429': [429, 'rate_limit_error', 'Too many requests.'],
  'spend-limit': [429, 'rate_limit_error', 'The monthly spend limit is reached.'],
  '500': [500, 'api_error', 'Something broke on our side.'],
  '503': [503, 'api_error', 'Not available.'],
  '504': [504, 'timeout_error', 'No answer in time.'],
  '529': [529, 'overloaded_error', 'Overloaded.'],
} as const;
export type StatusFault = keyof typeof STATUS_FAULTS;

/**
 * Faults of the connection and of the stream; unless noted the scripted turn stays for the next call.
 *
 * `ok` no fault, keeps the place of a call that shall succeed. `hang` accepts and sends nothing. `stall` sends the start
 * and then nothing. `drip` sends the whole good answer a few bytes at a time (uses the turn up).
 * `linger` sends all of it and does not close the connection (uses the turn up). `reset` drops the
 * connection before an answer. `truncate` drops it in the middle. `end-early` closes the stream in the middle, politely.
 * `no-message-stop` leaves the last event out. `null-stop-reason` says no reason. `cut-tool-json` ends like a good tool
 * call whose JSON is not complete. `bad-event` sends an event that is not JSON. `sse-error` reports overload after 200.
 * `refusal`, `max_tokens` (text cut), `max-tokens-in-tool`, `context-window` (text cut), `context-window-in-tool`,
 * `pause_turn` and `empty` are complete answers with that stop reason or without content. `unknown-event` and
 * `unknown-block` add something of tomorrow to a good answer (use the turn up). `html` answers 200 with a web page.
 */
export const STREAM_FAULTS = [
  'ok',
  'hang',
  'stall',
  'drip',
  'linger',
  'reset',
  'truncate',
  'end-early',
  'no-message-stop',
  'null-stop-reason',
  'cut-tool-json',
  'bad-event',
  'sse-error',
  'refusal',
  'max_tokens',
  'max-tokens-in-tool',
  'context-window',
  'context-window-in-tool',
  'pause_turn',
  'empty',
  'unknown-event',
  'unknown-block',
  'html',
] as const;
export type StreamFault = (typeof STREAM_FAULTS)[number];

export type FaultName = StatusFault | StreamFault;

export interface FaultPlan {
  readonly kind: FaultName;
  /** Value of the header `retry-after`: seconds, or an HTTP-date as text. */
  readonly retryAfter?: number | string;
  /** Milliseconds between two pieces of `drip`; default 20. */
  readonly everyMs?: number;
  /** Kept until a call matches; without it the next call gets the fault. */
  readonly when?: (input: ScriptInput) => boolean;
}

export type Fault = FaultName | FaultPlan;

/** Takes the first fault out of the list that is meant for this call. */
export function takeFault(faults: Fault[], input: ScriptInput): FaultPlan {
  const place = faults.findIndex((fault) => typeof fault === 'string' || fault.when === undefined || fault.when(input));
  if (place < 0) return { kind: 'ok' };
  const fault = faults.splice(place, 1)[0] ?? 'ok';
  return typeof fault === 'string' ? { kind: fault } : fault;
}

/** Whether a fault is an error status instead of an answer. */
export function isStatusFault(kind: FaultName): kind is StatusFault {
  return Object.hasOwn(STATUS_FAULTS, kind);
}

export interface StatusAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** The `error` object of the body. */
  readonly error: { readonly type: string; readonly message: string; readonly details?: object };
}

/** What an error status looks like on the wire. */
export function statusAnswer(kind: StatusFault, retryAfter: number | string | undefined): StatusAnswer {
  const [status, type, message] = STATUS_FAULTS[kind];
  const details = kind === 'spend-limit' ? { details: { error_code: 'enforced_spend_limit_reached' } } : {};
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  return { status, headers, error: { type, message, ...details } };
}

/** Whether the caller got the whole scripted turn, so that the script moves on. */
export function usesTurnUp(kind: FaultName): boolean {
  return kind === 'ok' || kind === 'drip' || kind === 'linger' || kind === 'unknown-event' || kind === 'unknown-block';
}

/** The answer itself as a fault changes it, before it is cut into events. */
export function faultyAnswer(kind: FaultName, answer: Answer): Answer {
  switch (kind) {
    case 'refusal':
      return { ...answer, content: [], stopReason: 'refusal' };
    case 'empty':
      return { ...answer, content: [], stopReason: 'end_turn' };
    case 'pause_turn':
      return { ...answer, content: textOnly(answer, (text) => text), stopReason: 'pause_turn' };
    case 'max_tokens':
      return { ...answer, content: textOnly(answer, firstHalf), stopReason: 'max_tokens' };
    case 'context-window':
      return { ...answer, content: textOnly(answer, firstHalf), stopReason: 'model_context_window_exceeded' };
    case 'cut-tool-json':
      return { ...answer, content: withCall(answer), stopReason: 'tool_use' };
    case 'max-tokens-in-tool':
      return { ...answer, content: withCall(answer), stopReason: 'max_tokens' };
    case 'context-window-in-tool':
      return { ...answer, content: withCall(answer), stopReason: 'model_context_window_exceeded' };
    default:
      return answer;
  }
}

/** The events of a faulty answer, and how the connection ends after them. */
export function faultyEvents(
  kind: FaultName,
  answer: Answer,
): { events: StreamEvent[]; then: 'end' | 'destroy' | 'hang' } {
  const events = eventsOf(faultyAnswer(kind, answer));
  switch (kind) {
    case 'linger':
      return { events, then: 'hang' };
    case 'stall':
      return { events: events.slice(0, 2), then: 'hang' };
    case 'truncate':
      return { events: events.slice(0, middleOf(events)), then: 'destroy' };
    case 'end-early':
      return { events: events.slice(0, middleOf(events)), then: 'end' };
    case 'no-message-stop':
      return { events: events.slice(0, -1), then: 'end' };
    case 'null-stop-reason':
      return { events: events.map(withoutStopReason), then: 'end' };
    case 'cut-tool-json':
    case 'max-tokens-in-tool':
    case 'context-window-in-tool':
      return { events: cutJson(events), then: 'end' };
    case 'sse-error':
      return { events: [...events.slice(0, middleOf(events)), OVERLOADED], then: 'end' };
    case 'unknown-event':
      return {
        events: [...events.slice(0, 2), { type: 'weather_report', sky: 'clear' }, ...events.slice(2)],
        then: 'end',
      };
    case 'unknown-block':
      return { events: withUnknownBlock(events, answer), then: 'end' };
    default:
      return { events, then: 'end' };
  }
}

const OVERLOADED: StreamEvent = {
  type: 'error',
  error: { type: 'overloaded_error', message: 'Overloaded.' },
  request_id: null,
};

function textOnly(answer: Answer, change: (text: string) => string): Block[] {
  const text = answer.content.find((block) => block.type === 'text')?.text ?? 'What I found so far is not everything.';
  return [{ type: 'text', text: change(text), citations: null }];
}

function firstHalf(text: string): string {
  const characters = Array.from(text);
  return characters.slice(0, Math.ceil(characters.length / 2)).join('');
}

function withCall(answer: Answer): Block[] {
  if (answer.content.some((block) => block.type === 'tool_use')) return [...answer.content];
  const input = { to: 'a@b.example', body: 'Dear Anna, do NOT send this half.' };
  return [
    ...answer.content,
    { type: 'tool_use', id: `${answer.id}_cut`, name: 'send', input, caller: { type: 'direct' } },
  ];
}

/** Leaves the last piece of the last tool call out, so that its JSON lacks the end. */
function cutJson(events: readonly StreamEvent[]): StreamEvent[] {
  const last = events.findLastIndex((event) => event.type === 'content_block_delta' && isJsonDelta(event['delta']));
  return events.filter((_, place) => place !== last);
}

function isJsonDelta(delta: unknown): boolean {
  return typeof delta === 'object' && delta !== null && 'partial_json' in delta;
}

function withoutStopReason(event: StreamEvent): StreamEvent {
  if (event.type !== 'message_delta') return event;
  return { ...event, delta: { container: null, stop_details: null, stop_reason: null, stop_sequence: null } };
}

function withUnknownBlock(events: readonly StreamEvent[], answer: Answer): StreamEvent[] {
  const block = blockEvents({ type: 'hologram', data: 'AAEC' }, answer.content.length);
  return [...events.slice(0, -2), ...block, ...events.slice(-2)];
}

/** Inside the content: after the start of the message and of a block, before its end. */
function middleOf(events: readonly StreamEvent[]): number {
  return Math.max(3, Math.floor(events.length / 2));
}
