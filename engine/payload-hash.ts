import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { JsonValue } from '../contracts/space.js';

/** What a decision names to say which payload it is about: sha256 in hex of the payload's RFC 8785 JSON. */
export function payloadHash(payload: JsonValue): string {
  return sha256(canonicalize(payload) ?? '');
}

/** sha256 in hex of the text's UTF-8 bytes. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
