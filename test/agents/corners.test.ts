import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { plantMail } from '../e2e/plots.js';
import { openStage, type Stage } from '../e2e/stage.js';
import { reconcileSilent } from '../../engine/janitor.js';
import { sql } from '../../store/sql.js';
import type { ScriptTurn } from '../stand-ins/anthropic.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => stage.assertClean());
afterAll(() => stage.close());

const DONE: ScriptTurn = { text: 'All is said.' };
const spawn = (input: object) => ({ name: 'spawn_agent', input });

/** The id of the agent that the last result names. */
function agentIn(results: readonly { readonly content: string }[]): string {
  return /"agent":"([^"]+)"/.exec(results.at(-1)?.content ?? '')?.[1] ?? '';
}

test('a fallback that names instructions alone keeps the model', async () => {
  stage.script('say nothing', [{ stopReason: 'refusal' }]);
  const view = await stage.finish([
    { calls: [spawn({ task: 'say nothing', fallback: { instructions: 'Say something.' } })] },
    DONE,
  ]);
  expect(view.status).toBe('completed');
  const models = view.agents.filter(({ label }) => label === 'say nothing').map(({ model }) => model);
  expect(new Set(models).size).toBe(1);
  expect(models).toHaveLength(2);
});

test('a child cannot wait for the agent that waits for it, and is told how to ask', async () => {
  stage.script('ask first', [
    { calls: [{ name: 'message_agent', input: { text: 'Which colour?', wait: true } }] },
    { text: 'I could not wait.' },
  ]);
  const view = await stage.finish([{ calls: [spawn({ task: 'ask first' })] }, DONE]);
  expect(view.status).toBe('completed');
  const [asked] = (await stage.callsOf(view.id)).filter(({ skill }) => skill === 'message_agent');
  expect(asked).toMatchObject({ status: 'failed', error: expect.stringContaining('leave out wait') });
});

test('an agent whose parent has ended is not called back to life', async () => {
  stage.script('lead one', [{ calls: [spawn({ task: 'be led' })] }, { text: 'It is led.' }]);
  stage.script('be led', [{ text: 'I was led.' }]);
  const view = await stage.finish([
    { calls: [spawn({ task: 'lead one', skills: ['spawn_agent'] })] },
    { calls: [{ name: 'list_work', input: {} }] },
    (input) => {
      const work = JSON.parse(input.toolResults.at(-1)?.content ?? '{}') as {
        work: { agent: string; task?: string }[];
      };
      const agent = work.work.find(({ task }) => task === 'be led')?.agent ?? '';
      return { calls: [{ name: 'message_agent', input: { agent, text: 'Are you there?', wait: true } }] };
    },
    DONE,
  ]);
  const [asked] = (await stage.callsOf(view.id)).filter(({ skill }) => skill === 'message_agent');
  expect(asked).toMatchObject({ status: 'failed', error: expect.stringContaining('cannot go on') });
});

test('time is over for an agent whose model hangs, and its parent goes on', async () => {
  stage.script('think for ever', [DONE]);
  stage.model.pushFaults({ kind: 'hang', when: (input) => input.userText.includes('think for ever') });
  const view = await stage.finish([{ calls: [spawn({ task: 'think for ever', timeoutSeconds: 2 })] }, DONE]);
  expect(view.status).toBe('completed');
  expect(view.agents.find(({ label }) => label === 'think for ever')).toMatchObject({ outcome: 'timed_out' });
});

test('an agent that was answered in the background is told of once, whoever asked last', async () => {
  stage.script('answer twice', [{ text: 'First.' }, { text: 'Second.' }]);
  const view = await stage.finish([
    { calls: [spawn({ task: 'answer twice', label: 'clerk' })] },
    (input) => {
      const agent = agentIn(input.toolResults);
      return { calls: [{ name: 'message_agent', input: { agent, text: 'And then?' } }] };
    },
    { text: 'I wait for it.' },
    DONE,
  ]);
  expect(view).toMatchObject({ status: 'completed', result: { text: DONE.text } });
});

test('what other agents have said makes its reader as untrusted as they are', async () => {
  const mail = await plantMail(stage, 'corner', ['nothing to do']);
  stage.script('read the mail', [
    { calls: [{ name: 'email_read', input: { mail } }] },
    { text: 'It is from a stranger.' },
  ]);
  const asking = await stage.play([
    { calls: [spawn({ task: 'read the mail', skills: ['email_read'], label: 'reader' })] },
    { calls: [{ name: 'ask_user', input: { question: 'Shall I answer?' } }] },
    DONE,
  ]);
  const { conversation } = await stage.world.until(asking, (view) => view.status === 'waiting_user');
  const other = await stage.finish([{ calls: [{ name: 'list_work', input: {} }] }, DONE], { conversation });
  expect(other.agents[0]?.context.labels).toContain('untrusted');
  await stage.say(asking, 'no');
  expect((await stage.world.ended(asking)).status).toBe('completed');
});

test('what the user does not have either cannot be asked for, and the agent is told at once', async () => {
  stage.script('read elsewhere', [
    { calls: [{ name: 'request_access', input: { spaces: { spc_nobodys: 'read' }, reason: 'It may be there.' } }] },
    { text: 'Nobody can give it to me.' },
  ]);
  const view = await stage.finish([{ calls: [spawn({ task: 'read elsewhere' })] }, DONE]);
  const [asked] = (await stage.callsOf(view.id)).filter(({ skill }) => skill === 'request_access');
  expect(asked).toMatchObject({ status: 'failed', error: expect.stringContaining('Your user does not have that') });
});

test('what an agent had done is taken back after the end of its request, also when every workflow is lost', async () => {
  const { owner, serving } = stage.world;
  const { engine } = serving.installation;
  const board = await engine.db.as(owner, (tx) =>
    tx.one<{ id: string }>(sql`select id from spaces where role = 'tasks' and owner_id = ${owner}`),
  );
  stage.script('put it on the board', [
    { calls: [{ name: 'tasks_create', input: { title: 'Water the plants' } }] },
    { text: 'It is there.' },
  ]);
  const view = await stage.finish([
    { calls: [spawn({ task: 'put it on the board', skills: ['tasks_create'], spaces: { [board.id]: 'write' } })] },
    DONE,
  ]);
  const [made] = (await stage.callsOf(view.id)).filter(({ skill }) => skill === 'tasks_create');
  await engine.db.system((tx) => tx.run(sql`update calls set status = 'undoing' where id = ${made?.id ?? ''}`));
  await reconcileSilent(engine, { user: owner, request: view.id, agent: view.agent }, 'gone');
  await expect
    .poll(async () => (await stage.callsOf(view.id)).find(({ id }) => id === made?.id)?.status, { timeout: 20_000 })
    .toBe('undone');
});
