import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { needs } from '../helpers/needs.js';
import { seededRandom } from '../helpers/seeded.js';
import { type OpenedStore, STORE_KINDS } from '../helpers/server-store.js';
import { openRandomTeams } from './random-team.js';

const SEED = 20_261_121;
const OPERATIONS = 2_000;

describe.each(STORE_KINDS)('on $name', ({ name, isPresent, open }) => {
  let kit: EngineKit;
  let store: OpenedStore;
  beforeAll(async () => {
    if (!isPresent) return;
    kit = await openEngine();
    store = await open();
  });
  afterAll(async () => {
    await store?.close();
    await kit?.close();
  });

  test(`${OPERATIONS} random operations leave no agent with more than the one that spawned it`, async (context) => {
    needs(context, name, isPresent);
    const teams = await openRandomTeams({ ...kit.engine, db: store.db }, seededRandom(SEED));
    const { wrong, done } = await teams.run(OPERATIONS);
    console.log([...new Set(wrong.map((w) => w.replaceAll(/(agt|spc)_\w+/g, '$1')))]);
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(Math.min(...Object.values(done))).toBeGreaterThan(OPERATIONS / 100);
  });
});
