import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { needs } from '../helpers/needs.js';
import { seededRandom } from '../helpers/seeded.js';
import { type OpenedStore, STORE_KINDS } from '../helpers/server-store.js';
import { openRandomTeams } from './random-team.js';

const SEED = 20_261_121;
/** On each store; a soak does many more. */
const OPERATIONS = 1_000;
const LONG = { timeout: 180_000 };

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

  test(
    `${OPERATIONS} random operations leave no agent with more than the one that spawned it`,
    LONG,
    async (context) => {
      needs(context, name, isPresent);
      const teams = await openRandomTeams({ ...kit.engine, db: store.db }, seededRandom(SEED + name.length));
      const { wrong, done } = await teams.run(OPERATIONS);
      expect(wrong.slice(0, 5)).toEqual([]);
      // Everything there is was done, and not only refused.
      expect(Object.entries(done).filter(([, count]) => count < 3)).toEqual([]);
    },
  );
});
