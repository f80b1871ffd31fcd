import { EventEmitter } from 'node:events';
import type { RequestStatus } from '../contracts/request.js';

/** "The request has events up to this number": a hint to read rows, never the rows themselves. */
export interface RequestNotice {
  readonly request: string;
  readonly seq: number;
  /** The request's status, when these events changed it. */
  readonly status?: RequestStatus;
}

/** "The space has changes up to this number", likewise. */
export interface SpaceNotice {
  readonly space: string;
  readonly seq: number;
}

export type Notice = RequestNotice | SpaceNotice;

/** A piece of text the model is just writing. Not a row: the stored turn supersedes it. */
export interface TextDelta {
  readonly request: string;
  readonly agent: string;
  readonly turn: number;
  readonly attempt: number;
  /** Place of `delta` in the turn's text, in UTF-16 units. */
  readonly offset: number;
  readonly delta: string;
}

export interface BusListener {
  onNotice(notice: RequestNotice): void;
  onDelta(delta: TextDelta): void;
}

/** Carries hints between the processes that change rows and the ones that stream them. May lose any of them. */
export interface EventBus {
  publish(notices: readonly Notice[]): void;
  publishDelta(delta: TextDelta): void;
  /** Text written so far by turns not stored yet, as far as this process heard it from the start. */
  unfinished(request: string): TextDelta[];
  forget(request: string, agent: string, turn: number): void;
  subscribe(request: string, listener: BusListener): () => void;
  /** Hears of changes of one space, or of every space where none is named. */
  onSpace(space: string | null, listener: (notice: SpaceNotice) => void): () => void;
  close(): Promise<void>;
}

const EVERY_SPACE = 'spaces';

/** The bus inside one process. */
export function createLocalBus(): EventBus {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  const partials = new PartialTexts();
  return {
    publish(notices) {
      for (const notice of notices) {
        if ('request' in notice) emitter.emit(`notice:${notice.request}`, notice);
        else for (const name of [`space:${notice.space}`, EVERY_SPACE]) emitter.emit(name, notice);
      }
    },
    publishDelta(delta) {
      partials.add(delta);
      emitter.emit(`delta:${delta.request}`, delta);
    },
    unfinished: (request) => partials.of(request),
    forget: (request, agent, turn) => partials.drop(request, agent, turn),
    subscribe(request, listener) {
      const onNotice = (notice: RequestNotice): void => listener.onNotice(notice);
      const onDelta = (delta: TextDelta): void => listener.onDelta(delta);
      emitter.on(`notice:${request}`, onNotice);
      emitter.on(`delta:${request}`, onDelta);
      return () => {
        emitter.off(`notice:${request}`, onNotice);
        emitter.off(`delta:${request}`, onDelta);
      };
    },
    onSpace(space, listener) {
      const name = space === null ? EVERY_SPACE : `space:${space}`;
      emitter.on(name, listener);
      return () => emitter.off(name, listener);
    },
    async close() {
      emitter.removeAllListeners();
    },
  };
}

const MOST_REQUESTS = 1_000;

/** What was written of each unfinished turn; keeps the newest attempt only, and bounded many requests. */
class PartialTexts {
  readonly #byRequest = new Map<string, Map<string, TextDelta>>();

  add(piece: TextDelta): void {
    const turns = this.#byRequest.get(piece.request) ?? new Map<string, TextDelta>();
    const before = turns.get(piece.agent);
    const text = continued(before, piece);
    if (text === undefined) return;
    turns.set(piece.agent, { ...piece, offset: 0, delta: text });
    this.#byRequest.set(piece.request, turns);
    if (this.#byRequest.size > MOST_REQUESTS) this.#byRequest.delete(this.#byRequest.keys().next().value ?? '');
  }

  of(request: string): TextDelta[] {
    return [...(this.#byRequest.get(request)?.values() ?? [])];
  }

  drop(request: string, agent: string, turn: number): void {
    const turns = this.#byRequest.get(request);
    if ((turns?.get(agent)?.turn ?? Number.POSITIVE_INFINITY) <= turn) turns?.delete(agent);
    if (turns?.size === 0) this.#byRequest.delete(request);
  }
}

function continued(before: TextDelta | undefined, piece: TextDelta): string | undefined {
  if (piece.offset === 0) return piece.delta;
  const same = before !== undefined && before.turn === piece.turn && before.attempt === piece.attempt;
  return same && before.delta.length === piece.offset ? before.delta + piece.delta : undefined;
}
