import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { AgentRef } from '../../contracts/step.js';
import { acceptRequest } from '../../engine/accept.js';
import { cancelRequest } from '../../engine/cancel.js';
import { turnStep } from '../../engine/charge-rows.js';
import type { Engine } from '../../engine/deps.js';
import { viewRequest } from '../../engine/requests.js';
import { reserve, settleAttempt } from '../../engine/reservations.js';
import { lockRequest } from '../../engine/rows.js';
import { ensureOwner } from '../../engine/users.js';
import { getWallet, giveCredit } from '../../engine/wallet.js';
import { openStore } from '../../store/open.js';
import { needs } from '../helpers/needs.js';
import { forbidOverspending } from '../helpers/never-overspent.js';
import { findPostgres, startPostgres } from '../helpers/postgres.js';
import { openEngine } from './engine-kit.js';

const WISH = { kind: 'model', name: 'm', minUsd: '0.02', wantUsd: '0.06' } as const;

test('many transactions at the same time on PostgreSQL never overspend a wallet and lose no money', async (context) => {
  needs(context, 'PostgreSQL', findPostgres() !== undefined);
  const server = await startPostgres();
  const kit = await openEngine();
  const store = await openStore({
    url: await server.createDatabase('wallets'),
    folder: '',
    connections: 12,
    log: () => undefined,
    outbox: { poke: () => undefined },
    patienceMs: 10_000,
  });
  try {
    const engine: Engine = { ...kit.engine, db: store.db };
    const { id: owner } = await ensureOwner(engine, { name: 'Olga', timeZone: 'UTC' });
    await giveCredit(engine, { id: owner, isOwner: true }, { usd: '1' });
    await forbidOverspending(store.db);
    const refs = await Promise.all(Array.from({ length: 24 }, () => accept(engine, owner)));
    await Promise.all(refs.map((ref, index) => spend(engine, ref, index)));
    const views = await Promise.all(refs.map((ref) => viewRequest(engine, owner, ref.request)));
    const spent = views.reduce((sum, view) => sum + Number(view.cost.totalUsd), 0);
    const wallet = await getWallet(engine, owner);
    expect(wallet.reservedUsd).toBe('0');
    expect(spent).toBeGreaterThan(0.9);
    expect(1 - Number(wallet.balanceUsd)).toBeCloseTo(spent, 10);
  } finally {
    await store.close();
    await kit.close();
    await server.stop();
  }
});

async function accept(engine: Engine, user: string): Promise<AgentRef> {
  const { id } = await acceptRequest(engine, user, { body: { text: 'go' } });
  return { user, request: id, agent: (await viewRequest(engine, user, id)).agent };
}

/** Reserves and settles until the wallet is short; what is left open at the end ends with the request. */
async function spend(engine: Engine, ref: AgentRef, seed: number): Promise<void> {
  for (let attempt = 1; attempt <= 40; attempt += 1) {
    const money = await engine.db.as(ref.user, async (tx) => {
      await lockRequest(tx, ref);
      return reserve(tx, ref, { step: turnStep(ref.agent, 1), attempt }, WISH);
    });
    if (money.kind === 'short' || money.kind === 'share') break;
    if (money.kind === 'held') await delay(5);
    else {
      await delay((attempt * 7 + seed) % 9);
      const usd = (Number(money.usd) / (1 + ((attempt + seed) % 3))).toFixed(6);
      const way = (attempt + seed) % 5;
      if (way !== 0)
        await settleAttempt(engine, ref, { turn: 1, attempt }, way === 1 ? undefined : { name: 'm', quantity: 1, usd });
    }
  }
  await cancelRequest(engine, ref.user, ref.request);
}
