import type { Event } from '../../contracts/request.js';
import type { TextDelta } from '../../engine/event-feed.js';

interface Written {
  readonly attempt: number;
  readonly text: string;
}

/** Reads what a stored `text` event says; undefined for an event of another form. */
function storedText(event: Event): TextDelta | undefined {
  const { agent, turn, attempt, delta } = event.data;
  if (
    event.type !== 'text' ||
    typeof agent !== 'string' ||
    typeof turn !== 'number' ||
    typeof attempt !== 'number' ||
    typeof delta !== 'string'
  )
    return undefined;
  return { request: event.request, agent, turn, attempt, offset: 0, delta };
}

/**
 * What one reader has been sent of each agent's text, so that stored turns and text still being written add up:
 * a reader that appends each `text` at its offset and empties the turn at `text.reset` always holds the right text.
 */
export class TextProgress {
  readonly #request: string;
  /** Agents whose reader may hold text from an earlier connection, which this one knows nothing of. */
  readonly #settled = new Set<string>();
  readonly #resumed: boolean;
  /** By agent, then turn: text sent of turns that are not stored yet. */
  readonly #open = new Map<string, Map<number, Written>>();
  readonly #storedTurn = new Map<string, number>();

  constructor(request: string, resumed: boolean) {
    this.#request = request;
    this.#resumed = resumed;
  }

  /** What to send for a stored event. */
  stored(event: Event): Event[] {
    const full = storedText(event);
    if (full === undefined) return [event];
    const sent = this.#sentOf(full);
    const continues = sent !== undefined && sent.attempt === full.attempt && full.delta.startsWith(sent.text);
    const resets = continues ? [] : this.#resetBefore(full, sent, event.at);
    this.#settle(full);
    if (!continues) return [...resets, event];
    return [{ ...event, data: { ...event.data, offset: sent.text.length, delta: full.delta.slice(sent.text.length) } }];
  }

  /** What to send for text that is being written; nothing when it does not continue what was sent. */
  live(piece: TextDelta, at: string): Event[] {
    if (piece.turn <= (this.#storedTurn.get(piece.agent) ?? 0)) return [];
    const sent = this.#sentOf(piece);
    if (sent !== undefined && piece.attempt < sent.attempt) return [];
    const before = sent?.attempt === piece.attempt ? sent.text : undefined;
    if (piece.offset !== (before ?? '').length) return [];
    const resets = before === undefined ? this.#resetBefore(piece, sent, at) : [];
    this.#note(piece, (before ?? '') + piece.delta);
    return [...resets, this.#event('text', piece, at, { offset: piece.offset, delta: piece.delta })];
  }

  /** Text of an unfinished turn from its start, for a reader that comes in between. */
  snapshot(piece: TextDelta, at: string): Event[] {
    const sent = this.#sentOf(piece);
    const already = sent?.attempt === piece.attempt ? sent.text.length : 0;
    if (piece.delta.length <= already) return [];
    return this.live({ ...piece, offset: already, delta: piece.delta.slice(already) }, at);
  }

  #sentOf(piece: TextDelta): Written | undefined {
    return this.#open.get(piece.agent)?.get(piece.turn);
  }

  #resetBefore(piece: TextDelta, sent: Written | undefined, at: string): Event[] {
    const unknown = this.#resumed && !this.#settled.has(piece.agent);
    return sent === undefined && !unknown ? [] : [this.#event('text.reset', piece, at, {})];
  }

  #note(piece: TextDelta, text: string): void {
    const turns = this.#open.get(piece.agent) ?? new Map<number, Written>();
    turns.set(piece.turn, { attempt: piece.attempt, text });
    this.#open.set(piece.agent, turns);
    this.#settled.add(piece.agent);
  }

  #settle(full: TextDelta): void {
    const turns = this.#open.get(full.agent);
    for (const turn of turns?.keys() ?? []) if (turn <= full.turn) turns?.delete(turn);
    this.#storedTurn.set(full.agent, Math.max(full.turn, this.#storedTurn.get(full.agent) ?? 0));
    this.#settled.add(full.agent);
  }

  #event(type: 'text' | 'text.reset', piece: TextDelta, at: string, more: { offset?: number; delta?: string }): Event {
    const { agent, turn, attempt } = piece;
    return { at, type, request: this.#request, agent, data: { agent, turn, attempt, ...more } };
  }
}
