import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWorkspace } from '../../connectors/local/workspace.js';
import type { WorkspaceFiles } from '../../contracts/services.js';

let root: string;
let workspace: WorkspaceFiles;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'retinue-workspace-'));
  workspace = createWorkspace({ root: join(root, 'workspaces') });
});
afterEach(() => rm(root, { recursive: true, force: true }));

function place(...names: string[]): string {
  return join(root, 'workspaces', 'anna', ...names);
}

describe('the workspace', () => {
  it('reads what was written and says what stood there before', async () => {
    expect(await workspace.list('anna', '')).toEqual([]);
    expect(await workspace.write('anna', 'notes/today.md', 'Grüße 🌍\n')).toEqual({ previous: null });
    expect(await workspace.write('anna', './notes/today.md', 'second')).toEqual({ previous: 'Grüße 🌍\n' });
    expect(await workspace.read('anna', 'notes/today.md')).toBe('second');
    expect(await readdir(place('notes'))).toEqual(['today.md']);
  });

  it('keeps a byte order mark and empty texts as they are', async () => {
    await workspace.write('anna', 'mark.txt', '\uFEFFtext');
    await workspace.write('anna', 'empty.txt', '');
    expect(await workspace.read('anna', 'mark.txt')).toBe('\uFEFFtext');
    expect(await workspace.write('anna', 'empty.txt', 'x')).toEqual({ previous: '' });
  });

  it('lists files of all folders by path, without links and leftovers, at most 1,000', async () => {
    await workspace.write('anna', 'b/c.txt', '12345');
    await workspace.write('anna', 'a.txt', '1');
    await writeFile(place('.retinue-tmp-left'), 'x');
    await symlink('/etc/hostname', place('link.txt'));
    const entries = await workspace.list('anna', '.');
    expect(entries.map(({ path, size }) => [path, size])).toEqual([
      ['a.txt', 1],
      ['b/c.txt', 5],
    ]);
    expect(Number.isNaN(Date.parse(entries[0]?.modifiedAt ?? ''))).toBe(false);
    expect((await workspace.list('anna', 'b/')).map(({ path }) => path)).toEqual(['b/c.txt']);
    await mkdir(place('many'));
    await Promise.all(Array.from({ length: 1100 }, (_, index) => writeFile(place('many', `${index}.txt`), '')));
    expect(await workspace.list('anna', 'many')).toHaveLength(1000);
    await expect(workspace.list('anna', 'nowhere')).rejects.toMatchObject({ type: 'not-found' });
    await expect(workspace.list('anna', 'a.txt')).rejects.toMatchObject({ type: 'not-found' });
  });

  it('removes files, and folders with their last file; what is not there counts as removed', async () => {
    await workspace.write('anna', 'a/b/c.txt', 'x');
    await workspace.write('anna', 'a/d.txt', 'x');
    await workspace.remove('anna', 'a/b/c.txt');
    await workspace.remove('anna', 'a/b/c.txt');
    expect(await readdir(place('a'))).toEqual(['d.txt']);
    await expect(workspace.remove('anna', 'a')).rejects.toMatchObject({ type: 'conflict' });
    await expect(workspace.read('anna', 'a/b/c.txt')).rejects.toMatchObject({ type: 'not-found' });
  });

  it.each([
    ['../bob/secret.txt', 'forbidden'],
    ['notes/../../bob/secret.txt', 'forbidden'],
    ['..', 'forbidden'],
    ['a/..', 'forbidden'],
    ['/etc/passwd', 'forbidden'],
    ['//etc/passwd', 'forbidden'],
    ['~/.ssh/id_rsa', 'forbidden'],
    ['C:/Windows/win.ini', 'forbidden'],
    ['..\\bob\\secret.txt', 'forbidden'],
    ['notes\\today.md', 'forbidden'],
    ['notes/today.md\0.png', 'invalid-body'],
    ['line\nbreak', 'invalid-body'],
    ['lone \uD800 surrogate', 'invalid-body'],
    ['', 'invalid-body'],
    ['.', 'invalid-body'],
    ['a//b', 'invalid-body'],
    ['folder/', 'invalid-body'],
    ['.retinue-tmp-x', 'invalid-body'],
    ['x'.repeat(256), 'invalid-body'],
    ['x/'.repeat(600), 'invalid-body'],
    ['x/'.repeat(40).concat('y'), 'invalid-body'],
  ])('refuses the path %j', async (path, type) => {
    await mkdir(join(root, 'workspaces', 'bob'), { recursive: true });
    await writeFile(join(root, 'workspaces', 'bob', 'secret.txt'), 'secret');
    await expect(workspace.read('anna', path)).rejects.toMatchObject({ type });
    await expect(workspace.write('anna', path, 'x')).rejects.toMatchObject({ type });
    await expect(workspace.remove('anna', path)).rejects.toMatchObject({ type });
    expect(await readFile(join(root, 'workspaces', 'bob', 'secret.txt'), 'utf8')).toBe('secret');
  });

  it.each(['', '..', '.', 'a/b', 'a\\b', 'x'.repeat(65), 'a\0'])('refuses the user %j', async (user) => {
    await expect(workspace.list(user, '')).rejects.toMatchObject({ type: 'invalid-body' });
    await expect(workspace.write(user, 'a.txt', 'x')).rejects.toMatchObject({ type: 'invalid-body' });
  });

  it('follows no symbolic link: not as the file, not as a folder, not as the workspace', async () => {
    await mkdir(place(), { recursive: true });
    await mkdir(join(root, 'outside'));
    await writeFile(join(root, 'outside', 'secret.txt'), 'secret');
    await symlink(join(root, 'outside', 'secret.txt'), place('file.txt'));
    await symlink(join(root, 'outside'), place('folder'));
    await symlink(join(root, 'nowhere'), place('dangling'));
    await symlink(join(root, 'outside'), join(root, 'workspaces', 'eve'));
    for (const path of ['file.txt', 'folder/secret.txt', 'folder/new/deep.txt', 'dangling', 'dangling/x.txt']) {
      await expect(workspace.read('anna', path)).rejects.toMatchObject({ type: 'forbidden' });
      await expect(workspace.write('anna', path, 'x')).rejects.toMatchObject({ type: 'forbidden' });
      await expect(workspace.remove('anna', path)).rejects.toMatchObject({ type: 'forbidden' });
    }
    await expect(workspace.list('anna', 'folder')).rejects.toMatchObject({ type: 'forbidden' });
    await expect(workspace.list('eve', '')).rejects.toMatchObject({ type: 'forbidden' });
    await expect(workspace.write('eve', 'x.txt', 'x')).rejects.toMatchObject({ type: 'forbidden' });
    expect(await readdir(join(root, 'outside'))).toEqual(['secret.txt']);
  });

  it('refuses what is not text, and never overwrites it', async () => {
    await mkdir(place(), { recursive: true });
    for (const bytes of [Buffer.from([0xff, 0xfe, 0x41]), Buffer.from('a\0b'), Buffer.from([0xed, 0xa0, 0x80])]) {
      await writeFile(place('picture.png'), bytes);
      await expect(workspace.read('anna', 'picture.png')).rejects.toMatchObject({ type: 'unsupported-media' });
      await expect(workspace.write('anna', 'picture.png', 'x')).rejects.toMatchObject({ type: 'unsupported-media' });
      expect(await readFile(place('picture.png'))).toEqual(bytes);
    }
    await expect(workspace.write('anna', 'a.txt', 'a\0b')).rejects.toMatchObject({ type: 'invalid-body' });
    await expect(workspace.write('anna', 'a.txt', '\uD800')).rejects.toMatchObject({ type: 'invalid-body' });
  });

  it('limits the size of a text and the number of files', async () => {
    const small = createWorkspace({ root: join(root, 'workspaces'), maxFileBytes: 8, maxFiles: 2 });
    await small.write('anna', 'a.txt', '12345678');
    expect(await small.read('anna', 'a.txt')).toBe('12345678');
    await expect(small.write('anna', 'b.txt', '1234567ü')).rejects.toMatchObject({ type: 'too-large' });
    await writeFile(place('big.txt'), '123456789');
    await expect(small.read('anna', 'big.txt')).rejects.toMatchObject({ type: 'too-large' });
    await expect(small.write('anna', 'c.txt', 'x')).rejects.toMatchObject({ type: 'too-large' });
    expect(await small.write('anna', 'a.txt', 'still')).toEqual({ previous: '12345678' });
  });

  it('says so when a folder and a file want the same name', async () => {
    await workspace.write('anna', 'a', 'file');
    await workspace.write('anna', 'b/c', 'file');
    await expect(workspace.write('anna', 'a/b', 'x')).rejects.toMatchObject({ type: 'conflict' });
    await expect(workspace.write('anna', 'b', 'x')).rejects.toMatchObject({ type: 'conflict' });
    await expect(workspace.read('anna', 'a/b')).rejects.toMatchObject({ type: 'not-found' });
  });

  it('gives every one of many writes at once the text of the one before', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => workspace.write('anna', 'a.txt', String(index))),
    );
    const seen = new Set(results.map(({ previous }) => previous));
    expect(seen).toEqual(new Set([null, ...Array.from({ length: 19 }, (_, index) => String(index))]));
  });
});
