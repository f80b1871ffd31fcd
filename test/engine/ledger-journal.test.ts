import { cpSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sendEffect } from '../../activities/effects.js';
import type { AgentRef } from '../../contracts/step.js';
import { releaseLeases } from '../../engine/effect-takeover.js';
import { reconcileJournal } from '../../engine/journaled.js';
import { createDb } from '../../store/db.js';
import { type EmbeddedStore, openEmbedded } from '../../store/embedded.js';
import { openJournal } from '../../connectors/local/effect-journal.js';
import { sql } from '../../store/sql.js';
import {
  type Acting,
  anotherProcess,
  approvalsOf,
  ask,
  askAndApprove,
  follow,
  ledgerOf,
  say,
} from './effect-driver.js';
import { type EngineKit, openEngine } from './engine-kit.js';

const MAIL = { to: ['dana@example.com'], subject: 'Lunch', body: 'Lunch at one?' };

let kit: EngineKit;
const opened: EmbeddedStore[] = [];

beforeEach(async () => {
  kit = await openEngine([], { leaseMs: 60_000, sendMs: 60_000 });
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await kit.close();
});

const journalPlace = (): string => path.join(kit.store.folder, 'effects.journal');

/** A copy of the database as it is now, as a backup holds it. */
async function backup(): Promise<string> {
  await kit.store.pool.query('checkpoint');
  const place = path.join(kit.store.folder, `backup-${opened.length}`);
  cpSync(path.join(kit.store.folder, 'database'), place, { recursive: true });
  return place;
}

/** A process that starts on the backup, beside the mail folder as it is today. */
async function startOn(place: string, options: { journal: boolean }): Promise<Acting & { interrupted: number }> {
  const store = await openEmbedded(place);
  opened.push(store);
  const db = createDb(store.pool, { events: kit.store.bus, outbox: { poke: () => undefined } });
  const engine = { ...kit.engine, db };
  const { journal, entries } = await openJournal(journalPlace());
  await journal.close();
  const interrupted = await reconcileJournal(engine, options.journal ? entries : []);
  await releaseLeases(engine);
  return { ...anotherProcess({ engine, deps: { ...kit.deps, engine } }), interrupted };
}

/** Carries the request out in the first process, which writes the journal. */
async function carryOut(ref: AgentRef): Promise<void> {
  const { journal } = await openJournal(journalPlace());
  await follow({ engine: kit.engine, deps: { ...kit.deps, journal } }, ref);
  await journal.close();
}

function outbox(): string[] {
  const folder = path.join(kit.store.folder, 'local', kit.owner, 'mail', 'outbox');
  return readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
}

describe('an older backup of the database under a newer outbox', () => {
  test.each([
    ['the journal', true, 1],
    ['the key', false, 0],
  ])('that still has the mail ready does not send it again, by %s', async (_, journal, interrupted) => {
    const { ref, approval } = await askAndApprove(kit, 'email_send', MAIL);
    const place = await backup();
    await carryOut(ref);
    expect(outbox()).toEqual([approval.rendered?.text]);
    const restored = await startOn(place, { journal });
    expect(restored.interrupted).toBe(interrupted);
    expect(await ledgerOf(restored, ref)).toMatchObject([{ status: journal ? 'unknown' : 'ready' }]);
    expect(await follow(restored, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await ledgerOf(restored, ref)).toMatchObject([{ status: 'done', attempts: 1 }]);
    expect(outbox()).toEqual([approval.rendered?.text]);
  });

  test('that still waits for the decision takes it from the journal', async () => {
    const { ref, approval } = await ask(kit, 'email_send', MAIL);
    const place = await backup();
    await say(kit, ref, approval, 'approve');
    await carryOut(ref);
    const restored = await startOn(place, { journal: true });
    expect(restored.interrupted).toBe(1);
    expect(await approvalsOf(restored, ref)).toMatchObject([{ status: 'approved', decidedBy: 'journal' }]);
    await expect(say(restored, ref, approval, 'approve')).rejects.toMatchObject({ type: 'decided' });
    expect(await follow(restored, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await ledgerOf(restored, ref)).toMatchObject([{ status: 'done' }]);
    expect(outbox()).toEqual([approval.rendered?.text]);
  });

  test('that still waits for the decision, without a journal, asks again and recognises what was sent', async () => {
    const { ref, approval } = await ask(kit, 'email_send', MAIL);
    const place = await backup();
    await say(kit, ref, approval, 'approve');
    await carryOut(ref);
    const restored = await startOn(place, { journal: false });
    expect(await follow(restored, ref)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    await say(restored, ref, approval, 'approve');
    expect(await follow(restored, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(await ledgerOf(restored, ref)).toMatchObject([{ status: 'done', attempts: 1 }]);
    expect(outbox()).toEqual([approval.rendered?.text]);
  });

  test('that does not know of the edit the user made asks instead of claiming to know', async () => {
    const { ref, approval } = await ask(kit, 'email_send', MAIL);
    const place = await backup();
    await say(kit, ref, approval, 'edit', { payload: { ...MAIL, body: 'Lunch at two?' } });
    await carryOut(ref);
    const sent = outbox();
    const restored = await startOn(place, { journal: true });
    expect(await follow(restored, ref)).toMatchObject({ kind: 'wait', waitingFor: 'approval' });
    const question = (await approvalsOf(restored, ref)).find(({ about }) => about === approval.id);
    expect(question).toMatchObject({ effect: 'unknown', status: 'pending' });
    expect(outbox()).toEqual(sent);
  });

  test('that knows the outcome is left as it is', async () => {
    const { ref } = await askAndApprove(kit, 'email_send', MAIL);
    await carryOut(ref);
    const restored = await startOn(await backup(), { journal: true });
    expect(restored.interrupted).toBe(0);
    expect(await ledgerOf(restored, ref)).toMatchObject([{ status: 'done', attempts: 1 }]);
    expect(outbox()).toHaveLength(1);
  });
});

describe('the journal', () => {
  test('has the attempt before anything is sent; what never left is found absent and sent once', async () => {
    const { ref, work } = await askAndApprove(kit, 'email_send', MAIL);
    const place = await backup();
    const { journal } = await openJournal(journalPlace());
    const lost = new Error('the power went');
    const cut = {
      append: async (key: string, fence: number): Promise<void> => {
        await journal.append(key, fence);
        throw lost;
      },
    };
    await sendEffect({ ...kit.deps, journal: cut }, work);
    await journal.close();
    expect((await openAgain()).map(({ key, fence }) => [key, fence])).toEqual([[work.key, work.fence]]);
    const restored = await startOn(place, { journal: true });
    expect(restored.interrupted).toBe(1);
    expect(await follow(restored, ref)).toMatchObject({ kind: 'done', status: 'completed' });
    expect(outbox()).toHaveLength(1);
    expect(await ledgerOf(restored, ref)).toMatchObject([{ status: 'done', attempts: 2 }]);
  });

  test('is read once for each key, whatever else stands in it', async () => {
    const { ref, work } = await askAndApprove(kit, 'email_send', MAIL);
    const at = new Date().toISOString();
    const entries = [
      { key: work.key, fence: 1, at },
      { key: work.key, fence: 1, at },
      { key: 'apr_nobody_knows', fence: 1, at },
    ];
    expect(await reconcileJournal(kit.engine, entries)).toBe(1);
    expect(await reconcileJournal(kit.engine, entries)).toBe(0);
    const count = await kit.engine.db.system((tx) =>
      tx.one<{ count: number }>(sql`select count(*)::int as count from outbox where kind = 'revive'`),
    );
    expect(count).toEqual({ count: 1 });
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done' });
    expect(outbox()).toHaveLength(1);
  });

  test('does not bring back what was rejected', async () => {
    const { ref, approval } = await ask(kit, 'email_send', MAIL);
    await say(kit, ref, approval, 'reject');
    const entry = { key: approval.id, fence: 1, at: new Date().toISOString() };
    expect(await reconcileJournal(kit.engine, [entry])).toBe(0);
    expect(await follow(kit, ref)).toMatchObject({ kind: 'done' });
    expect(await ledgerOf(kit, ref)).toEqual([]);
  });

  async function openAgain() {
    const { journal, entries } = await openJournal(journalPlace());
    await journal.close();
    return entries;
  }
});
