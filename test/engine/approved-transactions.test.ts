import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sendEffect, settleEffect } from '../../activities/effects.js';
import { ProblemError } from '../../contracts/problem.js';
import { type TransactionContext, transactionSkill } from '../../contracts/skill.js';
import { viewRequest } from '../../engine/requests.js';
import { sql } from '../../store/sql.js';
import { askAndApprove, ask, follow, ledgerOf, meddle, say } from './effect-driver.js';
import { dying } from './effect-load.js';
import { type EngineKit, openEngine } from './engine-kit.js';

const ShredSchema = z.strictObject({ name: z.string() });
type Behaviour = (context: TransactionContext) => Promise<void>;

let kit: EngineKit;
/** By name: what else the skill does after its write. */
const behaviours = new Map<string, Behaviour>();
let count = 0;

beforeAll(async () => {
  const shred = transactionSkill<{ name: string }, unknown>({
    manifest: {
      name: 'shred',
      description: 'Removes for good.',
      effect: 'destructive',
      input: ShredSchema,
      output: z.json(),
      timeoutSeconds: 10,
      taints: [],
      summary: ({ name }) => `Shreds ${name}`,
    },
    run: async ({ name }, context: TransactionContext) => {
      const memory = await context.spaces.ofRole('memory');
      await context.spaces.put(memory.id, { payload: { shredded: name }, comment: 'shredded' });
      await behaviours.get(name)?.(context);
      return { output: { shredded: name } };
    },
  });
  kit = await openEngine([shred]);
});
afterAll(() => kit.close());

async function prepared() {
  count += 1;
  const name = `paper ${count}`;
  const made = await askAndApprove(kit, 'shred', { name });
  return { ...made, name, times: () => timesOf(name) };
}

async function timesOf(name: string): Promise<number> {
  const { times } = await kit.engine.db.system((tx) =>
    tx.one<{ times: number }>(
      sql`select count(*)::int as times from atom_versions where payload->>'shredded' = ${name}`,
    ),
  );
  return times;
}

describe('what cannot be undone in the store', () => {
  test('waits for a person and runs once when approved', async () => {
    const { ref, approval } = await ask(kit, 'shred', { name: 'the diary' });
    expect(approval).toMatchObject({ effect: 'destructive', status: 'pending' });
    expect(await timesOf('the diary')).toBe(0);
    await say(kit, ref, approval, 'approve');
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await timesOf('the diary')).toBe(1);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done', attempts: 1 }]);
  });

  test('does not run when it is rejected', async () => {
    const { ref, approval } = await ask(kit, 'shred', { name: 'the will' });
    await say(kit, ref, approval, 'reject', { reason: 'I still need it.' });
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect([await timesOf('the will'), await ledgerOf(kit, ref)]).toEqual([0, []]);
    expect(JSON.stringify(kit.asked.at(-1)?.messages.at(-1))).toContain('I still need it.');
  });

  test('runs once however often its step is done, settled and done again', async () => {
    const { ref, work, times } = await prepared();
    await Promise.all([1, 2, 3].map(() => sendEffect(kit.deps, work)));
    await settleEffect(kit.deps, work);
    await sendEffect(kit.deps, work);
    await follow(kit, ref);
    expect(await times()).toBe(1);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'done', attempts: 1 }]);
  });

  test.each([
    ['before the transaction', 2, false],
    ['after its commit, unheard', 2, true],
    ['before it was read', 1, false],
  ])('runs once when the store goes away %s', async (_, nth, afterCommit) => {
    const { ref, work, times } = await prepared();
    const engine = { ...kit.engine, db: dying(kit.engine.db, nth, afterCommit) };
    await expect(sendEffect({ ...kit.deps, engine }, work)).rejects.toMatchObject({ type: 'unavailable' });
    await settleEffect(kit.deps, work);
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await times()).toBe(1);
  });

  test('leaves nothing behind when its skill refuses', async () => {
    const { ref, name, times } = await prepared();
    behaviours.set(name, () => Promise.reject(new ProblemError('conflict', 'It is in use.')));
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await times()).toBe(0);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'failed', error: 'It is in use.' }]);
  });

  test('is tried three times and no more when its skill is broken', async () => {
    const { ref, name, times } = await prepared();
    let tries = 0;
    behaviours.set(name, () => {
      tries += 1;
      return Promise.reject(new TypeError('undefined is not a function'));
    });
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect([tries, await times()]).toEqual([3, 0]);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'failed' }]);
  });

  test('does not run with another input than the approved one', async () => {
    const { ref, approval, times } = await prepared();
    await meddle(kit, sql`update approvals set payload = '{"name": "everything"}' where id = ${approval.id}`);
    await follow(kit, ref);
    expect([await times(), await timesOf('everything')]).toEqual([0, 0]);
    expect(await ledgerOf(kit, ref)).toMatchObject([{ status: 'failed' }]);
  });

  test('is told to the agent and shown as done', async () => {
    const { ref, name } = await prepared();
    await follow(kit, ref);
    expect(JSON.stringify(kit.asked.at(-1)?.messages.at(-1))).toContain(name);
    expect(await viewRequest(kit.engine, ref.user, ref.request)).toMatchObject({ status: 'completed' });
  });
});
