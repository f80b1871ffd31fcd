const DIGITS = '0123456789abcdefghijklmnopqrstuv';
const OWN = /^ret[0-9a-v]+$/;

/**
 * The id of an event that an approved action makes: the same for the same key, and only letters a to v and digits, as
 * Google Calendar demands of ids that callers choose.
 */
export async function eventIdOfKey(key: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  return `ret${base32hex(new Uint8Array(hash))}`;
}

/** As `eventIdOfKey`, for an event that a call makes at once. */
export function eventIdOfCall(callId: string): string {
  const bytes = new TextEncoder().encode(callId);
  return `ret${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** Whether the id has the form of those given out here. */
export function isOwnEventId(id: string): boolean {
  return OWN.test(id);
}

function base32hex(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => DIGITS[Number.parseInt(group.padEnd(5, '0'), 2)] ?? '').join('');
}
