import { describe, expect, test } from 'vitest';
import { openRandomTeams } from '../agents/random-team.js';
import { openEngine } from '../engine/engine-kit.js';
import { seededRandom } from '../helpers/seeded.js';
import { STORE_KINDS } from '../helpers/server-store.js';

const SEED = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 31));
const OPERATIONS = Number(process.env.SOAK_OPERATIONS ?? 20_000);

describe(`${OPERATIONS} random operations on the rights of agents, seed ${SEED}`, () => {
  test.each(STORE_KINDS.filter(({ isPresent }) => isPresent))('on $name widen nobody', async ({ name, open }) => {
    const begun = performance.now();
    const kit = await openEngine();
    const store = await open();
    const teams = await openRandomTeams({ ...kit.engine, db: store.db }, seededRandom(SEED));
    const { wrong, done } = await teams.run(OPERATIONS);
    await store.close();
    await kit.close();
    console.log(
      `${name}, SOAK_SEED=${SEED} SOAK_OPERATIONS=${OPERATIONS}: ${wrong.length} violations, ${Math.round((performance.now() - begun) / 1000)} s`,
    );
    console.table(done);
    expect(wrong).toEqual([]);
  });
});
