/** What a test may need of the machine and how it reports a lack of it. */

/** Set where every test must run: a lack is then a failure instead of a note. */
export const REQUIRE_ALL = process.env.REQUIRE_ALL === '1';

interface Skippable {
  skip(note?: string): void;
}

/** Ends the running test as `not run: needs …` when a part is missing; fails it where everything is required. */
export function needs(context: Skippable, what: string, available: boolean): void {
  if (available) return;
  if (REQUIRE_ALL) throw new Error(`REQUIRE_ALL is set, but this machine lacks ${what}`);
  console.warn(`not run: needs ${what}`);
  context.skip(`not run: needs ${what}`);
}
