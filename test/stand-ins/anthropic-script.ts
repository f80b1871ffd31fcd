import { type MessagesBody, blocksOf, exchangeStart, resultText, stringsIn, textOf } from './anthropic-body.js';

/** What the scripted model is told about one call. */
export interface ScriptInput {
  /** Number of the call to this stand-in, from 0. */
  readonly index: number;
  /** How often the model has spoken since the user's last own message: 0 for the first turn of an exchange. */
  readonly turn: number;
  readonly model: string;
  readonly body: MessagesBody;
  readonly system: string;
  /** The user's last own message (not an answer to a tool call), with which the current exchange began. */
  readonly userText: string;
  /** The answers to the tool calls of the turn before, in order. */
  readonly toolResults: readonly ScriptToolResult[];
  /** Names of the tools on offer. */
  readonly tools: readonly string[];
  /** Everything the model was given, as text. */
  readonly text: string;
}

export interface ScriptToolResult {
  readonly id: string;
  readonly name: string;
  readonly content: string;
  readonly isError: boolean;
}

/** Token counts as the endpoint would bill them; what is left out is estimated from the lengths. */
export interface ScriptUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
}

export interface ScriptCall {
  readonly name: string;
  readonly input: unknown;
  /** Default is a fresh one. */
  readonly id?: string;
}

/** One answer of the scripted model. */
export interface ScriptTurn {
  /** Thinking before everything else; later requests must send it back unchanged. */
  readonly thinking?: string;
  readonly text?: string;
  readonly calls?: readonly ScriptCall[];
  /** Default is `tool_use` with calls, else `end_turn`. */
  readonly stopReason?: string;
  readonly usage?: ScriptUsage;
  /** Strings in text and calls that the script worked out itself, such as a date; they need no source in the request. */
  readonly derived?: readonly string[];
  /** Allows calls of tools that the request does not offer. */
  readonly unknownTools?: boolean;
}

export type TurnSource = ScriptTurn | ((input: ScriptInput) => ScriptTurn);

/** Turns for the calls that match, in order. A string must occur in `userText`, a pattern must match it. */
export interface KeyedScript {
  readonly when: string | RegExp | ((input: ScriptInput) => boolean);
  readonly turns: readonly TurnSource[];
}

/**
 * A function answers every call and keeps no count (use `input.turn`). A list is played once, in order. A keyed script
 * is played once, in order, by the calls that match it. Of several scripts the first with a match and turns left answers;
 * a plain list among several belongs to the first exchange (distinct `userText`) that no earlier script wanted.
 */
export type Script = ((input: ScriptInput) => ScriptTurn) | readonly TurnSource[] | KeyedScript;

/** A turn that is being played. `giveBack` makes it the next one again, for a call that never delivered it. */
export interface PlayedTurn {
  readonly turn: ScriptTurn;
  giveBack(): void;
}

/** Plays scripts; returns undefined when none has a turn for this call. */
export interface ScriptPlayer {
  next(input: ScriptInput): PlayedTurn | undefined;
  /** Turns of lists that were not played yet. */
  remaining(): number;
}

/** A player for one script or several. */
export function playScripts(script: Script | readonly Script[]): ScriptPlayer {
  const only = !isSeveral(script);
  const reels = (only ? [script] : script).map((part) => createReel(part, only));
  return {
    next(input) {
      for (const reel of reels) {
        const played = reel.play(input);
        if (played !== undefined) return played;
      }
      return undefined;
    },
    remaining: () => reels.reduce((sum, reel) => sum + reel.remaining(), 0),
  };
}

/** What the script is told about a request. */
export function scriptInput(body: MessagesBody, index: number): ScriptInput {
  const start = exchangeStart(body.messages);
  const exchange = body.messages.slice(Math.max(0, start));
  const opening = exchange[0];
  return {
    index,
    turn: exchange.filter((message) => message.role === 'assistant').length,
    model: body.model,
    body,
    system: textOf(body.system ?? ''),
    userText: opening === undefined ? '' : textOf(opening.content),
    toolResults: lastResults(body),
    tools: (body.tools ?? []).flatMap((tool) => (tool.name === undefined ? [] : [tool.name])),
    text: stringsIn([body.system, body.messages, body.tools]).join('\n'),
  };
}

function lastResults(body: MessagesBody): ScriptToolResult[] {
  const calls = body.messages
    .flatMap((message) => blocksOf(message.content))
    .filter((block) => block.type === 'tool_use');
  return blocksOf(body.messages.at(-1)?.content ?? [])
    .filter((block) => block.type === 'tool_result')
    .map((block) => ({
      id: block.tool_use_id ?? '',
      name: calls.find((call) => call.id === block.tool_use_id)?.name ?? '',
      content: resultText(block),
      isError: block.is_error === true,
    }));
}

interface Reel {
  play(input: ScriptInput): PlayedTurn | undefined;
  remaining(): number;
}

function createReel(script: Script, only: boolean): Reel {
  if (typeof script === 'function') {
    return { play: (input) => ({ turn: script(input), giveBack: () => undefined }), remaining: () => 0 };
  }
  const turns = 'turns' in script ? script.turns : script;
  const matches = 'turns' in script ? matcher(script.when) : only ? () => true : firstExchange();
  const open = new Set(turns.keys());
  return {
    play(input) {
      const place = Math.min(...open);
      const source = turns[place];
      if (source === undefined || !matches(input)) return undefined;
      open.delete(place);
      return { turn: typeof source === 'function' ? source(input) : source, giveBack: () => void open.add(place) };
    },
    remaining: () => open.size,
  };
}

function matcher(when: KeyedScript['when']): (input: ScriptInput) => boolean {
  if (typeof when === 'function') return when;
  if (typeof when === 'string') return (input) => input.userText.includes(when);
  return (input) => input.userText.search(when) >= 0;
}

function firstExchange(): (input: ScriptInput) => boolean {
  let own: string | undefined;
  return (input) => {
    own ??= input.userText;
    return own === input.userText;
  };
}

function isSeveral(script: Script | readonly Script[]): script is readonly Script[] {
  return Array.isArray(script) && script.some((part: object) => Array.isArray(part) || 'turns' in part);
}
