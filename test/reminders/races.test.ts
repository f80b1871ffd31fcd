import { describe, expect, test } from 'vitest';
import { openEngine } from '../engine/engine-kit.js';
import { needs } from '../helpers/needs.js';
import { STORE_KINDS } from '../helpers/server-store.js';
import { openRandomRaces } from './random-races.js';

const SEED = 8_160_013;
const STORIES = 100;

describe(`${STORIES} random stories of reminders that are claimed and changed at once, seed ${SEED}`, () => {
  test.for(STORE_KINDS)(
    'on $name lose nothing that was confirmed, and deliver nothing twice, early or after a cancel [S3-06] [S3-29]',
    { timeout: 300_000 },
    async ({ name, isPresent, open }, context) => {
      needs(context, name, isPresent);
      const kit = await openEngine();
      const store = await open();
      const races = await openRandomRaces({ ...kit.engine, db: store.db }, SEED);
      const { wrong, done } = await races.run(STORIES);
      await store.close();
      await kit.close();
      expect(wrong).toEqual([]);
      for (const [outcome, times] of Object.entries(done)) expect([outcome, times > 0]).toEqual([outcome, true]);
    },
  );
});
