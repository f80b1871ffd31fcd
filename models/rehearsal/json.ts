export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of JSON text, or undefined for anything else. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The first of the named fields that holds a non-empty string. */
export function stringOf(record: JsonRecord | undefined, ...fields: readonly string[]): string | undefined {
  for (const field of fields) {
    const value = record?.[field];
    if (typeof value === 'string' && value.trim() !== '') return value;
  }
  return undefined;
}

/** JSON whose fields stand in one order: stores give records back with theirs in another. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    isRecord(item) ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1))) : item,
  );
}
