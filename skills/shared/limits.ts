/** What keeps every skill small and short; manifests and behaviour share these numbers. */

/** Skills that only touch the store. */
export const TRANSACTION_TIMEOUT_SECONDS = 10;
/** Skills that reach outside the database. */
export const OUTSIDE_TIMEOUT_SECONDS = 30;
/** No list in a result is longer. */
export const MAX_ITEMS = 100;
