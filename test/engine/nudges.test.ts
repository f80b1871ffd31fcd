import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readEvents } from '../../engine/event-feed.js';
import { nudge } from '../../engine/nudges.js';
import { cancelRequest } from '../../engine/cancel.js';
import { patchMe } from '../../engine/users.js';
import { sql } from '../../store/sql.js';
import { startProvider, type OutsideProvider } from '../stand-ins/provider.js';
import { postSkill } from '../stand-ins/provider-skill.js';
import { ask, meddle, say } from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

let kit: EngineKit;
let provider: OutsideProvider;

beforeAll(async () => {
  provider = await startProvider({ seed: 1, identified: true });
  kit = await openEngine([postSkill({ name: 'post', provider }).skill]);
});
afterAll(async () => {
  await kit.close();
  await provider.close();
});

async function asked(text: string) {
  const { ref, approval } = await ask(kit, 'post', { to: ['dana@example.com'], text });
  // The request's own deadline would end it sooner here.
  await meddle(kit, sql`update approvals set expires_at = created_at + interval '7 days' where id = ${approval.id}`);
  /** Lets hours go by for this approval. */
  const pass = (hours: number): Promise<void> =>
    meddle(
      kit,
      sql`update approvals set created_at = created_at - make_interval(hours => ${hours}), nudge_at = nudge_at - make_interval(hours => ${hours}),
        expires_at = expires_at - make_interval(hours => ${hours}) where id = ${approval.id}`,
    );
  const reminders = async (): Promise<number> => {
    const events = await readEvents(kit.engine, ref.user, ref.request, 0, 1_000);
    return events.filter(({ type, data }) => type === 'approval.requested' && 'nudge' in data).length;
  };
  const words = () =>
    kit.engine.db.as(ref.user, (tx) =>
      tx.rows<{ text: string }>(
        sql`select text from messages where request_id = ${ref.request} and role = 'assistant' order by seq`,
      ),
    );
  return { ref, approval, pass, reminders, words };
}

describe('what waits for a decision', () => {
  test('is brought to mind a day after it was asked and a day before its end, once each', async () => {
    const { pass, reminders, words, approval } = await asked('two reminders');
    expect(await nudge(kit.engine, 10)).toBe(0);
    await pass(23);
    expect(await nudge(kit.engine, 10)).toBe(0);
    await pass(2);
    expect([await nudge(kit.engine, 10), await nudge(kit.engine, 10)]).toEqual([1, 0]);
    await pass(5 * 24 - 2);
    expect(await nudge(kit.engine, 10)).toBe(0);
    await pass(2);
    expect(await Promise.all([nudge(kit.engine, 10), nudge(kit.engine, 10)])).toSatisfy(
      ([first, second]: number[]) => (first ?? 0) + (second ?? 0) === 1,
    );
    await pass(20);
    expect(await nudge(kit.engine, 10)).toBe(0);
    expect(await reminders()).toBe(2);
    const said = await words();
    expect(said).toHaveLength(2);
    expect(said[0]?.text).toContain(approval.title);
  });

  test('is not brought to mind after its end', async () => {
    const { pass, reminders } = await asked('too late');
    await pass(8 * 24);
    expect(await nudge(kit.engine, 10)).toBe(0);
    expect(await reminders()).toBe(0);
  });

  test('is not brought to mind in quiet hours, but right after them', async () => {
    const { ref, pass, reminders, approval } = await asked('at night');
    await patchMe(kit.engine, ref.user, { timeZone: 'UTC', quietHours: { from: '22:00', to: '07:00' } });
    await pass(25);
    const night = Date.parse('2026-11-23T23:00:00Z');
    expect(await nudge(kit.engine, 10, night)).toBe(0);
    expect(await reminders()).toBe(0);
    const { at } = await kit.engine.db.as(ref.user, (tx) =>
      tx.one<{ at: string }>(sql`select nudge_at as at from approvals where id = ${approval.id}`),
    );
    expect(at).toBe('2026-11-24T07:00:00.000Z');
    await meddle(kit, sql`update approvals set nudge_at = now() where id = ${approval.id}`);
    expect(await nudge(kit.engine, 10, Date.parse(at))).toBe(1);
    await patchMe(kit.engine, ref.user, { quietHours: null });
  });

  test('is brought to mind in quiet hours where it would expire before they end', async () => {
    const { ref, pass, reminders, approval } = await asked('expires at night');
    await patchMe(kit.engine, ref.user, { timeZone: 'UTC', quietHours: { from: '22:00', to: '07:00' } });
    await pass(25);
    await meddle(kit, sql`update approvals set expires_at = '2026-11-24T03:00:00Z' where id = ${approval.id}`);
    expect(await nudge(kit.engine, 10, Date.parse('2026-11-23T23:00:00Z'))).toBe(1);
    expect(await reminders()).toBe(1);
    await patchMe(kit.engine, ref.user, { quietHours: null });
  });

  test.each(['approve', 'reject', 'cancel'] as const)('is not brought to mind after %s', async (end) => {
    const { ref, approval, pass, reminders } = await asked(`decided by ${end}`);
    if (end === 'cancel') await cancelRequest(kit.engine, ref.user, ref.request);
    else await say(kit, ref, approval, end);
    await pass(25);
    expect(await nudge(kit.engine, 10)).toBe(0);
    expect(await reminders()).toBe(0);
  });
});
