import type { JsonValue } from '../../contracts/space.js';

/** A text field of a payload that may have any shape; undefined where there is none. */
export function textField(payload: JsonValue, field: string): string | undefined {
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload)) return undefined;
  const value = payload[field];
  return typeof value === 'string' && value.length > 0 ? value : undefined;
}

/** The main text of a payload: the field, or the whole payload where it is not an object with that field. */
export function mainText(payload: JsonValue, field: string): string {
  return textField(payload, field) ?? (typeof payload === 'string' ? payload : JSON.stringify(payload));
}
