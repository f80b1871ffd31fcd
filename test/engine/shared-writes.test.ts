import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Approval, Decision } from '../../contracts/approval.js';
import type { Atom, JsonValue, Permission } from '../../contracts/space.js';
import type { AgentRef } from '../../contracts/step.js';
import { listApprovals } from '../../engine/approval-views.js';
import type { CallRow } from '../../engine/rows.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import { follow, ledgerOf, say } from './effect-driver.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

type Access = ReturnType<typeof spaceAccess>;

let kit: EngineKit;
let vera: string;
let space: string;
let atom: string;
beforeAll(async () => {
  kit = await openEngine();
  vera = await kit.person('Vera');
});
beforeEach(async () => {
  space = (await as(kit.owner, (spaces) => spaces.create({ name: 'Team board' }))).id;
  atom = (await as(kit.owner, (spaces) => spaces.put(space, { payload: { text: 'As agreed.' }, comment: 'x' }))).id;
});
afterAll(() => kit.close());

const as = <T>(user: string, work: (spaces: Access) => Promise<T>): Promise<T> =>
  kit.engine.db.as(user, (tx) => work(spaceAccess(tx, userActor(user))));
const share = (principal: string, permission: Permission, id = space) =>
  as(kit.owner, (spaces) => spaces.share(id, principal, permission));
const atomsIn = async (id = space): Promise<Atom[]> =>
  (await as(kit.owner, (spaces) => spaces.search({ spaces: [id], includeDeprecated: true }))).items.map(
    (hit) => hit.atom,
  );

const WORDS = 'Pay 900 to Eve.\nToday: at once';
const put = () => ({ name: 'space_put', input: { space, payload: { title: 'News', text: WORDS }, comment: 'A note' } });
const update = () => ({ name: 'space_update', input: { space, atom, payload: { text: WORDS }, comment: 'Corrected' } });
const deprecate = () => ({ name: 'space_deprecate', input: { space, atom, comment: 'Outdated' } });

interface Agent {
  readonly labels?: readonly string[];
  readonly confined?: boolean;
  readonly user?: string;
}

/** A request whose agent makes this call and then answers, followed until a person is needed. */
async function calling(
  { name, input }: { name: string; input: JsonValue },
  { labels = ['untrusted'], confined = false, user = kit.owner }: Agent = {},
): Promise<{ ref: AgentRef; call: CallRow; approvals: Approval[] }> {
  const ref = await kit.accept('go', user);
  await kit.engine.db.system((tx) =>
    tx.run(sql`update agents set labels = ${[...labels]}, confined = ${confined} where id = ${ref.agent}`),
  );
  if (confined) await share(`agent:${ref.agent}`, 'write');
  let turns = 0;
  kit.answer(() => {
    turns += 1;
    const call = { type: 'tool_use' as const, id: 'use_1', name, input };
    return turns === 1 ? reply([call] as never, 'tool_use') : reply([{ type: 'text', text: 'Done.' }]);
  });
  await follow(kit, ref);
  const { items } = await listApprovals(kit.engine, user, { request: ref.request, limit: 10 });
  const call = await kit.engine.db.as(user, (tx) =>
    tx.one<CallRow>(sql`select * from calls where request_id = ${ref.request}`),
  );
  return { ref, call, approvals: items };
}

async function decided(ref: AgentRef, [approval]: readonly Approval[], ...how: [Decision['decision'], object?]) {
  if (approval === undefined) throw new Error('nothing was asked');
  await say(kit, ref, approval, ...how);
  return follow(kit, ref);
}

describe('an agent that has read strangers and writes where other people read', () => {
  test.each([
    ['adds', put, /^Add to the space “Team board”: A note$/, /\nAdds an atom to the space “Team board”/],
    ['changes', update, /^Change in the space “Team board”: Corrected$/, /Changes the atom .*text: As agreed\./],
    ['withdraws', deprecate, /^Withdraw from the space “Team board”: Outdated$/, /text: As agreed\./],
  ])('%s nothing before a person has seen all of it and agreed', async (_, write, title, text) => {
    await share(`user:${vera}`, 'read');
    const { ref, call, approvals } = await calling(write());
    expect(call).toMatchObject({ verdict: 'run', status: 'done', output: { status: 'waiting_approval' } });
    expect(approvals).toMatchObject([
      { effect: 'outward', status: 'pending', payload: write().input, preview: { recipients: [`user:${vera}`] } },
    ]);
    expect(approvals[0]?.title).toMatch(title);
    expect(approvals[0]?.preview.text).toMatch(text);
    expect(approvals[0]?.preview.text).toContain(
      `Other people read the space “Team board” (${space}): Vera (user:${vera}). They see this once it is approved.`,
    );
    expect(await atomsIn()).toMatchObject([{ id: atom, version: 1, deprecated: false }]);
    expect(await decided(ref, approvals, 'approve')).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done', attempts: 1 }]);
    const written = (await atomsIn()).find(({ origin }) => origin === 'untrusted');
    expect(written).toMatchObject({ author: `agent:${ref.agent}`, comment: write().input.comment });
  });

  test('shows every word, and no text that looks like another field', async () => {
    await share(`user:${vera}`, 'read');
    const { approvals } = await calling(put());
    expect(approvals[0]?.preview.text).toContain(
      '\nComment: A note\n\ntext: Pay 900 to Eve.\n    Today: at once\ntitle: News',
    );
  });

  test('writes nothing when it is rejected, and what the user has made of it when it is edited', async () => {
    await share(`user:${vera}`, 'append');
    const rejected = await calling(put());
    await decided(rejected.ref, rejected.approvals, 'reject', { reason: 'No.' });
    expect(await atomsIn()).toHaveLength(1);
    const edited = await calling(put());
    await decided(edited.ref, edited.approvals, 'edit', {
      payload: { space, payload: { text: 'Harmless.' }, comment: 'Edited' },
    });
    expect((await atomsIn()).map(({ payload }) => payload)).toContainEqual({ text: 'Harmless.' });
  });

  test('is asked about in a space of somebody else too, where the user may only add and sees no grants', async () => {
    await share(`user:${vera}`, 'append');
    const { approvals, ref } = await calling(put(), { user: vera });
    expect(approvals[0]?.preview.text).toContain(`Olga (user:${kit.owner})`);
    expect(await atomsIn()).toHaveLength(1);
    await decided(ref, approvals, 'approve');
    expect(await atomsIn()).toHaveLength(2);
  });

  test('is asked about as well when it is confined to its own grants', async () => {
    await share(`user:${vera}`, 'read');
    const { approvals, ref } = await calling(update(), { confined: true });
    expect(approvals[0]?.preview.text).toContain(`Vera (user:${vera})`);
    await decided(ref, approvals, 'approve');
    expect(await atomsIn()).toMatchObject([{ version: 2, payload: { text: WORDS } }]);
  });

  test('is refused and nobody is asked where it could not write anyway', async () => {
    await share(`user:${vera}`, 'read');
    const reading = await calling(put(), { user: vera });
    expect(reading).toMatchObject({ approvals: [], call: { status: 'failed' } });
    expect(reading.call.error).toContain('needs append');
    const missing = await calling({ name: 'space_update', input: { ...update().input, atom: 'atm_none' } });
    expect(missing).toMatchObject({ approvals: [], call: { status: 'failed' } });
  });
});

describe('nobody is asked', () => {
  test.each([
    ['by an agent that has read nobody else', ['private'], true],
    ['where only the user and an agent of theirs read', ['untrusted'], false],
  ])('%s', async (_, labels, isShared) => {
    const { agent } = await kit.accept('a helper');
    await share(`agent:${agent}`, 'grant');
    if (isShared) await share(`user:${vera}`, 'grant');
    const { call, approvals } = await calling(put(), { labels });
    expect([call.status, approvals]).toEqual(['done', []]);
    expect(await atomsIn()).toHaveLength(2);
  });

  test('once the other person has lost their access', async () => {
    await share(`user:${vera}`, 'read');
    await as(kit.owner, (spaces) => spaces.unshare(space, `user:${vera}`));
    expect((await calling(put())).approvals).toEqual([]);
    expect(await atomsIn()).toHaveLength(2);
  });
});
