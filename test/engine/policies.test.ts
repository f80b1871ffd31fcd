import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPolicy, deletePolicy, listPolicies } from '../../engine/policies.js';
import { sql } from '../../store/sql.js';
import { type OutsideProvider, startProvider } from '../stand-ins/provider.js';
import { postSkill } from '../stand-ins/provider-skill.js';
import { approvalsOf, ask, follow, ledgerOf, meddle, order, say } from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

const DANA = 'dana@example.com';
const EVE = 'eve@example.com';

let kit: EngineKit;
let provider: OutsideProvider;
let count = 0;

beforeAll(async () => {
  provider = await startProvider({ seed: 1, identified: true });
  const options = { provider };
  kit = await openEngine(
    [postSkill({ name: 'post', ...options }).skill, postSkill({ name: 'toot', ...options }).skill],
    {
      leaseMs: 60_000,
      sendMs: 60_000,
    },
  );
});
afterAll(async () => {
  await kit.close();
  await provider.close();
});
beforeEach(async () => {
  const { items } = await listPolicies(kit.engine, kit.owner, { limit: 100 });
  for (const { id } of items) await deletePolicy(kit.engine, kit.owner, id);
});

function letter(...to: string[]) {
  count += 1;
  return { to, text: `letter ${count}` };
}

const policies = async () =>
  (await listPolicies(kit.engine, kit.owner, { limit: 100 })).items.map(
    ({ skill, recipient }) => `${skill} ${recipient}`,
  );

describe('a recipient who is remembered', () => {
  test('gets the next one without a question, under an approval of its own', async () => {
    const { ref, approval } = await ask(kit, 'post', letter(DANA));
    await say(kit, ref, approval, 'approve', { remember: 'recipient' });
    await follow(kit, ref);
    expect(await policies()).toEqual([`post ${DANA}`]);
    const input = letter(DANA);
    const next = await order(kit, [{ name: 'post', input }]);
    expect(next.step).toMatchObject({ kind: 'done', status: 'completed' });
    const [given, ...more] = next.approvals;
    expect(more).toEqual([]);
    expect(given).toMatchObject({ status: 'approved', decidedBy: 'policy', payload: input });
    expect(given?.id).not.toBe(approval.id);
    expect(await ledgerOf(kit, next.ref)).toMatchObject([{ key: given?.id, status: 'done', attempts: 1 }]);
    expect(provider.log.filter(({ label }) => label === input.text)).toMatchObject([{ key: given?.id }]);
  });

  test.each([
    ['for another skill', 'toot', [DANA]],
    ['for somebody else', 'post', [EVE]],
    ['for two of whom only one is covered', 'post', [DANA, EVE]],
  ])('does not let through what is %s', async (_, skill, to) => {
    await createPolicy(kit.engine, kit.owner, { skill: 'post', recipient: DANA });
    const input = letter(...to);
    const { approvals, step } = await order(kit, [{ name: skill, input }]);
    expect(step).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    expect(approvals).toMatchObject([{ status: 'pending' }]);
    expect(provider.executions(input.text)).toBe(0);
  });

  test('of two, both covered, lets both through, in whatever case they are written', async () => {
    for (const recipient of [DANA, EVE]) await createPolicy(kit.engine, kit.owner, { skill: 'post', recipient });
    const { approvals } = await order(kit, [{ name: 'post', input: letter('Dana@Example.com', EVE) }]);
    expect(approvals).toMatchObject([{ decidedBy: 'policy' }]);
  });

  test('is one person’s alone', async () => {
    await createPolicy(kit.engine, kit.owner, { skill: 'post', recipient: DANA });
    const other = await kit.person('Paula');
    const { approval } = await ask(kit, 'post', letter(DANA), other);
    expect(approval).toMatchObject({ status: 'pending' });
  });

  test('is asked about again once the policy is taken back', async () => {
    const policy = await createPolicy(kit.engine, kit.owner, { skill: 'post', recipient: DANA });
    await deletePolicy(kit.engine, kit.owner, policy.id);
    const { approval } = await ask(kit, 'post', letter(DANA));
    expect(approval).toMatchObject({ status: 'pending' });
  });

  test.each([['tasks_create'], ['no_such_skill']])('cannot be named for %s', async (skill) => {
    const making = createPolicy(kit.engine, kit.owner, { skill, recipient: DANA });
    await expect(making).rejects.toMatchObject({ type: 'invalid-body', errors: [{ path: 'skill' }] });
  });
});

describe('an agent that has read other people’s words', () => {
  /** The agent is tainted in the moment its call is proposed, as by a mail it reads beside it. */
  async function askTainted(to: string) {
    const input = letter(to);
    const first = await order(kit, [{ name: 'post', input }]);
    await meddle(kit, sql`update agents set labels = '{untrusted}' where id = ${first.ref.agent}`);
    return { ...first, input };
  }

  test('is asked about although a policy covers the recipient', async () => {
    await createPolicy(kit.engine, kit.owner, { skill: 'post', recipient: DANA });
    const { engine } = kit;
    const conversation = await ask(kit, 'post', letter(EVE));
    await say(kit, conversation.ref, conversation.approval, 'reject');
    await follow(kit, conversation.ref);
    await meddle(kit, sql`update agents set labels = '{untrusted}' where id = ${conversation.ref.agent}`);
    // A later request of the same conversation takes the label over.
    const tainted = await kit.accept('ORDER []');
    await engine.db.system((tx) =>
      tx.run(sql`
        update requests set conversation_id = (select conversation_id from requests where id = ${conversation.ref.request})
        where id = ${tainted.request}`),
    );
    const input = letter(DANA);
    await meddle(
      kit,
      sql`update messages set text = ${`ORDER ${JSON.stringify([{ name: 'post', input }])}`} where request_id = ${tainted.request}`,
    );
    expect(await follow(kit, tainted)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    expect(await approvalsOf(kit, tainted)).toMatchObject([{ status: 'pending' }]);
    expect(provider.executions(input.text)).toBe(0);
  });

  test('can be allowed this once and makes no rule', async () => {
    const { ref, approvals, input } = await askTainted(DANA);
    const [approval] = approvals;
    if (approval === undefined) throw new Error('nothing was asked');
    const remembering = say(kit, ref, approval, 'approve', { remember: 'recipient' });
    await expect(remembering).rejects.toMatchObject({ type: 'invalid-body', errors: [{ path: 'remember' }] });
    expect(await policies()).toEqual([]);
    await say(kit, ref, approval, 'approve');
    await follow(kit, ref);
    expect(provider.executions(input.text)).toBe(1);
    expect(await policies()).toEqual([]);
  });
});
