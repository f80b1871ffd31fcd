import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ProblemError } from '../contracts/problem.js';
import type { Tx } from './db.js';
import { sql } from './sql.js';

/** Keeps values readable only with the installation's key, each bound to its user and name. */
export interface SecretBox {
  /** Names the key, so that a value sealed with another one is recognised. */
  readonly keyId: string;
  seal(user: string, name: string, value: string): Buffer;
  /** Throws when the bytes were sealed for another user or name, with another key, or were changed. */
  open(user: string, name: string, sealed: Buffer): string;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM; the key is derived from `secret`, which must be long and random. */
export function createSecretBox(secret: string): SecretBox {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'retinue secrets', 32));
  return {
    keyId: createHash('sha256').update(key).digest('hex').slice(0, 16),
    seal(user, name, value) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(place(user, name));
      const body = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    open(user, name, sealed) {
      const nonce = sealed.subarray(0, NONCE_BYTES);
      const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(place(user, name))
        .setAuthTag(tag);
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString(
        'utf8',
      );
    },
  };
}

/** A sealed value moved to another user's or another secret's row does not open. */
function place(user: string, name: string): Buffer {
  return Buffer.from(JSON.stringify([user, name]));
}

/** The installation's secret: as configured, or made once and kept in the home folder for its owner alone. */
export function secretKey(home: string, configured: string | undefined): string {
  if (configured !== undefined) return configured;
  const file = path.join(home, 'secret.key');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const secret = randomBytes(32).toString('base64url');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  return secret;
}

/** What `list` shows of a secret; times are RFC 3339. */
export interface StoredSecret {
  readonly name: string;
  /** Where it may be used; without any only the installation's own services use it. */
  readonly hosts: readonly string[];
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** No secret can be called this. */
const DATA_KEY = 'data key';

/**
 * Stores a secret under a name, in place of an earlier one. Without `hosts` one that is replaced keeps those it had.
 * Returns the hosts. Throws `ProblemError` `conflict` where the user's secrets were stored with another key.
 */
export async function putSecret(
  tx: Tx,
  box: SecretBox,
  user: string,
  name: string,
  value: string,
  hosts?: readonly string[],
): Promise<readonly string[]> {
  const data = await dataBox(tx, box, user);
  const stored = await tx.one<Pick<StoredSecret, 'hosts'>>(sql`
    insert into secrets (user_id, name, key_id, ciphertext, hosts)
    values (${user}, ${name}, ${data.keyId}, ${data.seal(user, name, value)}, ${[...(hosts ?? [])]}::text[])
    on conflict (user_id, name) do update set key_id = excluded.key_id, ciphertext = excluded.ciphertext, updated_at = now(),
      hosts = case when ${hosts === undefined} then secrets.hosts else excluded.hosts end
    returning hosts`);
  return stored.hosts;
}

/** What is known of a user's secrets, by name; the values never leave the process that uses them. */
export async function listSecrets(tx: Tx, user: string): Promise<StoredSecret[]> {
  return tx.rows<StoredSecret>(sql`
    select name, hosts, created_at as "createdAt", updated_at as "updatedAt" from secrets where user_id = ${user} order by name limit 1000`);
}

/** Removes a secret, and with the last one the user's key. False where there is none of that name. */
export async function removeSecret(tx: Tx, user: string, name: string): Promise<boolean> {
  // First, as whoever stores a secret does.
  await tx.rows(sql`select user_id from data_keys where user_id = ${user} for update`);
  const removed = await tx.run(sql`delete from secrets where user_id = ${user} and name = ${name}`);
  await tx.run(sql`
    delete from data_keys where user_id = ${user} and not exists (select from secrets where user_id = ${user})`);
  return removed > 0;
}

interface SealedSecret {
  readonly keyId: string;
  readonly ciphertext: Buffer;
  readonly hosts: readonly string[];
  readonly wrappedBy: string | null;
  readonly wrapped: Buffer | null;
}

/**
 * The value of a secret and the hosts it is for; undefined where there is none. `box` is asked for only where there is
 * one. Throws `ProblemError` `conflict` for a value that was stored with another key.
 */
export async function openSecret(
  tx: Tx,
  box: () => SecretBox,
  user: string,
  name: string,
): Promise<{ readonly value: string; readonly hosts: readonly string[] } | undefined> {
  const sealed = await tx.maybe<SealedSecret>(sql`
    select s.key_id as "keyId", s.ciphertext, s.hosts, d.key_id as "wrappedBy", d.wrapped
    from secrets s left join data_keys d on d.user_id = s.user_id where s.user_id = ${user} and s.name = ${name}`);
  if (sealed === undefined) return undefined;
  const { keyId, ciphertext, hosts, wrappedBy, wrapped } = sealed;
  const outer = box();
  if (keyId === outer.keyId) return { value: await sealAnew(tx, outer, user, name, ciphertext), hosts };
  if (wrapped === null || wrappedBy !== outer.keyId) throw otherKey(name);
  const data = createSecretBox(outer.open(user, DATA_KEY, wrapped));
  if (data.keyId !== keyId) throw otherKey(name);
  return { value: data.open(user, name, ciphertext), hosts };
}

/** A secret of the installation's owner, for the installation's own settings. Throws as `openSecret`. */
export async function ownerSecret(tx: Tx, box: () => SecretBox, name: string): Promise<string | undefined> {
  const owner = await tx.maybe<{ id: string }>(sql`select id from users where is_owner`);
  return owner === undefined ? undefined : (await openSecret(tx, box, owner.id, name))?.value;
}

/** The user's own key, made when it is first needed; held until the transaction ends. */
async function dataBox(tx: Tx, box: SecretBox, user: string): Promise<SecretBox> {
  const made = randomBytes(32).toString('base64url');
  const { keyId, wrapped } = await tx.one<{ keyId: string; wrapped: Buffer }>(sql`
    insert into data_keys (user_id, key_id, wrapped) values (${user}, ${box.keyId}, ${box.seal(user, DATA_KEY, made)})
    on conflict (user_id) do update set user_id = excluded.user_id returning key_id as "keyId", wrapped`);
  if (keyId !== box.keyId) throw otherKey();
  return createSecretBox(box.open(user, DATA_KEY, wrapped));
}

/** Secrets from before users had keys of their own are sealed with the user's at their first use. */
async function sealAnew(tx: Tx, box: SecretBox, user: string, name: string, ciphertext: Buffer): Promise<string> {
  const value = box.open(user, name, ciphertext);
  const data = await dataBox(tx, box, user);
  await tx.run(sql`
    update secrets set key_id = ${data.keyId}, ciphertext = ${data.seal(user, name, value)}
    where user_id = ${user} and name = ${name} and key_id = ${box.keyId}`);
  return value;
}

function otherKey(name?: string): ProblemError {
  const what = name === undefined ? 'The secrets of this user were' : `The secret ${name} was`;
  return new ProblemError(
    'conflict',
    `${what} stored with another RETINUE_SECRET_KEY. Set that one. Where it is lost, remove the secrets (npx retinue secret rm NAME) and store them again.`,
  );
}
