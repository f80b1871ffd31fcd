import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWebReader } from '../../connectors/web/reader.js';
import type { NewTrigger } from '../../contracts/trigger.js';
import { makeTrigger, viewTrigger } from '../../engine/triggers/triggers.js';
import { listRequests } from '../../engine/requests.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { wakeClock } from '../../store/outbox.js';
import { sql } from '../../store/sql.js';
import { openStage, type Stage } from '../e2e/stage.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';

let stage: Stage;
let web: WebStandIn;
let webReader: ReturnType<typeof createWebReader>;

beforeAll(async () => {
  web = await startWebStandIn();
  webReader = createWebReader({ allowedHosts: [web.host] });
  stage = await openStage();
  Object.assign(stage.world.serving.installation.activityDeps, { webReader });
});
afterAll(async () => {
  await stage.close();
  await webReader.close();
  await web.close();
});

const as = <T>(work: Parameters<typeof stage.world.serving.installation.engine.db.as<T>>[1]): Promise<T> =>
  stage.world.serving.installation.engine.db.as(stage.world.owner, work);

const make = (wish: NewTrigger) => {
  const user = stage.world.owner;
  const maker = {
    user,
    author: `user:${user}`,
    agent: 'default',
    labels: [],
    skills: null,
    now: Date.now(),
    timeZone: 'UTC',
  };
  return as((tx) => makeTrigger(tx, maker, wish));
};

/** Waits for so many requests of the conversation and for their ends, the oldest first. */
async function ended(conversation: string, count: number) {
  const { engine } = stage.world.serving.installation;
  for (;;) {
    const { items } = await listRequests(engine, stage.world.owner, { conversation, limit: 10 });
    if (items.length >= count) return Promise.all(items.toReversed().map(({ id }) => stage.world.ended(id)));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Has the clock make its next look now; returns once one has been stored after `asked` calls of the page. */
async function lookNow(id: string, asked: number): Promise<void> {
  await as(async (tx) => {
    await tx.run(sql`update triggers set next_at = now() where id = ${id}`);
    await wakeClock(tx, stage.world.owner, 'a test');
  });
  for (;;) {
    const row = await as((tx) =>
      tx.one<{ settled: boolean }>(
        sql`select (state->>'settled')::int = fence as settled from triggers where id = ${id}`,
      ),
    );
    if (row.settled && web.requests.length > asked) return;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

describe('with the real server of workflows', () => {
  test('a page that goes down and comes back makes two requests, whose agents are told what happened', async () => {
    stage.script('Tell me about the shop', [{ text: 'I have seen it.' }]);
    const url = web.page('/shop', { body: 'open' });
    const trigger = await make({
      kind: 'watch',
      spec: { url, everySeconds: 3_600, condition: { kind: 'down' } },
      instructions: 'Tell me about the shop',
    });
    await lookNow(trigger.id, 0);
    web.page('/shop', { status: 503 });
    await lookNow(trigger.id, web.requests.length);
    const [down] = await ended(trigger.conversation, 1);
    expect(down).toMatchObject({ origin: 'trigger', status: 'completed', text: 'Tell me about the shop' });
    expect(JSON.stringify(stage.model.calls.at(-1)?.body?.messages)).toContain(`Down: ${url} answered 503.`);
    await lookNow(trigger.id, web.requests.length);
    web.page('/shop', { body: 'open' });
    await lookNow(trigger.id, web.requests.length);
    const all = await ended(trigger.conversation, 2);
    expect(all.map(({ result }) => result?.text)).toEqual(['I have seen it.', 'I have seen it.']);
    expect(JSON.stringify(stage.model.calls.at(-1)?.body?.messages)).toContain(`Recovered: ${url} answers (200).`);
    const after = await as((tx) => viewTrigger(tx, stage.world.owner, trigger.id));
    expect(after).not.toHaveProperty('trouble');
    web.assertClean();
    stage.assertClean();
  });

  test('changes of a space that come together make one request', async () => {
    stage.script('Tidy the board', [{ text: 'Tidied.' }]);
    const mine = userActor(stage.world.owner);
    const board = await as((tx) => spaceAccess(tx, mine).create({ name: 'Board' }));
    const trigger = await make({ kind: 'space', spec: { space: board.id }, instructions: 'Tidy the board' });
    for (const name of ['One', 'Two'])
      await as((tx) => spaceAccess(tx, mine).put(board.id, { payload: { name }, comment: `adds ${name}` }));
    const [request, ...others] = await ended(trigger.conversation, 1);
    expect([request?.result?.text, others]).toEqual(['Tidied.', []]);
    const told = JSON.stringify(stage.model.calls.at(-1)?.body?.messages);
    expect(told).toContain('2 changes in the space');
    stage.assertClean();
  });
});
