import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
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

/** Stores a secret under a name, in place of an earlier one. */
export async function putSecret(tx: Tx, box: SecretBox, user: string, name: string, value: string): Promise<void> {
  await tx.run(sql`
    insert into secrets (user_id, name, key_id, ciphertext) values (${user}, ${name}, ${box.keyId}, ${box.seal(user, name, value)})
    on conflict (user_id, name) do update set key_id = excluded.key_id, ciphertext = excluded.ciphertext, updated_at = now()`);
}

/** Names of a user's secrets; the values never leave the process that uses them. */
export async function secretNames(tx: Tx, user: string): Promise<string[]> {
  const rows = await tx.rows<{ name: string }>(
    sql`select name from secrets where user_id = ${user} order by name limit 1000`,
  );
  return rows.map((row) => row.name);
}

export interface SealedSecret {
  readonly user: string;
  readonly keyId: string;
  readonly ciphertext: Buffer;
}

/** A secret of the installation's owner, still sealed; for the installation's own settings. */
export async function ownerSecret(tx: Tx, name: string): Promise<SealedSecret | undefined> {
  return tx.maybe<SealedSecret>(sql`
    select s.user_id as "user", s.key_id as "keyId", s.ciphertext from secrets s join users u on u.id = s.user_id
    where u.is_owner and s.name = ${name}`);
}
