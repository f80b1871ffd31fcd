import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStage, type Stage } from '../e2e/stage.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

test('a child answers its parent', async () => {
  stage.script('add the numbers', [{ text: 'It is four.' }]);
  const view = await stage.finish([
    { text: 'asking', calls: [{ name: 'spawn_agent', input: { task: 'add the numbers 2 and 2' } }] },
    { text: 'Four, as I was told.' },
  ]);
  expect(view).toMatchObject({ status: 'completed', result: { text: 'Four, as I was told.' } });
  expect(await stage.callsOf(view.id)).toMatchObject([
    { skill: 'spawn_agent', status: 'done', output: { status: 'completed', text: 'It is four.' } },
  ]);
});

test('more children than may work at once are let in one after another, and all answer', async () => {
  stage.script('write a note', [
    { text: '', calls: [{ name: 'file_write', input: { path: 'a.txt', text: 'x' } }] },
    { text: 'written' },
  ]);
  const spawn = { name: 'spawn_agent', input: { task: 'write a note', skills: ['file_write', 'web_search'] } };
  const view = await stage.finish([{ text: '', calls: [spawn, spawn, spawn, spawn, spawn] }, { text: 'All written.' }]);
  expect(view).toMatchObject({ status: 'completed', result: { text: 'All written.' } });
  expect((await stage.callsOf(view.id)).filter((call) => call.skill === 'spawn_agent')).toMatchObject(
    Array.from({ length: 5 }, () => ({ status: 'done', output: { text: 'written' } })),
  );
});

test('a child that was given certain hosts reaches no others, and nobody is asked about it', async () => {
  const page = { name: 'web_fetch', input: { url: 'https://elsewhere.example/plans' } };
  stage.script('read the manual', [{ text: '', calls: [page] }, { text: 'I may not read that.' }]);
  const input = { task: 'read the manual', skills: ['web_fetch'], hosts: ['docs.example.com'] };
  const view = await stage.finish([
    { text: '', calls: [{ name: 'spawn_agent', input }] },
    { text: 'It could not read it.' },
  ]);
  const [refused] = (await stage.callsOf(view.id)).filter((call) => call.skill === 'web_fetch');
  expect(refused).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('may not reach elsewhere.example'),
  });
  expect(view).toMatchObject({ status: 'completed', waitingFor: [] });
});
