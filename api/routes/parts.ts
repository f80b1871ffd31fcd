import type { ApiDeps } from '../deps.js';

/** What each group of routes is handed. */
export interface RouteParts {
  readonly deps: ApiDeps;
  /** Aborted when the server closes: whoever waits answers now. */
  readonly closing: AbortSignal;
}
