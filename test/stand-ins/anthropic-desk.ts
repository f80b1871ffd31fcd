import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from './anthropic-answer.js';
import type { MessagesBody } from './anthropic-body.js';
import {
  type Fault,
  type FaultName,
  type FaultPlan,
  faultyAnswer,
  faultyEvents,
  isStatusFault,
  statusAnswer,
  takeFault,
  usesTurnUp,
} from './anthropic-faults.js';
import type { ScriptedMind, Thought } from './anthropic-mind.js';
import { type ScriptInput, type ScriptUsage, scriptInput } from './anthropic-script.js';
import { readBody, sendEvents, sendJson } from './anthropic-wire.js';

/** One call of `POST /v1/messages` as it was received and what became of it. */
export interface RecordedCall {
  readonly index: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly headers: IncomingHttpHeaders;
  /** Undefined when it was not JSON. */
  readonly body: MessagesBody | undefined;
  fault: FaultName;
  /** Undefined until the answer began. */
  status: number | undefined;
  /** The answer was sent to its end. */
  finished: boolean;
  /** The client closed the connection before the end. */
  aborted: boolean;
  /** What the endpoint bills: set once the whole answer was produced. */
  usage: Required<ScriptUsage> | undefined;
}

export interface DeskOptions {
  readonly apiKey?: string | undefined;
  readonly models?: readonly string[] | undefined;
}

interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
}

const VERSIONS: readonly unknown[] = ['2026-10-21', '2023-06-01'];

/** Receives calls, lets the mind answer them and puts the answers, or the faults, on the wire. */
export class CallDesk {
  readonly calls: RecordedCall[] = [];
  readonly faults: Fault[] = [];
  latencyMs = 0;
  readonly #mind: ScriptedMind;
  readonly #options: DeskOptions;
  readonly #dropped = new WeakSet<ServerResponse>();

  constructor(mind: ScriptedMind, options: DeskOptions) {
    this.#mind = mind;
    this.#options = options;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    if (request.method !== 'POST' || request.url !== '/v1/messages') {
      const message = this.#mind.violate(this.calls.length, `there is no ${request.method ?? ''} ${request.url ?? ''}`);
      return this.#refuse(response, this.calls.length, { status: 404, type: 'not_found_error', message });
    }
    const call = this.#record(request, response, text);
    const refusal = this.#refusalOf(call, text);
    if (refusal !== undefined) return this.#refuse(response, call.index, refusal);
    const input = scriptInput(call.body as MessagesBody, call.index);
    const plan = takeFault(this.faults, input);
    call.fault = plan.kind;
    await this.#answer(call, input, plan, response);
  }

  #record(request: IncomingMessage, response: ServerResponse, text: string | undefined): RecordedCall {
    const call: RecordedCall = {
      index: this.calls.length,
      at: Date.now(),
      headers: request.headers,
      body: parsed(text),
      fault: 'ok',
      status: undefined,
      finished: false,
      aborted: false,
      usage: undefined,
    };
    this.calls.push(call);
    response.on('close', () => {
      call.status = response.headersSent ? response.statusCode : undefined;
      call.finished = response.writableFinished;
      call.aborted = !response.writableFinished && !this.#dropped.has(response);
    });
    return call;
  }

  /** Everything that is refused before a fault or the script has a say. A wrong key or model is no violation. */
  #refusalOf(call: RecordedCall, text: string | undefined): Refusal | undefined {
    if (text === undefined)
      return { status: 413, type: 'invalid_request_error', message: 'The request is larger than 32 MB.' };
    const headers = this.#headerOffence(call);
    if (headers !== undefined) return headers;
    const found =
      call.body === undefined
        ? [this.#mind.violate(call.index, 'the body is not JSON')]
        : this.#mind.refusals(call.body, call.index);
    if (found.length > 0) return { status: 400, type: 'invalid_request_error', message: found.join('; ') };
    const { models } = this.#options;
    if (models === undefined || models.includes(call.body?.model ?? '')) return undefined;
    return { status: 404, type: 'not_found_error', message: `model: ${call.body?.model ?? ''}` };
  }

  #headerOffence({ headers, index }: RecordedCall): Refusal | undefined {
    if (!VERSIONS.includes(headers['anthropic-version'])) {
      const message = this.#mind.violate(index, 'anthropic-version: header is required and must be a known version');
      return { status: 400, type: 'invalid_request_error', message };
    }
    const key = keyOf(headers);
    if (key === undefined) {
      const message = this.#mind.violate(index, 'neither an authorization nor an x-api-key header was sent');
      return { status: 401, type: 'authentication_error', message };
    }
    if (this.#options.apiKey === undefined || this.#options.apiKey === key) return undefined;
    return { status: 401, type: 'authentication_error', message: 'invalid key' };
  }

  async #answer(call: RecordedCall, input: ScriptInput, plan: FaultPlan, response: ServerResponse): Promise<void> {
    if (isStatusFault(plan.kind)) {
      await this.#wait(response);
      const { status, headers, error } = statusAnswer(plan.kind, plan.retryAfter);
      return this.#refuse(response, call.index, { status, ...error }, headers);
    }
    if (plan.kind === 'hang') return;
    if (plan.kind === 'reset') return this.#drop(response);
    if (plan.kind === 'html')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
    const thought = this.#mind.think(input, plan.kind);
    if (typeof thought === 'string')
      return this.#refuse(response, call.index, { status: 500, type: 'api_error', message: thought });
    response.on('close', () => this.#settle(call, plan, thought, response));
    await this.#wait(response);
    if (!response.destroyed) await this.#send(call, plan, thought, response);
  }

  /** A turn counts as played only when its answer went out whole. */
  #settle(call: RecordedCall, plan: FaultPlan, thought: Thought, response: ServerResponse): void {
    const whole = response.writableFinished || plan.kind === 'linger';
    if (whole && usesTurnUp(plan.kind)) thought.delivered();
    else thought.giveBack();
    if (whole) call.usage = thought.answer.usage;
  }

  async #send(call: RecordedCall, plan: FaultPlan, thought: Thought, response: ServerResponse): Promise<void> {
    const { events, then } = faultyEvents(plan.kind, thought.answer);
    const answer = faultyAnswer(plan.kind, thought.answer);
    this.#mind.rememberPause(answer);
    if (call.body?.stream !== true) {
      if (then !== 'end') return this.#drop(response);
      return sendJson(response, 200, requestId(call.index), messageOf(answer));
    }
    this.#mind.checkEvents(call.index, plan.kind.startsWith('unknown-') ? [] : events);
    await sendEvents(response, requestId(call.index), {
      events,
      dripMs: plan.kind === 'drip' ? (plan.everyMs ?? DRIP_EVERY_MS) : undefined,
      brokenAt: plan.kind === 'bad-event' ? Math.floor(events.length / 2) : undefined,
    });
    if (then === 'end') response.end();
    if (then === 'destroy') await this.#dropLater(response);
  }

  #refuse(response: ServerResponse, index: number, refusal: Refusal & object, headers?: Record<string, string>): void {
    const { status, ...error } = refusal;
    const body = { type: 'error', error, request_id: requestId(index) };
    this.#mind.checkError(index, body);
    sendJson(response, status, requestId(index), body, headers);
  }

  async #wait(response: ServerResponse): Promise<void> {
    if (this.latencyMs <= 0) return;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    await Promise.allSettled([sleep(this.latencyMs, undefined, { signal: gone.signal })]);
  }

  /** What was written before shall arrive before the connection breaks. */
  async #dropLater(response: ServerResponse): Promise<void> {
    await sleep(FLUSH_MS);
    this.#drop(response);
  }

  #drop(response: ServerResponse): void {
    this.#dropped.add(response);
    response.destroy();
  }
}

const DRIP_EVERY_MS = 20;
const FLUSH_MS = 5;

function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  const key = headers['x-api-key'];
  return bearer ?? (typeof key === 'string' && key !== '' ? key : undefined);
}

function requestId(index: number): string {
  return `req_stand_in_${index}`;
}

function parsed(text: string | undefined): MessagesBody | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as MessagesBody);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
