import type { EventBus, TextDelta } from '../store/event-bus.js';

const COALESCE_MS = 100;
/** Pieces stay small enough for every bus. */
const LONGEST_PIECE = 1_000;

/** Collects the text a model writes and passes it on ten times a second. */
export class DeltaPublisher {
  readonly #bus: EventBus;
  readonly #place: Omit<TextDelta, 'offset' | 'delta'>;
  #buffer = '';
  #offset = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(bus: EventBus, place: Omit<TextDelta, 'offset' | 'delta'>) {
    this.#bus = bus;
    this.#place = place;
  }

  add(text: string): void {
    this.#buffer += text;
    this.#timer ??= setTimeout(() => this.flush(), COALESCE_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#buffer !== '') {
      const delta = this.#buffer.slice(0, endOfPiece(this.#buffer));
      this.#buffer = this.#buffer.slice(delta.length);
      this.#bus.publishDelta({ ...this.#place, offset: this.#offset, delta });
      this.#offset += delta.length;
    }
  }

  /** Forgets what was not passed on yet; the stored turn or the next attempt says it anew. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#buffer = '';
  }
}

/** No piece ends inside a character. */
function endOfPiece(text: string): number {
  return /[\uD800-\uDBFF]/.test(text.charAt(LONGEST_PIECE - 1)) ? LONGEST_PIECE - 1 : LONGEST_PIECE;
}
