import type { JsonValue } from '../../contracts/space.js';

/** A value as a payload holds it: without the fields that are undefined. */
export function asJson(value: object): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}
