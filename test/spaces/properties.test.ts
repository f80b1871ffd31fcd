import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allows, effectivePermission } from '../../contracts/permission.js';
import { ProblemError } from '../../contracts/problem.js';
import { type Permission, PERMISSIONS } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import { needs } from '../helpers/needs.js';
import { seededRandom } from '../helpers/seeded.js';
import { type OpenedStore, STORE_KINDS } from '../helpers/server-store.js';
import { brokenRows, openRandomWorld } from './random-world.js';

const SEED = 20_261_121;
const SEQUENCES = 40;
const STEPS = 25;
const RULE_SEQUENCES = 100_000;
const WRITERS = 50;

test(`the rule of permissions holds for ${RULE_SEQUENCES} random sequences of grants and revocations [S3-20]`, () => {
  const random = seededRandom(SEED);
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  const operations: Readonly<Record<Permission, readonly string[]>> = {
    read: ['see'],
    append: ['see', 'add'],
    write: ['see', 'add', 'change'],
    grant: ['see', 'add', 'change', 'share'],
  };
  const needs: readonly (readonly [string, Permission])[] = [
    ['see', 'read'],
    ['add', 'append'],
    ['change', 'write'],
    ['share', 'grant'],
  ];
  let violations = 0;
  for (let sequence = 0; sequence < RULE_SEQUENCES; sequence += 1) {
    let user: Permission | undefined;
    let agent: Permission | undefined;
    let confined = false;
    for (let step = 0; step < 6; step += 1) {
      if (random() < 0.4) user = pick([undefined, ...PERMISSIONS]);
      else if (random() < 0.8) agent = pick([undefined, ...PERMISSIONS]);
      else confined = !confined;
      const effective = effectivePermission(user, { confined, held: agent });
      const ofUser = user === undefined ? [] : operations[user];
      const ofAgent = agent === undefined ? [] : operations[agent];
      const may = new Set(confined ? ofUser.filter((operation) => ofAgent.includes(operation)) : ofUser);
      for (const [operation, needed] of needs) if (allows(effective, needed) !== may.has(operation)) violations += 1;
    }
  }
  expect(violations).toBe(0);
});

describe.each(STORE_KINDS)('on $name', ({ name, isPresent, open }) => {
  let store: OpenedStore;
  beforeAll(async () => {
    if (isPresent) store = await open();
  });
  afterAll(() => store?.close());

  test(`${SEQUENCES} random sequences do what the rules say, and leave whole rows [S3-20]`, async (context) => {
    needs(context, name, isPresent);
    const world = await openRandomWorld(store.db, seededRandom(SEED));
    const wrong: string[] = [];
    for (let sequence = 0; sequence < SEQUENCES; sequence += 1) wrong.push(...(await world.sequence(STEPS)));
    expect(wrong).toEqual([]);
  });

  test(`${WRITERS} writers of one atom lose no update, whichever way they write [S4-22] [S4-24]`, async (context) => {
    needs(context, name, isPresent);
    const me = userActor('usr_w');
    const as = <T>(work: (spaces: ReturnType<typeof spaceAccess>) => Promise<T>): Promise<T> =>
      store.db.as(me.user, (tx) => work(spaceAccess(tx, me)));
    await store.db.system((tx) => tx.run(sql`insert into users (id, name, time_zone) values (${me.user}, 'W', 'UTC')`));
    const space = await as((spaces) => spaces.create({ name: 'CRM' }));
    const { id } = await as((spaces) => spaces.put(space.id, { payload: { count: 0 }, comment: 'x' }));
    const writer = async (n: number): Promise<void> => {
      for (;;) {
        const { version, payload } = await as((spaces) => spaces.get(space.id, id));
        const { count } = payload as { count: number };
        try {
          const patch = { payload: { count: count + 1 }, ifVersion: version, comment: 'x' };
          await as((spaces) => spaces.update(space.id, id, patch));
          break;
        } catch (error) {
          if (!(error instanceof ProblemError) || error.type !== 'stale') throw error;
        }
      }
      await as((spaces) => spaces.update(space.id, id, { metadata: { [`writer ${n}`]: n }, comment: 'x' }));
    };
    await Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n)));
    const atom = await as((spaces) => spaces.get(space.id, id));
    expect(atom.payload).toEqual({ count: WRITERS });
    expect(Object.keys(atom.metadata)).toHaveLength(WRITERS);
    expect(atom.version).toBe(1 + 2 * WRITERS);
    expect(await store.db.system((tx) => tx.rows(brokenRows(space.id)))).toEqual([]);
  });
});
