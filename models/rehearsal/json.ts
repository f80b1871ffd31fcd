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
