/** Milliseconds that a `retry-after` header asks to wait, in seconds or as an HTTP-date; undefined for anything else. */
export function retryAfterOf(header: string | null | undefined, nowMs: number): number | undefined {
  if (header === null || header === undefined) return undefined;
  if (/^\s*\d+(?:\.\d+)?\s*$/.test(header)) return Math.ceil(Number(header) * 1000);
  // Date.parse takes nearly anything for a date; an HTTP-date begins with the name of a day.
  const date = /^\s*[A-Z][a-z]{2}/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
