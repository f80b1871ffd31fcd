import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createSecretBox,
  listSecrets,
  openSecret,
  ownerSecret,
  putSecret,
  removeSecret,
  type SecretBox,
} from '../../store/secrets.js';
import { newId } from '../../store/new-id.js';
import { sql } from '../../store/sql.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

const outer = createSecretBox('a long and random secret of an installation');
const another = createSecretBox('another long and random secret, not ours');

let store: TestStore;
let anna: string;
let ben: string;
beforeAll(async () => {
  store = await openTestStore();
});
beforeEach(async () => {
  anna = await person('Anna');
  ben = await person('Ben');
});
afterAll(() => store.close());

async function person(name: string, isOwner = false): Promise<string> {
  const id = newId('usr');
  await system(sql`insert into users (id, name, time_zone, is_owner) values (${id}, ${name}, 'UTC', ${isOwner})`);
  return id;
}

const put = (user: string, name: string, value: string, hosts?: readonly string[], box = outer) =>
  store.db.as(user, (tx) => putSecret(tx, box, user, name, value, hosts));
const open = (user: string, name: string, as = user, box: SecretBox = outer) =>
  store.db.as(as, (tx) => openSecret(tx, () => box, user, name));
const system = <T>(query: ReturnType<typeof sql<T>>): Promise<T[]> => store.db.system((tx) => tx.rows(query));
const keysOf = (user: string) =>
  system<{ wrapped: Buffer }>(sql`select wrapped from data_keys where user_id = ${user} order by user_id`);

describe('a secret', () => {
  test('opens for its user with the hosts it was stored for, and keeps them when its value changes', async () => {
    expect(await put(anna, 'deploy', 'first value', ['a.example', 'b.example'])).toEqual(['a.example', 'b.example']);
    expect(await open(anna, 'deploy')).toEqual({ value: 'first value', hosts: ['a.example', 'b.example'] });
    expect(await put(anna, 'deploy', 'second value')).toEqual(['a.example', 'b.example']);
    expect(await open(anna, 'deploy')).toEqual({ value: 'second value', hosts: ['a.example', 'b.example'] });
    expect(await put(anna, 'deploy', 'second value', [])).toEqual([]);
    expect(await open(anna, 'missing')).toBeUndefined();
  });

  test('is sealed with a key of its user alone, which itself is sealed', async () => {
    await put(anna, 'deploy', 'hush hush hush');
    await put(ben, 'deploy', 'hush hush hush');
    const [annas, bens] = [await keysOf(anna), await keysOf(ben)];
    expect([annas.length, bens.length]).toEqual([1, 1]);
    expect(annas[0]?.wrapped.equals(bens[0]?.wrapped ?? Buffer.alloc(0))).toBe(false);
    const rows = await system<{ ciphertext: Buffer }>(sql`select ciphertext from secrets where user_id = ${anna}`);
    expect(rows[0]?.ciphertext.toString('latin1')).not.toContain('hush');
    expect(() => outer.open(anna, 'deploy', rows[0]?.ciphertext ?? Buffer.alloc(0))).toThrow();
  });

  test('is nobody else’s, not even by its name', async () => {
    await put(anna, 'deploy', 'hush hush hush');
    expect(await open(anna, 'deploy', ben)).toBeUndefined();
    expect(await open(ben, 'deploy')).toBeUndefined();
    await expect(store.db.as(ben, (tx) => putSecret(tx, outer, anna, 'deploy', 'overwritten value'))).rejects.toThrow(
      /row-level security/,
    );
    expect(await store.db.as(ben, (tx) => removeSecret(tx, anna, 'deploy'))).toBe(false);
    expect((await open(anna, 'deploy'))?.value).toBe('hush hush hush');
  });

  test('is read by nobody once the key of its user is gone', async () => {
    await put(anna, 'deploy', 'hush hush hush');
    await system(sql`delete from data_keys where user_id = ${anna}`);
    await expect(open(anna, 'deploy')).rejects.toThrow(/The secret deploy was stored with another RETINUE_SECRET_KEY/);
    await put(anna, 'other', 'a new key is made');
    await expect(open(anna, 'deploy')).rejects.toThrow(/another RETINUE_SECRET_KEY/);
    expect((await open(anna, 'other'))?.value).toBe('a new key is made');
  });

  test('says what to do where the installation has another key, and is not overwritten by mistake', async () => {
    await put(anna, 'deploy', 'hush hush hush');
    await expect(open(anna, 'deploy', anna, another)).rejects.toMatchObject({ type: 'conflict' });
    await expect(put(anna, 'more', 'a second secret', [], another)).rejects.toThrow(
      /The secrets of this user were stored with another RETINUE_SECRET_KEY\. Set that one\./,
    );
    expect(await store.db.as(anna, (tx) => removeSecret(tx, anna, 'deploy'))).toBe(true);
    await put(anna, 'more', 'a second secret', [], another);
    expect((await open(anna, 'more', anna, another))?.value).toBe('a second secret');
  });

  test('is removed, and with the last one the key', async () => {
    await put(anna, 'one', 'the first value');
    await put(anna, 'two', 'the second value', ['a.example']);
    const remove = (name: string) => store.db.as(anna, (tx) => removeSecret(tx, anna, name));
    expect([await remove('one'), await remove('one')]).toEqual([true, false]);
    const day = expect.stringMatching(/^\d{4}-\d\d-\d\d/);
    expect(await store.db.as(anna, (tx) => listSecrets(tx, anna))).toEqual([
      { name: 'two', hosts: ['a.example'], createdAt: day, updatedAt: day },
    ]);
    expect(await keysOf(anna)).toHaveLength(1);
    await remove('two');
    expect(await keysOf(anna)).toEqual([]);
  });
});

describe('a secret from before users had keys', () => {
  const older = (user: string, name: string, value: string) =>
    system(sql`
      insert into secrets (user_id, name, key_id, ciphertext)
      values (${user}, ${name}, ${outer.keyId}, ${outer.seal(user, name, value)})`);
  const sealOf = (user: string) => system<{ key_id: string }>(sql`select key_id from secrets where user_id = ${user}`);

  test('opens, and is sealed with the user’s key at that moment', async () => {
    await older(anna, 'deploy', 'an older value');
    expect(await open(anna, 'deploy')).toEqual({ value: 'an older value', hosts: [] });
    const [{ key_id: sealedBy } = { key_id: outer.keyId }] = await sealOf(anna);
    expect(sealedBy).not.toBe(outer.keyId);
    expect(await keysOf(anna)).toHaveLength(1);
    expect(await open(anna, 'deploy')).toEqual({ value: 'an older value', hosts: [] });
  });

  test('opens where another one has the user’s key already', async () => {
    await put(anna, 'newer', 'a newer value');
    await older(anna, 'deploy', 'an older value');
    expect((await open(anna, 'deploy'))?.value).toBe('an older value');
    expect((await open(anna, 'newer'))?.value).toBe('a newer value');
  });

  test('opens for the installation’s own settings, where it is the owner’s', async () => {
    const owner = await person('Olga', true);
    const setting = (name: string) => store.db.system((tx) => ownerSecret(tx, () => outer, name));
    await older(owner, 'SERVICE_KEY', 'the key of a service');
    await older(anna, 'OTHER_KEY', 'not of the owner');
    expect(await setting('SERVICE_KEY')).toBe('the key of a service');
    expect(await setting('SERVICE_KEY')).toBe('the key of a service');
    expect(await setting('OTHER_KEY')).toBeUndefined();
  });
});

test('the key is not asked for where there is nothing to open', async () => {
  const asked: string[] = [];
  const box = (): SecretBox => {
    asked.push('asked');
    return outer;
  };
  expect(await store.db.as(anna, (tx) => openSecret(tx, box, anna, 'missing'))).toBeUndefined();
  expect(asked).toEqual([]);
});
