import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { callerOf, type StillSignedIn } from '../plugins/auth.js';

const NumberTextSchema = z.string().regex(/^\d{1,15}$/, 'must be the id of an event');

/** How a reader says which event it has got to. */
export const ResumeHeadersSchema = z.looseObject({ 'last-event-id': NumberTextSchema.optional() });
export const ResumeQuerySchema = z.strictObject({
  after: NumberTextSchema.optional().describe('As the header Last-Event-ID, for clients that cannot send it.'),
});

/** How long a stream goes on without asking whether its reader is still signed in. */
const ASK_AGAIN_MS = 5_000;
/** Streams that one person may have open in one process. */
const MOST_OPEN = 50;

/** The event streams of one process: who may have one, and when it is over. */
export class Streams {
  readonly #closing: AbortSignal;
  readonly #isSignedIn: StillSignedIn;
  /** By person; who has none open is not in it. */
  readonly #open = new Map<string, number>();

  /** `closing` fires when the server closes. */
  constructor(closing: AbortSignal, isSignedIn: StillSignedIn) {
    this.#closing = closing;
    this.#isSignedIn = isSignedIn;
  }

  /**
   * Takes the answer out of the framework's hands. The signal fires when the reader leaves or is not signed in any more,
   * and when the server closes. Throws `rate-limited` when the reader has too many streams open.
   */
  start(request: FastifyRequest, reply: FastifyReply): AbortSignal {
    const { id } = callerOf(request);
    this.#add(id);
    const over = new AbortController();
    const asking = setInterval(() => void this.#ask(request, over), ASK_AGAIN_MS);
    whenClosed(reply, () => {
      clearInterval(asking);
      this.#remove(id);
      over.abort();
    });
    begin(reply);
    return AbortSignal.any([over.signal, this.#closing]);
  }

  #add(id: string): void {
    const open = this.#open.get(id) ?? 0;
    if (open >= MOST_OPEN)
      throw new ProblemError(
        'rate-limited',
        `You have ${MOST_OPEN} event streams open, which is the most. Close one, then open this one again.`,
      );
    this.#open.set(id, open + 1);
  }

  #remove(id: string): void {
    const open = this.#open.get(id) ?? 0;
    if (open > 1) this.#open.set(id, open - 1);
    else this.#open.delete(id);
  }

  /** While nobody can tell, because the database is away, the reader is kept. */
  async #ask(request: FastifyRequest, over: AbortController): Promise<void> {
    try {
      if (!(await this.#isSignedIn(request))) over.abort();
    } catch (error) {
      if (error instanceof ProblemError && error.type === 'unavailable') return;
      request.log.error({ err: error }, 'the reader of an event stream could not be asked for');
      over.abort();
    }
  }
}

/** Also where the reader has left before. */
function whenClosed({ raw }: FastifyReply, close: () => void): void {
  if (raw.destroyed) close();
  else raw.once('close', close);
}

function begin(reply: FastifyReply): void {
  reply.hijack();
  const headers = Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  reply.raw.writeHead(200, {
    ...Object.fromEntries(headers),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    connection: 'close',
  });
  reply.raw.write('retry: 1000\n\n');
}
