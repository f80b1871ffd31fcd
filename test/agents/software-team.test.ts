import { z } from 'zod';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { outsideSkill } from '../../contracts/skill.js';
import type { Stage } from '../e2e/stage.js';
import type { TurnSource } from '../stand-ins/anthropic.js';
import { answerOf, brief, call, given, memberOf, openTeamStage, result, spawn, teamOf, workspaceOf } from './script.js';

const REQUEST = 'Build a REST API for todo management';
const PACKAGE = ['design.md', 'server.js', 'tests.json', 'review.md', 'readme.md'] as const;

/** Runs what the tests ask of the code; fails where either is not there. */
const runTests = outsideSkill({
  manifest: {
    name: 'run_tests',
    description: 'Runs the tests of a folder of the workspace against its code.',
    effect: 'read',
    input: z.strictObject({ folder: z.string() }),
    output: z.strictObject({ passed: z.int(), failed: z.array(z.string()) }),
    timeoutSeconds: 10,
    taints: ['private'],
    summary: ({ folder }) => `Runs the tests of ${folder}`,
  },
  async run({ folder }, { workspace, user }) {
    const code = await workspace.read(user.id, `${folder}/server.js`);
    const tests = JSON.parse(await workspace.read(user.id, `${folder}/tests.json`)) as string[];
    const failed = tests.filter((field) => !code.includes(`todo.${field} =`));
    return { output: { passed: tests.length - failed.length, failed } };
  },
});

let stage: Stage;
beforeAll(async () => {
  stage = await openTeamStage({ moreSkills: [runTests] });
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

const path = (input: Parameters<typeof given>[0], file: string) => `${given(input, 'folder')}/${file}`;
const list = (text: string) => text.split(', ');

/** A team whose architect wants these fields and whose programmer forgets some. */
function engage(folder: string, fields: string, forgotten: readonly string[]): TurnSource[] {
  const task = (role: string, order: string, facts: Record<string, string>) =>
    brief(`${role} of ${folder}: ${order}`, { folder, ...facts });
  stage.script(`architect of ${folder}:`, [
    (input) => call('file_write', { path: path(input, 'design.md'), text: `endpoints for todos with ${fields}` }),
    { text: fields },
  ]);
  stage.script(`programmer of ${folder}:`, [
    (input) =>
      call('file_write', {
        path: path(input, 'server.js'),
        text: list(given(input, 'fields'))
          .filter((field) => !forgotten.includes(field))
          .map((field) => `todo.${field} = body.${field};`)
          .join('\n'),
      }),
    (input) => ({ text: result<{ path: string }>(input).path }),
  ]);
  stage.script(`tester of ${folder}:`, [
    (input) =>
      call('file_write', { path: path(input, 'tests.json'), text: JSON.stringify(list(given(input, 'fields'))) }),
    (input) => call('run_tests', { folder: given(input, 'folder') }),
    (input) => {
      const { passed, failed } = result<{ passed: number; failed: string[] }>(input);
      return { text: `${passed} passed; missing: ${failed.join(', ') || 'nothing'}` };
    },
  ]);
  stage.script(`reviewer of ${folder}:`, [
    (input) => call('file_read', { path: given(input, 'code') }),
    (input) =>
      call('file_write', {
        path: path(input, 'review.md'),
        text: `${result<{ text: string }>(input).text.split('\n').length} lines read. Tests say: ${given(input, 'tests')}`,
      }),
    (input) => ({ text: given(input, 'tests').endsWith('missing: nothing') ? 'fit to ship' : 'not fit to ship' }),
  ]);
  stage.script(`writer of ${folder}:`, [
    (input) =>
      call('file_write', {
        path: path(input, 'readme.md'),
        text: `A todo has ${given(input, 'fields')}. Review: ${given(input, 'review')}.`,
      }),
    { text: 'written' },
  ]);
  return [
    spawn({ label: 'architect', task: task('architect', REQUEST, {}), skills: ['file_write'] }),
    (input) =>
      spawn({
        label: 'programmer',
        task: task('programmer', 'write the server', { fields: answerOf(input, 'architect') }),
        skills: ['file_write'],
      }),
    (input) =>
      spawn({
        label: 'tester',
        task: task('tester', 'write and run tests', {
          fields: answerOf(input, 'architect'),
          code: answerOf(input, 'programmer'),
        }),
        skills: ['file_write', 'run_tests'],
      }),
    (input) =>
      spawn({
        label: 'reviewer',
        task: task('reviewer', 'review the code', {
          code: answerOf(input, 'programmer'),
          tests: answerOf(input, 'tester'),
        }),
        skills: ['file_read', 'file_write'],
      }),
    (input) =>
      spawn({
        label: 'writer',
        task: task('writer', 'document it', {
          fields: answerOf(input, 'architect'),
          review: answerOf(input, 'reviewer'),
        }),
        skills: ['file_write'],
      }),
    (input) => call('file_list', { folder: given(input, 'folder') }),
    (input) => ({
      text: `The package is ${answerOf(input, 'reviewer')}: ${answerOf(input, 'tester')}.`,
    }),
  ];
}

async function build(folder: string, fields: string, forgotten: readonly string[] = []) {
  const view = await stage.finish(engage(folder, fields, forgotten), { text: `${REQUEST}\nfolder: ${folder}` });
  const files = workspaceOf(stage);
  return {
    view,
    team: await teamOf(stage, view.id),
    files: Object.fromEntries(PACKAGE.map((name) => [name, files.read(`${folder}/${name}`)])),
  };
}

test('a team designs, writes, tests, reviews and documents, each from what came before [S1-04] [S1-06]', async () => {
  const { view, team, files } = await build('todo-api', 'title, done');
  expect(view).toMatchObject({
    status: 'completed',
    result: { text: 'The package is fit to ship: 2 passed; missing: nothing.' },
  });
  expect(team.map(({ label, depth, outcome }) => ({ label, depth, outcome }))).toEqual(
    ['architect', 'programmer', 'tester', 'reviewer', 'writer'].map((label) => ({
      label,
      depth: 1,
      outcome: 'completed',
    })),
  );
  expect(files).toEqual({
    'design.md': 'endpoints for todos with title, done',
    'server.js': 'todo.title = body.title;\ntodo.done = body.done;',
    'tests.json': '["title","done"]',
    'review.md': '2 lines read. Tests say: 2 passed; missing: nothing',
    'readme.md': 'A todo has title, done. Review: fit to ship.',
  });
  // Each began with the answer of the one before, so the last one's words lead back to the first one's.
  expect(memberOf(team, 'programmer').task).toContain(memberOf(team, 'architect').result);
  expect(memberOf(team, 'tester').task).toContain(memberOf(team, 'programmer').result);
  expect(memberOf(team, 'reviewer').task).toContain(memberOf(team, 'tester').result);
  expect(memberOf(team, 'writer').task).toContain(memberOf(team, 'reviewer').result);
});

test('another design makes another package, and what the programmer forgot is found by the tests', async () => {
  const { view, files } = await build('todo-api-2', 'title, done, due', ['due']);
  expect(view.result?.text).toBe('The package is not fit to ship: 2 passed; missing: due.');
  expect(files).toMatchObject({
    'design.md': 'endpoints for todos with title, done, due',
    'server.js': 'todo.title = body.title;\ntodo.done = body.done;',
    'tests.json': '["title","done","due"]',
    'readme.md': 'A todo has title, done, due. Review: not fit to ship.',
  });
});
