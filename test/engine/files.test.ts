import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptRequest } from '../../engine/accept.js';
import type { Engine } from '../../engine/deps.js';
import { deleteFile, getFile, prepareFiles, requireFiles, saveFile, sweepBlobs } from '../../engine/files.js';
import { viewRequest } from '../../engine/requests.js';
import type { Db } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine } from './engine-kit.js';

let kit: EngineKit;
let blobs: string;
beforeAll(async () => {
  kit = await openEngine();
  blobs = path.join(kit.store.folder, 'blobs');
});
afterAll(() => kit.close());

const text = (content: string) => ({ name: 'note.txt', mediaType: 'text/plain', bytes: Buffer.from(content) });
const inline = (content: string) => ({ mediaType: 'text/plain', data: Buffer.from(content).toString('base64') });
const stored = (): string[] =>
  readdirSync(blobs, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
const placeOf = (sha256: string): string => path.join(blobs, sha256.slice(0, 2), sha256);
const age = (place: string): void => utimesSync(place, new Date(0), new Date(0));
const rows = (table: string): Promise<number> =>
  kit.engine.db.system(
    async (tx) => (await tx.one<{ n: number }>(sql`select count(*)::int as n from ${sql.raw(table)}`)).n,
  );

describe('the bytes of files', () => {
  test('stay when one of two files with them is deleted, and go when nobody has had them for an hour', async () => {
    const first = await saveFile(kit.engine, kit.owner, text('same'));
    const second = await saveFile(kit.engine, await kit.person('Otto'), text('same'));
    age(placeOf(first.sha256));
    await deleteFile(kit.engine, kit.owner, first.id);
    expect(await sweepBlobs(kit.engine)).toBe(0);
    expect((await kit.engine.blobs.read(second.sha256)).toString()).toBe('same');
    await kit.engine.db.system((tx) => tx.run(sql`delete from files where id = ${second.id}`));
    expect(await sweepBlobs(kit.engine)).toBe(1);
    await expect(kit.engine.blobs.read(second.sha256)).rejects.toThrow(/ENOENT/);
  });

  test('that are put again count as new, so a row on its way finds them', async () => {
    const before = await kit.engine.blobs.put(Buffer.from('again'));
    age(placeOf(before));
    expect(await kit.engine.blobs.put(Buffer.from('again'))).toBe(before);
    expect(await sweepBlobs(kit.engine)).toBe(0);
    // Between the look at the folder and the removal.
    expect(await kit.engine.blobs.removePutBefore(before, new Date(Date.now() - 3_600_000))).toBe(false);
    expect((await kit.engine.blobs.read(before)).toString()).toBe('again');
  });

  test('that a crash left behind are put back or cleared away', async () => {
    const sha256 = await kit.engine.blobs.put(Buffer.from('half gone'));
    const folder = path.dirname(placeOf(sha256));
    const kept = await saveFile(kit.engine, kit.owner, text('half gone'));
    const aside = `${placeOf(sha256)}.leaving`;
    const draft = path.join(folder, `${sha256}.0123456789ab`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(aside, 'half gone');
    writeFileSync(draft, 'half');
    writeFileSync(path.join(folder, 'not-ours.txt'), 'x');
    for (const place of [aside, draft, path.join(folder, 'not-ours.txt')]) age(place);
    await sweepBlobs(kit.engine);
    expect(readdirSync(folder).toSorted()).toEqual([sha256, 'not-ours.txt'].toSorted());
    expect((await kit.engine.blobs.read(kept.sha256)).toString()).toBe('half gone');
  });

  test('belong to one person only, also without the help of the database', async () => {
    const file = await saveFile(kit.engine, kit.owner, text('mine'));
    const as: Db['as'] = (_user, work) => kit.engine.db.system(work);
    const unguarded: Engine = { ...kit.engine, db: { ...kit.engine.db, as } };
    await expect(getFile(unguarded, 'usr_x', file.id)).rejects.toMatchObject({ type: 'not-found' });
    await expect(deleteFile(unguarded, 'usr_x', file.id)).rejects.toMatchObject({ type: 'not-found' });
    const named = [{ id: file.id, path: 'attachments.0.fileId' }];
    await expect(unguarded.db.as('usr_x', (tx) => requireFiles(tx, 'usr_x', named))).rejects.toMatchObject({
      status: 422,
    });
    expect((await getFile(kit.engine, kit.owner, file.id)).id).toBe(file.id);
  });
});

describe('a message with files', () => {
  test('that is refused leaves neither rows nor bytes', async () => {
    const before = { files: await rows('files'), bytes: stored() };
    for (const body of [
      { attachments: [inline('lost 1'), { fileId: 'file_0' }] },
      { attachments: [inline('lost 2')], conversation: 'cnv_0' },
      { attachments: [inline('lost 3'), { mediaType: 'image/png', data: 'aGVsbG8=' }] },
    ])
      await expect(acceptRequest(kit.engine, kit.owner, { body })).rejects.toThrow();
    await expect(
      acceptRequest(kit.engine, kit.owner, { body: { conversation: 'cnv_0' }, files: [text('lost 4')] }),
    ).rejects.toMatchObject({ status: 422, errors: [{ path: 'conversation' }] });
    await expect(
      prepareFiles(kit.engine, { attachments: [inline('lost 5'), { fileId: 'file_0' }] }, (known) =>
        kit.engine.db.as(kit.owner, (tx) => requireFiles(tx, kit.owner, known)),
      ),
    ).rejects.toMatchObject({ status: 422, errors: [{ path: 'attachments.1.fileId' }] });
    expect({ files: await rows('files'), bytes: stored() }).toEqual(before);
  });

  test('that is sent several times at once under one key is stored once', async () => {
    const before = await rows('files');
    const body = { text: 'look', attachments: [inline('one'), inline('two')] };
    const all = await Promise.all(
      Array.from({ length: 6 }, () =>
        acceptRequest(kit.engine, kit.owner, { body, files: [text('three')], idempotencyKey: 'files-once' }),
      ),
    );
    expect(new Set(all.map((one) => one.id)).size).toBe(1);
    expect(await rows('files')).toBe(before + 3);
    const view = await viewRequest(kit.engine, kit.owner, all[0]?.id ?? '');
    const contents = await Promise.all(
      view.attachments.map(async (file) => (await kit.engine.blobs.read(file.sha256)).toString()),
    );
    expect(contents).toEqual(['one', 'two', 'three']);
  });

  test('costs no transaction of its own for them', async () => {
    const before = kit.engine.db.transactions();
    await acceptRequest(kit.engine, kit.owner, { body: { text: 'x', attachments: [inline('a'), inline('b')] } });
    expect(kit.engine.db.transactions() - before).toBe(1);
  });
});
