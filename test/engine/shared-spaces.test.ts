import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Approval } from '../../contracts/approval.js';
import type { JsonValue, Permission } from '../../contracts/space.js';
import type { AgentRef } from '../../contracts/step.js';
import { listApprovals } from '../../engine/approval-views.js';
import { requestUndo } from '../../engine/cancel.js';
import { decide } from '../../engine/decisions.js';
import type { CallRow } from '../../engine/rows.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { createSpace } from '../../spaces/spaces.js';
import { sql } from '../../store/sql.js';
import { follow } from './effect-driver.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

let kit: EngineKit;
let vera: string;
let space: string;
beforeAll(async () => {
  kit = await openEngine();
  vera = await kit.person('Vera');
});
beforeEach(async () => {
  space = (await kit.engine.db.as(kit.owner, (tx) => createSpace(tx, userActor(kit.owner), { name: 'CRM' }))).id;
});
afterAll(() => kit.close());

const mine = () => userActor(kit.owner);
const grants = async (): Promise<string[]> => {
  const all = await kit.engine.db.as(kit.owner, (tx) => spaceAccess(tx, mine()).grants(space));
  return all.map(({ principal, permission }) => `${principal} ${permission}`);
};
const grant = (principal: string, permission: Permission) =>
  kit.engine.db.as(kit.owner, (tx) => spaceAccess(tx, mine()).share(space, principal, permission));

/** A request whose agent makes these calls in its first turn, and then answers; followed until a person is needed. */
async function calling(name: string, inputs: readonly JsonValue[], agent: { confined?: boolean; hop?: number } = {}) {
  const ref = await kit.accept('go');
  const { confined = false, hop = 0 } = agent;
  await kit.engine.db.system((tx) =>
    tx.run(sql`update agents set confined = ${confined}, hop = ${hop} where id = ${ref.agent}`),
  );
  const begin = async (before: (ref: AgentRef) => Promise<unknown> = async () => undefined): Promise<CallRow[]> => {
    await before(ref);
    let turns = 0;
    kit.answer(() => {
      turns += 1;
      const calls = inputs.map((input, index) => ({ type: 'tool_use' as const, id: `t${index}`, name, input }));
      return turns === 1 ? reply(calls as never, 'tool_use') : reply([{ type: 'text', text: 'Done.' }]);
    });
    await follow(kit, ref);
    return kit.engine.db.as(kit.owner, (tx) =>
      tx.rows<CallRow>(sql`select * from calls where request_id = ${ref.request} order by position`),
    );
  };
  return { ref, begin };
}

async function asked(ref: AgentRef): Promise<Approval> {
  const { items } = await listApprovals(kit.engine, kit.owner, { request: ref.request, limit: 10, status: 'pending' });
  const [approval, ...more] = items;
  if (approval === undefined || more.length > 0) throw new Error(`${items.length} approvals wait`);
  return approval;
}

test('another person is let in once the user has seen who gets what, and as the user has decided', async () => {
  await kit.engine.db.as(kit.owner, (tx) => spaceAccess(tx, mine()).put(space, { payload: 1, comment: 'x' }));
  const { ref, begin } = await calling('space_share', [{ space, with: `user:${vera}`, permission: 'write' }]);
  const [call] = await begin();
  expect(call?.output).toMatchObject({ status: 'waiting_approval' });
  const approval = await asked(ref);
  expect(approval).toMatchObject({ effect: 'outward', preview: { recipients: [`user:${vera}`] } });
  expect(approval.title).toBe(`Let Vera (user:${vera}) read, add to and change the space “CRM”`);
  expect(approval.preview.text).toMatch(/\nVera .* It holds 1 atom\.\nThey will see all of it, and its whole history/);
  expect(await grants()).toEqual([`user:${kit.owner} grant`]);
  await kit.engine.db.as(kit.owner, (tx) =>
    tx.rows(sql`select retinue_describe(${space}, 'Renamed', null, null, true)`),
  );
  await decide(kit.engine, kit.owner, approval.id, {
    decision: 'edit',
    payloadHash: approval.payloadHash,
    payload: { space, with: `user:${vera}`, permission: 'read' },
  });
  await follow(kit, ref);
  expect(await grants()).toContain(`user:${vera} read`);
});

test('nobody is asked about what could not be shared anyway', async () => {
  const share = (who: string) => ({ space, with: who, permission: 'read' });
  const { ref, begin } = await calling('space_share', [share(`user:${kit.owner}`), share('user:usr_nobody')]);
  const calls = await begin();
  expect(calls.map(({ status, error }) => [status, error])).toEqual([
    ['failed', expect.stringContaining('this is the user')],
    ['failed', expect.stringContaining('there is nobody with this id')],
  ]);
  expect((await listApprovals(kit.engine, kit.owner, { request: ref.request, limit: 10 })).items).toEqual([]);
});

test('a confined agent has its own grant and no more, and what it writes carries its hop', async () => {
  const put = { space, payload: 'found', comment: 'Found' };
  const reader = await calling('space_put', [put], { confined: true });
  const [refused] = await reader.begin((ref) => grant(`agent:${ref.agent}`, 'read'));
  expect(refused).toMatchObject({ status: 'failed', error: expect.stringContaining('needs the permission append') });
  const writer = await calling('space_put', [put], { confined: true, hop: 3 });
  const [done] = await writer.begin((ref) => grant(`agent:${ref.agent}`, 'append'));
  expect(done).toMatchObject({ status: 'done' });
  const events = await kit.engine.db.as(kit.owner, (tx) =>
    tx.rows(sql`select author, hop from space_events where space_id = ${space}`),
  );
  expect(events).toEqual([{ author: `agent:${writer.ref.agent}`, hop: 3 }]);
  const blind = await calling('space_search', [{ space }], { confined: true });
  expect((await blind.begin())[0]).toMatchObject({ status: 'failed', error: expect.stringContaining('may read') });
});

test('the user takes back what a confined agent did, also when it may do nothing any more', async () => {
  const writer = await calling('space_put', [{ space, payload: 'found', comment: 'Found' }], { confined: true });
  const [done] = await writer.begin((ref) => grant(`agent:${ref.agent}`, 'write'));
  await kit.engine.db.as(kit.owner, (tx) => spaceAccess(tx, mine()).unshare(space, `agent:${writer.ref.agent}`));
  await requestUndo(kit.engine, kit.owner, done?.id ?? '');
  await follow(kit, writer.ref);
  const left = await kit.engine.db.as(kit.owner, (tx) => spaceAccess(tx, mine()).search({ spaces: [space] }));
  expect(left.items).toEqual([]);
});
