import { randomBytes } from 'node:crypto';

/** A random id of 128 bits with a readable prefix, such as `req_3f…`; safe in URLs, file names and workflow ids. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(16).toString('hex')}`;
}
