import { beforeEach, describe, expect, it } from 'vitest';
import { fileList } from '../../skills/file-list/run.js';
import { fileRead } from '../../skills/file-read/run.js';
import { fileWrite } from '../../skills/file-write/run.js';
import { parseInput } from '../../skills/registry.js';
import { type FakeContext, fakeContext, runSkill, undoSkill } from '../helpers/skill-context.js';

let context: FakeContext;
beforeEach(() => {
  context = fakeContext();
});

describe('file_write', () => {
  it('makes a file, and its undo removes it', async () => {
    const result = await runSkill(fileWrite, { path: 'a/b.md', text: 'Grüße' }, context);
    expect(result.output).toEqual({ path: 'a/b.md', bytes: 7, change: 'created' });
    expect(result.outputs).toEqual([{ kind: 'file', title: 'a/b.md', ref: expect.stringMatching(/^effect:./) }]);
    expect(context.workspace.files.get('a/b.md')).toBe('Grüße');
    await undoSkill(fileWrite, result, context);
    expect(context.workspace.files.has('a/b.md')).toBe(false);
  });

  it('replaces a file, and its undo brings the former text back, also twice', async () => {
    context.workspace.files.set('a.md', 'old');
    const result = await runSkill(fileWrite, { path: 'a.md', text: 'new' }, context);
    expect(result.output).toMatchObject({ change: 'replaced' });
    await undoSkill(fileWrite, result, context);
    await undoSkill(fileWrite, result, context);
    expect(context.workspace.files.get('a.md')).toBe('old');
  });

  it('never undoes away what was written since', async () => {
    const result = await runSkill(fileWrite, { path: 'a.md', text: 'new' }, context);
    context.workspace.files.set('a.md', 'edited by hand');
    await expect(undoSkill(fileWrite, result, context)).rejects.toMatchObject({ type: 'conflict' });
    expect(context.workspace.files.get('a.md')).toBe('edited by hand');
  });

  it('says that a repeated write changed nothing and cannot be undone', async () => {
    await runSkill(fileWrite, { path: 'a.md', text: 'new' }, context);
    const again = await runSkill(fileWrite, { path: 'a.md', text: 'new' }, context);
    expect(again.output).toMatchObject({ change: 'unchanged' });
    expect(again).not.toHaveProperty('undo');
  });

  it.each(['../a.md', 'a/../../b.md', '/etc/passwd', 'a\\b.md', 'a/..', 'a\u0000b', ''])(
    'refuses the path %j',
    (path) => {
      expect(parseInput(fileWrite, { path, text: '' })).toMatchObject({
        ok: false,
        message: expect.stringMatching(/^path: /),
      });
    },
  );

  it('takes names with dots', () => {
    expect(parseInput(fileWrite, { path: '.hidden/a..b.md', text: '' })).toMatchObject({ ok: true });
  });
});

describe('file_read', () => {
  it('reads a file whole', async () => {
    context.workspace.files.set('a.md', 'text');
    expect((await runSkill(fileRead, { path: 'a.md' }, context)).output).toEqual({ path: 'a.md', text: 'text' });
  });

  it('cuts a long file with a note', async () => {
    context.workspace.files.set('a.md', 'é'.repeat(40_000));
    const { output } = await runSkill(fileRead, { path: 'a.md' }, context);
    expect(output).toMatchObject({
      note: 'Cut after 50000 bytes; the file has 80000.',
      text: expect.stringMatching(/^é+…$/),
    });
  });

  it('passes on that there is none', async () => {
    await expect(runSkill(fileRead, { path: 'none.md' }, context)).rejects.toMatchObject({ type: 'not-found' });
  });
});

describe('file_list', () => {
  it('lists all files or those of a folder, at most a hundred', async () => {
    for (let count = 0; count < 120; count += 1) context.workspace.files.set(`many/${count}.md`, 'x');
    context.workspace.files.set('one/a.md', 'abc');
    expect((await runSkill(fileList, { folder: 'one' }, context)).output).toEqual({
      files: [{ path: 'one/a.md', size: 3, modifiedAt: '2026-11-20T08:00:00Z' }],
    });
    expect((await runSkill(fileList, {}, context)).output).toMatchObject({
      files: { length: 100 },
      note: 'Only the first 100 of 121 are shown; name a folder.',
    });
  });
});
