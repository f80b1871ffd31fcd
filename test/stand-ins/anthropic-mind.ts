import { hasVendorSchemas, vendorValidator } from '../helpers/vendor-schema.js';
import { type Answer, type StreamEvent, answerOf, messageOf } from './anthropic-answer.js';
import type { MessagesBody } from './anthropic-body.js';
import { unsourcedFacts } from './anthropic-facts.js';
import { type FaultName, usesTurnUp } from './anthropic-faults.js';
import { brokenRules, emptyMemory, pauseKey } from './anthropic-rules.js';
import { type PlayedTurn, type Script, type ScriptInput, type ScriptTurn, playScripts } from './anthropic-script.js';

/** Where the vendor's schemas are not at hand, only the rules of `brokenRules` are checked. */
const validate = hasVendorSchemas() ? vendorValidator('anthropic/messages-2026-10-21.schema.json') : (): string[] => [];

const MAX_OFFENCES = 12;

/** What an answer says when a fault needs one and the script has none. */
const NEUTRAL_TURN: ScriptTurn = { text: 'nothing to add, and this sentence is long enough to be cut in two' };

/** An answer that is ready to be sent; exactly one of the two functions is to be called afterwards. */
export interface Thought {
  readonly answer: Answer;
  /** The caller got it whole. */
  delivered(): void;
  /** The caller did not get it; the turn is the next one again. */
  giveBack(): void;
}

/** The scripted model behind the stand-in: checks requests, plays turns, remembers what it said. */
export class ScriptedMind {
  readonly violations: string[] = [];
  readonly #memory = emptyMemory();
  readonly #factsFromInput: boolean;
  readonly #serial = Math.random().toString(36).slice(2, 8);
  #player = playScripts([]);

  constructor(script: Script | readonly Script[], factsFromInput: boolean) {
    this.#factsFromInput = factsFromInput;
    this.setScript(script);
  }

  setScript(script: Script | readonly Script[]): void {
    this.#player = playScripts(script);
  }

  remaining(): number {
    return this.#player.remaining();
  }

  /** What the real endpoint would refuse in this body; that is a violation as well. */
  refusals(body: unknown, index: number): string[] {
    const shape = deepestFirst(validate(isStreamed(body) ? 'MessageCreateParamsStreaming' : 'MessagesRequest', body));
    const found = shape.length > 0 ? shape : brokenRules(body as MessagesBody, this.#memory);
    if (found.length > 0) this.violate(index, `wrong request: ${found.join('; ')}`);
    return found;
  }

  /** The answer for a call, or the reason why the script cannot give one, which is a violation as well. */
  think(input: ScriptInput, fault: FaultName): Thought | string {
    const played = this.#play(input, fault);
    if (typeof played === 'string') return this.violate(input.index, played);
    const offences = this.#offencesOf(played.turn, input);
    if (offences.length > 0) {
      played.giveBack();
      return this.violate(input.index, offences.join('; '));
    }
    const answer = answerOf(played.turn, input, `${this.#serial}_${input.index}`);
    this.#check(input.index, 'Message', messageOf(answer));
    return { answer, delivered: () => this.#remember(answer), giveBack: () => played.giveBack() };
  }

  /** Checks events that are about to be sent against the vendor's schema. */
  checkEvents(index: number, events: readonly StreamEvent[]): void {
    for (const event of events) this.#check(index, 'StreamEvent', event);
  }

  /** Checks an error body that is about to be sent against the vendor's schema. */
  checkError(index: number, body: unknown): void {
    this.#check(index, 'ErrorResponse', body);
  }

  /** Lets a message that ended with `pause_turn` come back as the last one. */
  rememberPause(answer: Answer): void {
    if (answer.stopReason === 'pause_turn') this.#memory.paused.add(pauseKey(answer.content));
  }

  violate(index: number, text: string): string {
    this.violations.push(`call ${index}: ${text}`);
    return text;
  }

  #play(input: ScriptInput, fault: FaultName): PlayedTurn | string {
    try {
      const played = this.#player.next(input);
      if (played !== undefined) return played;
    } catch (error) {
      return `the script threw: ${String(error)}`;
    }
    if (!usesTurnUp(fault)) return { turn: NEUTRAL_TURN, giveBack: () => undefined };
    return `the script has no turn for this call (user said: ${JSON.stringify(input.userText.slice(0, 120))})`;
  }

  #offencesOf(turn: ScriptTurn, input: ScriptInput): string[] {
    const strange = (turn.calls ?? []).filter((call) => !turn.unknownTools && !input.tools.includes(call.name));
    const offences = strange.map((call) => `the script calls "${call.name}", which the request does not offer`);
    if (!this.#factsFromInput || turn === NEUTRAL_TURN) return offences;
    const invented = unsourcedFacts(turn, [input.body.system, input.body.messages, input.body.tools]);
    return [...offences, ...invented.map((fact) => `the script states "${fact}", which the request does not contain`)];
  }

  #remember(answer: Answer): void {
    this.rememberPause(answer);
    const thinking = answer.content.find((block) => block.type === 'thinking');
    if (thinking === undefined) return;
    const signature = String(thinking['signature']);
    this.#memory.thinking.set(signature, String(thinking['thinking']));
    for (const block of answer.content)
      if (block.type === 'tool_use') this.#memory.thinkingBefore.set(block.id ?? '', signature);
  }

  #check(index: number, definition: string, value: unknown): void {
    const errors = deepestFirst(validate(definition, value));
    if (errors.length > 0) this.violate(index, `own ${definition} is wrong: ${errors.join('; ')}`);
  }
}

function isStreamed(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'stream' in body && body.stream === true;
}

/** A mismatch in a union is reported for every member; the one that was meant goes deepest. */
function deepestFirst(errors: readonly string[]): string[] {
  const depth = (error: string): number => (error.split(' ')[0] ?? '').split('/').length;
  return [...new Set(errors)].sort((a, b) => depth(b) - depth(a)).slice(0, MAX_OFFENCES);
}
