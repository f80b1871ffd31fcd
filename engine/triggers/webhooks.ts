import { randomBytes } from 'node:crypto';
import { ProblemError } from '../../contracts/problem.js';
import type { SecretBox } from '../../store/secrets.js';
import type { Tx } from '../../store/db.js';
import { json, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { beginRequest } from './begin-request.js';
import { type Delivery, deliveryName, isGenuine, sealedName } from './signatures.js';
import { isCooling, lockTrigger, type TriggerRow } from './trigger-rows.js';

/** What became of a genuine delivery: a request, or why there is none. */
type Received = { readonly request: string } | { readonly ignored: 'duplicate' | 'disabled' | 'cooldown' };

interface Channel {
  readonly user_id: string;
  readonly secret: Buffer | null;
}

/** Within this many hours equal bytes count as sent again where no signed id tells one delivery from the next. */
const SAME_BODY_HOURS = 24;
/** Deeper payloads, and those with numbers that JSON readers round, are shown as they came. */
const MOST_LEVELS = 32;
const MOST_SHOWN_WELL = 64 * 1024;
const LONG_NUMBER = /\d{16}/;

/**
 * Takes a call to a webhook: each delivery becomes one request. Where it was sent before, where the trigger is switched
 * off, or where it has fired within its cool-down, nothing happens. A delivery is known by the `webhook-id` that its
 * signature covers; without one, the same body counts as sent before for a day. Throws `unauthorised` for an unknown
 * channel as for a wrong signature. `now` is in milliseconds since 1970.
 */
export async function receiveDelivery(
  engine: Engine,
  box: SecretBox,
  channel: string,
  delivery: Delivery,
  now: number,
): Promise<Received> {
  const found = await engine.db.system((tx) =>
    tx.maybe<Channel>(sql`select user_id, secret from triggers where id = ${channel} and kind = 'webhook'`),
  );
  const secret = openSecret(engine, box, channel, found);
  if (!isGenuine(delivery, secret ?? randomBytes(32).toString('base64'), now) || found === undefined)
    throw badSignature();
  return engine.db.as(found.user_id, async (tx): Promise<Received> => {
    const row = await lockTrigger(tx, found.user_id, channel);
    if (row === undefined) throw badSignature();
    if (!row.enabled) return { ignored: 'disabled' };
    const at = new Date(now).toISOString();
    const occurrence = await newOccurrence(tx, row, delivery, at);
    if (occurrence === undefined) return { ignored: 'duplicate' };
    if (isCooling(row, at)) {
      await tx.run(sql`
        insert into occasions (source_id, occurrence, user_id, outcome, due_at, facts) values (${row.id}, ${occurrence}, ${row.user_id}, 'skipped', ${at}::timestamptz, ${json({})})`);
      return { ignored: 'cooldown' };
    }
    const report = `What was sent:\n${payloadText(delivery.body)}`;
    const request = await beginRequest(tx, engine, row, { occurrence, at, report, labels: ['untrusted'] });
    return request === undefined ? { ignored: 'duplicate' } : { request };
  });
}

/** Under which name a delivery is written down; undefined where it was before. `at` is RFC 3339. */
async function newOccurrence(
  tx: Tx,
  { id, user_id }: TriggerRow,
  delivery: Delivery,
  at: string,
): Promise<string | undefined> {
  const { kind, name } = deliveryName(delivery);
  const seen = await tx.maybe(
    kind === 'id'
      ? sql`select 1 from occasions where source_id = ${id} and occurrence = ${name}`
      : sql`select 1 from occasions where user_id = ${user_id} and at > ${at}::timestamptz - make_interval(hours => ${SAME_BODY_HOURS}) and source_id = ${id} and starts_with(occurrence, ${`${name}:`}) limit 1`,
  );
  if (seen !== undefined) return undefined;
  return kind === 'id' ? name : `${name}:${at}`;
}

export function badSignature(): ProblemError {
  return new ProblemError(
    'unauthorised',
    'There is no such webhook, or the signature is not right for these bytes and this minute. Sign them with the secret that was shown when it was made.',
  );
}

/** Undefined where there is none, or none that this installation can read. */
function openSecret(engine: Engine, box: SecretBox, channel: string, found: Channel | undefined): string | undefined {
  if (found === undefined || found.secret === null) return undefined;
  try {
    return box.open(found.user_id, sealedName(channel), found.secret);
  } catch (error) {
    engine.log?.warn({ err: error }, 'the secret of a webhook was sealed with another RETINUE_SECRET_KEY');
    return undefined;
  }
}

/** JSON as people read it, anything else as it came. */
function payloadText(body: Buffer): string {
  if (body.length === 0) return '(nothing)';
  const text = new TextDecoder().decode(body.subarray(0, MOST_SHOWN_WELL));
  if (body.length > MOST_SHOWN_WELL || LONG_NUMBER.test(text) || levelsOf(text) > MOST_LEVELS) return text;
  try {
    return JSON.stringify(JSON.parse(text) as unknown, null, 2);
  } catch {
    return text;
  }
}

/** At most how deep a text of JSON is nested. */
function levelsOf(text: string): number {
  let [level, deepest] = [0, 0];
  for (const character of text) {
    if (character === '{' || character === '[') level += 1;
    else if (character === '}' || character === ']') level -= 1;
    deepest = Math.max(deepest, level);
  }
  return deepest;
}
