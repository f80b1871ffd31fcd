import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export type { SecretBox } from '../../store/secrets.js';

/** A call from outside as it came; names of headers are in lower case. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Exactly the bytes that were signed. */
  readonly body: Buffer;
}

/** How far a sender's clock may be off, and how long a delivery may be under way. */
const MOST_OFF_SECONDS = 300;
const PREFIX = 'whsec_';

/** Under which name the secret of a webhook is sealed. */
export function sealedName(trigger: string): string {
  return `webhook:${trigger}`;
}

/** Whether it brings anything that could be a signature; what does not need not be read. */
export function isSigned(headers: Delivery['headers']): boolean {
  return headerOf(headers, 'webhook-signature') !== undefined || headerOf(headers, 'x-hub-signature-256') !== undefined;
}

/**
 * Whether whoever sends it knows the secret: as Standard Webhooks has it, not older than five minutes, or by
 * `X-Hub-Signature-256`. Compared in constant time. `now` is in milliseconds since 1970.
 */
export function isGenuine({ headers, body }: Delivery, secret: string, now: number): boolean {
  const standard = headerOf(headers, 'webhook-signature');
  return standard === undefined
    ? isHubSigned(headerOf(headers, 'x-hub-signature-256') ?? '', body, secret)
    : isStandardSigned({ headers, body }, standard, secret, now);
}

/** What tells a delivery from all others: the id that its signature covers, else what was sent. */
type DeliveryName =
  /** Unlike all others of its sender, for ever. */
  | { readonly kind: 'id'; readonly name: string }
  /** The same for all deliveries of equal bytes. */
  | { readonly kind: 'body'; readonly name: string };

/** Names a genuine delivery by what is signed of it: whoever has caught one can put any other header on it. */
export function deliveryName({ headers, body }: Delivery): DeliveryName {
  if (headerOf(headers, 'webhook-signature') === undefined) return { kind: 'body', name: `body:${digest(body)}` };
  return { kind: 'id', name: `delivery:${digest(`webhook-id\n${headerOf(headers, 'webhook-id') ?? ''}`)}` };
}

function isStandardSigned({ headers, body }: Delivery, signatures: string, secret: string, now: number): boolean {
  const id = headerOf(headers, 'webhook-id') ?? '';
  const timestamp = headerOf(headers, 'webhook-timestamp') ?? '';
  if (id === '' || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now / 1000 - Number(timestamp)) > MOST_OFF_SECONDS) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const given = signatures.split(' ').flatMap((part) => {
    const [version, signature] = part.split(',', 2);
    return version === 'v1' && signature !== undefined ? [Buffer.from(signature, 'base64')] : [];
  });
  return given.some((signature) => matches(signature, signed, secret));
}

function isHubSigned(header: string, body: Buffer, secret: string): boolean {
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(header)?.[1];
  return hex !== undefined && matches(Buffer.from(hex, 'hex'), body, secret);
}

/** Senders take the bytes behind the prefix as the key, as Standard Webhooks has it, or the whole text. */
function matches(given: Buffer, signed: Buffer, secret: string): boolean {
  const keys = [Buffer.from(secret.slice(PREFIX.length), 'base64'), Buffer.from(secret)];
  return keys
    .map((key) => createHmac('sha256', key).update(signed).digest())
    .some((expected) => expected.length === given.length && timingSafeEqual(expected, given));
}

function headerOf(headers: Delivery['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function digest(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 40);
}
