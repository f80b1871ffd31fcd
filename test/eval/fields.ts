/** What is counted of a note, in the order of the table. */
export const FIELDS = [
  'decisions',
  'actionItems',
  'owners',
  'dueDates',
  'board',
  'openQuestions',
  'dependencies',
  'followUpStart',
  'followUpEnd',
  'attendees',
  'agenda',
  'event',
  'contradictions',
  'completedTasks',
  'clarifications',
] as const;
export type Field = (typeof FIELDS)[number];

/** One field of one note, or a sum over notes. Optional items count in neither number. */
export interface FieldScore {
  readonly expected: number;
  readonly found: number;
  /** Given, and not expected. */
  readonly extra: number;
  /** What was not found, in the words of the file. */
  readonly missing: readonly string[];
  /** What was given too much, in the product's words. */
  readonly extras: readonly string[];
}

export const EMPTY_FIELD: FieldScore = { expected: 0, found: 0, extra: 0, missing: [], extras: [] };

/** A field from its parts. */
export function fieldScore(found: number, missing: readonly string[], extras: readonly string[]): FieldScore {
  return { expected: found + missing.length, found, extra: extras.length, missing, extras };
}

export function addFields(one: FieldScore, other: FieldScore): FieldScore {
  return fieldScore(one.found + other.found, [...one.missing, ...other.missing], [...one.extras, ...other.extras]);
}

/** The share of what was given that was expected, 0 to 1; undefined where nothing was given. */
export function precision({ found, extra }: FieldScore): number | undefined {
  return found + extra === 0 ? undefined : found / (found + extra);
}

/** The share of what was expected that was found, 0 to 1; undefined where nothing was expected. */
export function recall({ found, expected }: FieldScore): number | undefined {
  return expected === 0 ? undefined : found / expected;
}
