/** The optional `note` of an output: what the model must know about a list or text that is not complete. */
export function withNote(...notes: readonly (string | undefined)[]): { note?: string } {
  const said = notes.filter((note) => note !== undefined);
  return said.length === 0 ? {} : { note: said.join(' ') };
}

/** The first `limit` items and a note when there are more. */
export function firstItems<T>(items: readonly T[], limit: number, advice: string): { items: T[]; note?: string } {
  if (items.length <= limit) return { items: [...items] };
  return { items: items.slice(0, limit), note: `Only the first ${limit} of ${items.length} are shown; ${advice}.` };
}
