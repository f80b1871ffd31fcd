import { describe, expect, test } from 'vitest';
import { seededRandom } from '../helpers/seeded.js';
import { STORE_KINDS } from '../helpers/server-store.js';
import { openRandomWorld } from '../spaces/random-world.js';

const SEED = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SEQUENCES = Number(process.env.SOAK_SEQUENCES ?? 2_000);
const STEPS = 25;

describe(`${SEQUENCES} random sequences of ${STEPS} operations, seed ${SEED}`, () => {
  test.each(STORE_KINDS.filter(({ isPresent }) => isPresent))('on $name break no rule', async ({ name, open }) => {
    const begun = performance.now();
    const store = await open();
    const world = await openRandomWorld(store.db, seededRandom(SEED));
    const wrong: string[] = [];
    for (let sequence = 0; sequence < SEQUENCES; sequence += 1) wrong.push(...(await world.sequence(STEPS)));
    await store.close();
    console.log(
      `${name}, SOAK_SEED=${SEED} SOAK_SEQUENCES=${SEQUENCES}: ${wrong.length} violations, ${Math.round((performance.now() - begun) / 1000)} s`,
    );
    expect(wrong).toEqual([]);
  });
});
