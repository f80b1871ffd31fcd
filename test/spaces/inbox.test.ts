import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { spaceAccess } from '../../spaces/access.js';
import { deliverDue, pruneDeliveries } from '../../spaces/dispatch.js';
import { userActor } from '../../spaces/principal.js';
import { inboxOf } from '../../spaces/subscriptions.js';
import { sql } from '../../store/sql.js';
import { openTestStore, type TestStore } from '../helpers/store.js';
import { addPerson } from './random-world.js';

const USER = 'usr_1';
const AGENT = 'agt_1';
const me = userActor(USER);

let store: TestStore;
let space: string;
beforeAll(async () => {
  store = await openTestStore();
  await store.db.system((tx) => addPerson(tx, { user: USER, agent: AGENT }));
  await store.db.system((tx) => tx.run(sql`update agents set confined = false`));
});
afterAll(() => store.close());
beforeEach(async () => {
  space = await store.db.as(USER, async (tx) => {
    const { id } = await spaceAccess(tx, me).create({ name: 'News' });
    await spaceAccess(tx, me).subscribe(id, AGENT, {});
    return id;
  });
  await store.db.system((tx) => tx.run(sql`delete from deliveries`));
});

async function news(count: number): Promise<void> {
  await store.db.as(USER, async (tx) => {
    for (let n = 0; n < count; n += 1) await spaceAccess(tx, me).put(space, { payload: n, comment: `${n}` });
  });
  await deliverDue(store.db);
}
const makeOlder = (hours: number) =>
  store.db.system((tx) => tx.run(sql`update deliveries set at = at - make_interval(hours => ${hours})`));
const inbox = async (): Promise<string[]> => {
  const { items } = await store.db.as(USER, (tx) => inboxOf(tx, me, AGENT, { limit: 50 }));
  return items.map(({ event }) => event.comment);
};

test('an inbox keeps thirty days, and what is pruned is not delivered again', async () => {
  await news(2);
  await makeOlder(31 * 24);
  await news(1);
  await makeOlder(29 * 24);
  await news(2);
  expect(await inbox()).toEqual(['0', '1', '0', '0', '1']);
  expect(await store.db.system(pruneDeliveries)).toBe(false);
  expect(await inbox()).toEqual(['0', '0', '1']);
  expect(await deliverDue(store.db)).toBe(0);
  expect(await store.db.system(pruneDeliveries)).toBe(false);
  expect(await inbox()).toHaveLength(3);
});

test('many are pruned in bounded parts, the oldest first', async () => {
  await news(1);
  await store.db.system(async (tx) => {
    await tx.run(sql`
      insert into space_events (space_id, seq, atom_id, version, author, comment) select ${space}, n, 'atm_x', 1, 'x', 'old' from generate_series(2, 2501) n`);
    await tx.run(sql`
      insert into deliveries (user_id, agent_id, space_id, seq) select ${USER}, ${AGENT}, ${space}, n from generate_series(2, 2501) n`);
  });
  await makeOlder(31 * 24);
  const left = async (): Promise<number> =>
    store.db.system(async (tx) => (await tx.one<{ n: number }>(sql`select count(*)::int as n from deliveries`)).n);
  const after: unknown[] = [];
  for (let more = true; more; ) {
    more = await store.db.system(pruneDeliveries);
    after.push([more, await left()]);
  }
  expect(after).toEqual([
    [true, 1_501],
    [true, 501],
    [false, 0],
  ]);
});
