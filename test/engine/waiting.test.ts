import { afterAll, beforeAll, expect, test } from 'vitest';
import { thinkTurn } from '../../activities/think.js';
import type { AgentRef, Step } from '../../contracts/step.js';
import { acceptRequest } from '../../engine/accept.js';
import { reconcileSilent } from '../../engine/janitor.js';
import { postMessage } from '../../engine/messages.js';
import { viewRequest } from '../../engine/requests.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

const { signal } = new AbortController();
let kit: EngineKit;

beforeAll(async () => {
  kit = await openEngine();
});
afterAll(() => kit.close());

const view = (ref: AgentRef) => viewRequest(kit.engine, kit.owner, ref.request);

async function say(ref: AgentRef, turn: number, text: string): Promise<Step> {
  kit.answer(() => reply([{ type: 'text', text }]));
  return thinkTurn(kit.deps, { ...ref, turn }, signal);
}

test('the janitor starts a lost request again with its priority', async () => {
  const { id } = await acceptRequest(kit.engine, kit.owner, { body: { text: 'later', priority: 5 } });
  await kit.engine.db.system((tx) => tx.run(sql`delete from outbox`));
  await reconcileSilent(
    kit.engine,
    { user: kit.owner, request: id, agent: (await viewRequest(kit.engine, kit.owner, id)).agent },
    'gone',
  );
  expect(await kit.engine.db.system((tx) => tx.one(sql`select kind, priority from outbox`))).toEqual({
    kind: 'start',
    priority: 5,
  });
});

test('an earlier request that waits for the user is told of as in progress', async () => {
  const first = await kit.accept('book it');
  kit.answer(() =>
    reply(
      [
        { type: 'text', text: 'One question.' },
        { type: 'tool_use', id: 'x', name: 'ask_user', input: { question: 'When?' } },
      ],
      'tool_use',
    ),
  );
  await thinkTurn(kit.deps, { ...first, turn: 1 }, signal);
  const { conversation } = await view(first);
  const { id } = await acceptRequest(kit.engine, kit.owner, { body: { text: 'how far are you?', conversation } });
  await say(
    { user: kit.owner, request: id, agent: (await viewRequest(kit.engine, kit.owner, id)).agent },
    1,
    'waiting for you',
  );
  expect(kit.asked.at(-1)?.system.join('\n')).toMatch(
    new RegExp(`Still in progress[^]*${first.request} \\(waiting_user\\)`),
  );
});

test('messages that nobody reads wake their agent once and are bounded', async () => {
  const ref = await kit.accept('go');
  await kit.engine.db.system((tx) => tx.run(sql`delete from outbox`));
  for (let n = 1; n <= 100; n += 1) await postMessage(kit.engine, kit.owner, ref.request, { text: `and ${n}` });
  expect(await kit.engine.db.system((tx) => tx.one(sql`select kind, generation from outbox`))).toEqual({
    kind: 'wake',
    generation: 1,
  });
  await expect(postMessage(kit.engine, kit.owner, ref.request, { text: 'one more' })).rejects.toMatchObject({
    type: 'rate-limited',
    status: 429,
  });
  await say(ref, 1, 'read them all');
  const again = await kit.accept('go');
  await postMessage(kit.engine, kit.owner, again.request, { text: 'fine' });
});
