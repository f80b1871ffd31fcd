import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Atom, Page } from '../../contracts/space.js';
import { createSecretBox, putSecret } from '../../store/secrets.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, form, openApi } from './harness.js';
import { completedRequest, newRequest } from './progress.js';
import { openDesk } from './proposals.js';
import { good, type Person, type SpaceClient, spaceClient } from './space-kit.js';

const WORD = 'xylophone';
const CONFIRM = { confirm: 'erase everything' };
/** What is kept of a person: who it is, tokens and money. */
const KEPT = new Set(['tokens', 'users', 'wallets', 'credits', 'kysely_migration', 'kysely_migration_lock']);

let api: ApiHarness;
let anna: Person;
let bert: Person;
let annas: SpaceClient;
let berts: SpaceClient;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
});
afterAll(() => api.close());
beforeEach(async () => {
  anna = await api.person('Anna');
  bert = await api.person('Bert');
  annas = spaceClient(api, anna);
  berts = spaceClient(api, bert);
});

/** Names of tables that hold a row with this text somewhere. */
async function tablesWith(text: string): Promise<string[]> {
  return api.store.db.system(async (tx) => {
    const tables = await tx.rows<{ name: string }>(
      sql`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { count } = await tx.one<{ count: number }>(
        sql`select count(*)::int as count from ${sql.table(name)} t where t::text like ${`%${text}%`}`,
      );
      if (count > 0) found.push(name);
    }
    return found;
  });
}

async function historyOf(
  { id, space }: Atom,
  client: SpaceClient,
): Promise<Pick<Atom, 'version' | 'payload' | 'metadata' | 'comment'>[]> {
  const history = await client.call('GET', `/v1/spaces/${space}/atoms/${id}/history`);
  return good<Page<Atom>>(history, 200).items.map(({ version, payload, metadata, comment }) => ({
    version,
    payload,
    metadata,
    comment,
  }));
}

/** Atoms in the spaces a person owns. */
async function atomsOf(user: string): Promise<number> {
  const { count } = await api.store.db.system((tx) =>
    tx.one<{ count: number }>(
      sql`select count(*)::int as count from atoms where space_id in (select id from spaces where owner_id = ${user})`,
    ),
  );
  return count;
}

async function upload(name: string, body: string, token: string): Promise<string> {
  const answer = await api.call({
    method: 'POST',
    url: '/v1/files',
    token,
    ...form([{ name: 'file', filename: name, type: 'text/plain', body }]),
  });
  return good<{ sha256: string }>(answer, 201).sha256;
}

function blobAt(sha256: string): string {
  return path.join(api.store.folder, 'files', sha256.slice(0, 2), sha256);
}

test('everything a person has said, made or received is gone, and nothing of anybody else', async () => {
  const bornWith = await atomsOf(anna.id);
  const { ref } = await openDesk(api).mails(anna.id, { to: [`${WORD}@example.com`], subject: WORD, body: WORD });
  good(await annas.call('POST', `/v1/requests/${ref.request}/cancel`), 200);
  await completedRequest(api.engine, anna.id, WORD);
  const bertsRequest = await completedRequest(api.engine, bert.id, 'bert says hello');
  good(await annas.call('POST', '/v1/policies', { skill: 'email_send', recipient: `${WORD}@example.com` }), 201);
  await api.store.db.as(anna.id, (tx) => putSecret(tx, createSecretBox('k'.repeat(40)), anna.id, WORD, 'hush'));
  await api.store.db.system((tx) => tx.run(sql`insert into tainted_refs (user_id, ref) values (${anna.id}, ${WORD})`));
  good(await api.call({ method: 'POST', url: '/v1/wallet/credits', payload: { usd: '5', user: anna.id } }), 201);
  const own = await annas.space({ name: WORD });
  await annas.share(own.id, `user:${bert.id}`, 'write');
  await annas.put(own.id, WORD);
  await berts.put(own.id, 'bert was here');
  await upload(`${WORD}.txt`, WORD, anna.token);
  for (const folder of ['local', 'workspaces']) {
    mkdirSync(path.join(api.store.folder, folder, anna.id, 'mail'), { recursive: true });
    writeFileSync(path.join(api.store.folder, folder, anna.id, 'mail', 'a.txt'), WORD);
    mkdirSync(path.join(api.store.folder, folder, bert.id), { recursive: true });
  }
  expect((await tablesWith(WORD)).length).toBeGreaterThan(10);

  const erased = good(await annas.call('POST', '/v1/me/erase', CONFIRM), 200);
  expect(erased).toMatchObject({
    user: anna.id,
    erasedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    erased: { requests: 2, conversations: 2, files: 1, atoms: bornWith + 2, atomsOfOthers: 0, policies: 1, secrets: 1 },
  });
  expect(await tablesWith(WORD)).toEqual([]);
  expect((await tablesWith(ref.request)).concat(await tablesWith(own.id))).toEqual([]);
  const left = (await tablesWith(anna.id)).filter((table) => !KEPT.has(table));
  expect(left).toEqual(['atom_versions', 'atoms', 'space_events', 'space_grants', 'spaces']);
  expect(await atomsOf(anna.id)).toBe(bornWith);
  expect(existsSync(path.join(api.store.folder, 'workspaces', anna.id))).toBe(false);
  expect(existsSync(path.join(api.store.folder, 'local', anna.id))).toBe(false);
  expect(existsSync(path.join(api.store.folder, 'workspaces', bert.id))).toBe(true);

  good(await berts.call('GET', `/v1/requests/${bertsRequest.request}`), 200);
  expect(good(await annas.call('GET', '/v1/wallet'), 200)).toMatchObject({ balanceUsd: '5', reservedUsd: '0' });
  expect(good(await annas.call('GET', '/v1/me'), 200)).toMatchObject({ name: 'Anna' });
  const spaces = good<Page<{ role?: string; atomCount: number }>>(
    await annas.call('GET', '/v1/spaces?limit=200'),
    200,
  ).items;
  expect(spaces.flatMap(({ role }) => role ?? []).toSorted()).toEqual([
    'bus',
    'contacts',
    'instructions',
    'meetings',
    'memory',
    'tasks',
  ]);
  const kept = await api.store.db.system((tx) =>
    tx.one<{ settings: unknown }>(sql`select settings from users where id = ${anna.id}`),
  );
  expect(kept.settings).toEqual({
    erasures: [{ at: expect.any(String), by: anna.id, erased: (erased as { erased: unknown }).erased }],
  });
});

describe('in spaces of others', () => {
  let space: string;
  beforeEach(async () => {
    ({ id: space } = await berts.space());
    await berts.share(space, `user:${anna.id}`, 'write');
  });

  async function erase(): Promise<void> {
    good(await annas.call('POST', '/v1/me/erase', CONFIRM), 200);
    expect(await tablesWith(WORD)).toEqual([]);
  }

  test('an atom that nobody else has written at goes, with what was told of it', async () => {
    const agent = await berts.agent();
    good(await berts.call('PUT', `/v1/spaces/${space}/subscriptions/${agent}`, {}), 200);
    const atom = await annas.put(space, WORD, { comment: WORD });
    await annas.patch(atom, { payload: `${WORD} again` });
    const other = await berts.put(space, 'tulip', { references: [{ type: 'beside', atom: atom.id }] });
    await erase();
    good(await berts.call('GET', `/v1/spaces/${space}/atoms/${atom.id}`), 404);
    expect(good(await berts.call('GET', `/v1/spaces/${space}/atoms`), 200)).toMatchObject({
      items: [{ id: other.id }],
    });
    good(await annas.call('GET', `/v1/spaces/${space}`), 404);
  });

  test('an atom shows what the newest version of somebody else has, and is found by that alone', async () => {
    const atom = await berts.put(space, { text: 'tulip' }, { metadata: { bed: 'north' }, comment: 'planted' });
    await annas.patch(atom, { payload: { text: WORD }, metadata: { note: WORD }, comment: WORD });
    await erase();
    const url = `/v1/spaces/${space}/atoms/${atom.id}`;
    expect(good(await berts.call('GET', url), 200)).toMatchObject({
      version: 2,
      payload: { text: 'tulip' },
      metadata: { bed: 'north' },
      author: `user:${bert.id}`,
      people: [bert.id],
      comment: 'planted',
    });
    const search = async (query: string) =>
      good<Page<unknown>>(await berts.call('POST', '/v1/search', { query }), 200).items;
    expect([await search(WORD), await search('tulip')]).toMatchObject([[], [{ atom: { id: atom.id } }]]);
    expect(await historyOf(atom, berts)).toEqual([
      { version: 2, payload: { text: 'tulip' }, metadata: { bed: 'north' }, comment: 'planted' },
      { version: 1, payload: { text: 'tulip' }, metadata: { bed: 'north' }, comment: 'planted' },
    ]);
    const events = await api.store.db.system((tx) =>
      tx.rows(sql`select comment from space_events where space_id = ${space} order by seq`),
    );
    expect(events).toEqual([{ comment: 'planted' }, { comment: 'erased' }]);
    expect(await berts.patch(atom, { payload: 'rose', ifVersion: 2 })).toMatchObject({ version: 3 });
  });

  test('what others have carried on from it goes as well, and what they wrote themselves stays', async () => {
    const mine = await berts.put(space, 'bed');
    const atom = await annas.put(space, WORD, {
      metadata: { note: WORD, status: 'open' },
      references: [{ type: WORD, atom: mine.id }],
      comment: WORD,
    });
    await berts.patch(atom, { metadata: { status: 'done', by: 'bert' }, comment: 'finished' });
    good(await berts.call('POST', `/v1/spaces/${space}/atoms/${atom.id}/deprecate`, { comment: 'old' }), 200);
    await erase();
    const carried = { payload: null, metadata: { status: 'done', by: 'bert' } };
    expect(await historyOf(atom, berts)).toEqual([
      { version: 3, ...carried, comment: 'old' },
      { version: 2, ...carried, comment: 'finished' },
      { version: 1, payload: null, metadata: {}, comment: 'erased' },
    ]);
    expect(good(await berts.call('GET', `/v1/spaces/${space}/atoms/${atom.id}`), 200)).toMatchObject({
      ...carried,
      references: [],
      people: [bert.id],
      deprecated: true,
    });
  });

  test('what was merged into an object of somebody else goes by its top-level keys', async () => {
    const atom = await berts.put(space, { title: 'Bed', text: 'tulip' });
    const mine = { note: WORD, marks: [WORD], size: 3 };
    await annas.patch(atom, { payload: { title: 'Bed', text: 'tulip', ...mine } });
    await berts.patch(atom, { payload: { title: 'Bed north', text: 'tulip', ...mine, size: 4 } });
    await berts.patch(atom, { payload: mine });
    await berts.patch(atom, { payload: {} });
    await berts.patch(atom, { payload: { text: 'rose', note: WORD } });
    await erase();
    expect((await historyOf(atom, berts)).map(({ payload }) => payload)).toEqual([
      { text: 'rose' },
      {},
      null,
      { title: 'Bed north', text: 'tulip', size: 4 },
      null,
      { title: 'Bed', text: 'tulip' },
    ]);
    const head = await berts.call('GET', `/v1/spaces/${space}/atoms/${atom.id}`);
    expect(good(head, 200)).toMatchObject({ version: 6, payload: { text: 'rose' }, people: [bert.id] });
    const named = await api.store.db.system((tx) =>
      tx.rows<{ people: string[] }>(
        sql`select distinct people from atom_versions where atom_id = ${atom.id} order by 1`,
      ),
    );
    expect(named.map(({ people }) => people)).toEqual([[], [bert.id]]);
  });

  test('a text that was put back is gone too, and one by one everybody can go', async () => {
    const carla = await api.person('Carla');
    await berts.share(space, `user:${carla.id}`, 'write');
    const carlas = spaceClient(api, carla);
    const atom = await carlas.put(space, 'from Carla', { metadata: { kind: 'note' } });
    await annas.patch(atom, { payload: WORD });
    await carlas.patch(atom, { payload: 'other words' });
    await carlas.patch(atom, { payload: WORD });
    await annas.patch(atom, { metadata: { note: WORD } });
    await erase();
    expect(await historyOf(atom, berts)).toMatchObject([
      { version: 5, payload: null, metadata: { kind: 'note' } },
      { version: 4, payload: null },
      { version: 3, payload: 'other words' },
      { version: 2, payload: null, metadata: {} },
      { version: 1, payload: 'from Carla' },
    ]);
    await erase();
    good(await carlas.call('POST', '/v1/me/erase', CONFIRM), 200);
    good(await berts.call('GET', `/v1/spaces/${space}/atoms/${atom.id}`), 404);
    good(await berts.call('GET', `/v1/spaces/${space}`), 200);
  });
});

describe('bytes', () => {
  test('go unless somebody else has the same; those of this moment are left to a sweep', async () => {
    const shared = await upload('a.txt', 'the same', anna.token);
    await upload('b.txt', 'the same', bert.token);
    const old = await upload('c.txt', 'an old file', anna.token);
    const young = await upload('d.txt', 'a young file', anna.token);
    for (const sha256 of [shared, old]) utimesSync(blobAt(sha256), new Date(0), new Date(0));
    expect(good(await annas.call('POST', '/v1/me/erase', CONFIRM), 200)).toMatchObject({
      erased: { files: 3 },
      filesLeftToSweep: 1,
    });
    expect([shared, old, young].map((sha256) => existsSync(blobAt(sha256)))).toEqual([true, false, true]);
  });
});

describe('erasing', () => {
  test('waits for open requests, and twice is harmless', async () => {
    const { request } = await newRequest(api.engine, anna.id);
    await newRequest(api.engine, anna.id);
    const before = await tablesWith(anna.id);
    const refused = good<{ detail: string }>(await annas.call('POST', '/v1/me/erase', CONFIRM), 409);
    expect(refused.detail).toBe('2 requests are still open: cancel them or let them end first.');
    expect(await tablesWith(anna.id)).toEqual(before);
    good(await annas.call('GET', `/v1/requests/${request}`), 200);
    await api.store.db.system((tx) =>
      tx.run(sql`update requests set ended_at = now(), status = 'completed' where user_id = ${anna.id}`),
    );
    good(await annas.call('POST', '/v1/me/erase', CONFIRM), 200);
    expect(good(await annas.call('POST', '/v1/me/erase', CONFIRM), 200)).toMatchObject({
      erased: { requests: 0, conversations: 0, files: 0, atomsOfOthers: 0, policies: 0, secrets: 0 },
    });
  });

  test('needs the very words', async () => {
    for (const payload of [{}, { confirm: 'yes' }, { confirm: true }, { ...CONFIRM, also: 1 }, undefined])
      good(await annas.call('POST', '/v1/me/erase', payload), 400);
  });

  test('another’s content is for the owner alone', async () => {
    await annas.put((await annas.space()).id, WORD);
    const url = `/v1/users/${anna.id}/erase`;
    good(await berts.call('POST', url, CONFIRM), 403);
    good(await berts.call('POST', '/v1/users/usr_0/erase', CONFIRM), 403);
    good(await api.call({ method: 'POST', url: '/v1/users/usr_0/erase', payload: CONFIRM }), 404);
    expect(await tablesWith(WORD)).not.toEqual([]);
    expect(good(await api.call({ method: 'POST', url, payload: CONFIRM }), 200)).toMatchObject({ user: anna.id });
    expect(await tablesWith(WORD)).toEqual([]);
  });

  test('of two at once leaves each role once', async () => {
    await Promise.all([1, 2, 3].map(() => annas.call('POST', '/v1/me/erase', CONFIRM)));
    const spaces = good<Page<{ role?: string }>>(await annas.call('GET', '/v1/spaces?limit=200'), 200).items;
    expect(spaces.filter(({ role }) => role !== undefined)).toHaveLength(6);
  });
});
