import { afterAll, beforeAll, expect, test } from 'vitest';
import { transactionContext } from '../../activities/transaction-context.js';
import type { SpaceAccess } from '../../contracts/skill.js';
import type { Atom, Permission } from '../../contracts/space.js';
import type { AgentRef } from '../../contracts/step.js';
import { holdAccess } from '../../engine/holds.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine } from './engine-kit.js';

const WORK = { title: 'Send the contract draft to Vera' };

let kit: EngineKit;
let ref: AgentRef;
let board: string;
let elsewhere: string;
beforeAll(async () => {
  kit = await openEngine();
  ref = await kit.accept('go');
  [board, elsewhere] = await asOwner(async (spaces) => [
    (await spaces.ofRole('tasks')).id,
    (await spaces.create({ name: 'CRM' })).id,
  ]);
  const { id: meetings } = await asOwner((spaces) => spaces.ofRole('meetings'));
  const [meeting, agreement] = await asOwner(async (spaces) => [
    await spaces.put(meetings, { payload: { title: 'Standup' }, comment: 'x' }),
    await spaces.put(meetings, { payload: { text: 'Not before May' }, comment: 'x' }),
  ]);
  const hold = { meeting: meeting.id, agreement: agreement.id, text: 'May is after April.' };
  const who = await caller();
  await kit.engine.db.as(kit.owner, (tx) => holdAccess(tx, who).expect(WORK.title, hold));
});
afterAll(() => kit.close());

const asOwner = <T>(work: (spaces: SpaceAccess) => Promise<T>): Promise<T> =>
  kit.engine.db.as(kit.owner, (tx) => work(spaceAccess(tx, userActor(kit.owner))));
const grant = (space: string, permission: Permission) =>
  asOwner((spaces) => spaces.share(space, `agent:${ref.agent}`, permission));

async function caller() {
  const { conversation } = await kit.engine.db.system((tx) =>
    tx.one<{ conversation: string }>(
      sql`select conversation_id as conversation from requests where id = ${ref.request}`,
    ),
  );
  return {
    callId: 'call_1',
    requestId: ref.request,
    conversationId: conversation,
    agentId: ref.agent,
    user: { id: kit.owner, name: 'Olga' },
    timeZone: 'UTC',
    now: '2026-11-23T08:00:00Z',
  };
}

/** The spaces as a skill of this agent has them. */
async function asAgent<T>(confined: boolean, work: (spaces: SpaceAccess) => Promise<T>): Promise<T> {
  const acting = { caller: await caller(), labels: [], confined };
  return kit.engine.db.as(kit.owner, async (tx) =>
    work((await transactionContext(tx, undefined, acting, new Set())).spaces),
  );
}
const put = (space: string, confined: boolean): Promise<Atom> =>
  asAgent(confined, (spaces) => spaces.put(space, { payload: WORK, comment: 'x' }));

test('work that is held is put on the board as held, and elsewhere as it is', async () => {
  expect((await put(board, false)).metadata).toEqual({ status: 'held' });
  expect((await put(elsewhere, false)).metadata).toEqual({});
});

test('an agent that may not read the board writes elsewhere what resembles held work', async () => {
  await grant(elsewhere, 'write');
  const atom = await put(elsewhere, true);
  expect(atom).toMatchObject({ space: elsewhere, metadata: {} });
  const changed = await asAgent(true, (spaces) =>
    spaces.update(elsewhere, atom.id, { payload: { ...WORK, notes: 'x' }, comment: 'x' }),
  );
  expect(changed.metadata).toEqual({});
  await expect(put(board, true)).rejects.toMatchObject({ type: 'not-found' });
});

test('an agent bound by its own grants holds back on the board what others would', async () => {
  await grant(board, 'append');
  expect((await put(board, true)).metadata).toEqual({ status: 'held' });
});

test("another person's board is none of the user's", async () => {
  const vera = await kit.person('Vera');
  const theirs = await kit.engine.db.as(vera, async (tx) => {
    const { id } = await spaceAccess(tx, userActor(vera)).ofRole('tasks');
    await spaceAccess(tx, userActor(vera)).share(id, `user:${kit.owner}`, 'append');
    return id;
  });
  expect((await put(theirs, false)).metadata).toEqual({});
});
