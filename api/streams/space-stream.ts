import { ProblemError } from '../../contracts/problem.js';
import type { SpaceEvent } from '../../contracts/space.js';
import type { Engine } from '../../engine/deps.js';
import type { EventBus } from '../../engine/event-feed.js';
import { userActor } from '../../spaces/principal.js';
import { spaceEventsAfter } from '../../spaces/space-events.js';
import type { EventWriter } from './event-writer.js';
import type { Watch } from './watch.js';

const PAGE = 200;
/** How long a stream goes on without asking whether its reader may still read; no change is ever sent without asking. */
const ASK_AGAIN_MS = 5_000;

interface SpaceStreamOptions {
  readonly engine: Engine;
  readonly bus: EventBus;
  readonly watch: Watch;
  readonly user: string;
  readonly space: string;
  /** Number of the last change the reader has. */
  readonly after: number;
}

/**
 * Sends a space's changes in order, each once: stored ones first, then what happens. The permission is asked for with
 * every page; ends when the reader may not read the space any more or is gone, or when `stop` fires.
 */
export async function streamSpaceEvents(
  options: SpaceStreamOptions,
  writer: EventWriter,
  stop: AbortSignal,
): Promise<void> {
  const { bus, space, watch } = options;
  const wakeups = watch.listen(space, (wake) => bus.onSpace(space, wake));
  stop.addEventListener('abort', wakeups.wake);
  try {
    let { after } = options;
    while (!writer.closed) {
      const page = await readPage(options, after);
      if (page === undefined) break;
      for (const event of page) await writer.send(event);
      after = Number(page.at(-1)?.id ?? after);
      if (page.length < PAGE) await wakeups.next(ASK_AGAIN_MS);
    }
    writer.end();
  } finally {
    stop.removeEventListener('abort', wakeups.wake);
    wakeups.close();
  }
}

/** Undefined when the reader may not read any more. Empty when the database is away: the reader is kept and misses nothing. */
async function readPage(
  { engine, user, space }: SpaceStreamOptions,
  after: number,
): Promise<readonly SpaceEvent[] | undefined> {
  try {
    return await engine.db.as(user, (tx) => spaceEventsAfter(tx, userActor(user), space, after, PAGE));
  } catch (error) {
    if (error instanceof ProblemError && error.type === 'unavailable') return [];
    if (error instanceof ProblemError && error.type === 'not-found') return undefined;
    throw error;
  }
}
