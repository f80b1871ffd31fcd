import { describe, expect, test } from 'vitest';
import { openEngine } from '../engine/engine-kit.js';
import { STORE_KINDS } from '../helpers/server-store.js';
import { openRandomRaces } from '../reminders/random-races.js';

const SEED = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 31));
const STORIES = Number(process.env.SOAK_STORIES ?? 1_000);

describe(`${STORIES} random stories of reminders that are claimed and changed at once, seed ${SEED}`, () => {
  test.each(STORE_KINDS.filter(({ isPresent }) => isPresent))('on $name break no rule', async ({ name, open }) => {
    const begun = performance.now();
    const kit = await openEngine();
    const store = await open();
    const races = await openRandomRaces({ ...kit.engine, db: store.db }, SEED);
    const { wrong, done } = await races.run(STORIES);
    await store.close();
    await kit.close();
    console.log(
      `${name}, SOAK_SEED=${SEED} SOAK_STORIES=${STORIES}: ${wrong.length} violations, ${Math.round((performance.now() - begun) / 1000)} s`,
    );
    console.table(done);
    expect(wrong).toEqual([]);
  });
});
