import type { ApiDeps } from '../deps.js';
import type { RequestWatch } from '../streams/request-watch.js';
import type { Streams } from '../streams/start-stream.js';

/** What each group of routes is handed. */
export interface RouteParts {
  readonly deps: ApiDeps;
  readonly watch: RequestWatch;
  readonly streams: Streams;
  /** Aborted when the server closes: whoever waits answers now. */
  readonly closing: AbortSignal;
}
