import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewSubscription } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { deliverDue, MOST_HOPS } from '../../spaces/dispatch.js';
import { type Actor, userActor } from '../../spaces/principal.js';
import { inboxOf } from '../../spaces/subscriptions.js';
import { sql } from '../../store/sql.js';
import { openTestStore, type TestStore } from '../helpers/store.js';
import { addPerson } from './random-world.js';

const anna = { user: 'usr_anna', agent: 'agt_anna' };
const ben = { user: 'usr_ben', agent: 'agt_ben' };
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
  await store.db.system(async (tx) => {
    await addPerson(tx, anna);
    await addPerson(tx, ben);
    await tx.run(sql`update agents set confined = false`);
  });
});
afterAll(() => store.close());

type Access = ReturnType<typeof spaceAccess>;
const as = <T>(actor: Actor, work: (spaces: Access) => Promise<T>): Promise<T> =>
  store.db.as(actor.user, (tx) => work(spaceAccess(tx, actor)));
const me = userActor(anna.user);
const agent: Actor = { user: anna.user, author: `agent:${anna.agent}`, origin: 'agent' };
const say = (space: string, comment: string, more: object = {}, actor: Actor = me) =>
  as(actor, (spaces) => spaces.put(space, { payload: 'x', comment, ...more }));

/** A space that Ben may read, in which his agent wishes to be told of changes. */
async function followed(wish: NewSubscription = {}): Promise<string> {
  const { id } = await as(me, (spaces) => spaces.create({ name: 'News' }));
  await as(me, (spaces) => spaces.share(id, `user:${ben.user}`, 'read'));
  await as(userActor(ben.user), (spaces) => spaces.subscribe(id, ben.agent, wish));
  return id;
}

/** Comments that an agent was told of in this space, in the order in which they came. */
async function toldOf(space: string, person = ben): Promise<string[]> {
  while ((await deliverDue(store.db)) > 0);
  const page = await store.db.as(person.user, (tx) =>
    inboxOf(tx, userActor(person.user), person.agent, { limit: 200 }),
  );
  return page.items.filter(({ event }) => event.space === space).map(({ event }) => event.comment);
}

describe('a subscriber', () => {
  test('is told of what changed since it subscribed, once and in order', async () => {
    const { id } = await as(me, (spaces) => spaces.create({ name: 'Log' }));
    await say(id, 'before');
    await as(me, (spaces) => spaces.subscribe(id, anna.agent, {}));
    const atom = await say(id, 'first');
    await as(me, (spaces) => spaces.update(id, atom.id, { payload: 'y', comment: 'second' }));
    await as(me, (spaces) => spaces.deprecate(id, atom.id, 'third'));
    expect(await toldOf(id, anna)).toEqual(['first', 'second', 'third']);
    expect(await toldOf(id, anna)).toEqual(['first', 'second', 'third']);
    await as(me, (spaces) => spaces.unsubscribe(id, anna.agent));
    await say(id, 'after');
    expect(await toldOf(id, anna)).toEqual(['first', 'second', 'third']);
  });

  test('is not told of its own changes, but of those of its user', async () => {
    const { id } = await as(me, (spaces) => spaces.create({ name: 'Own' }));
    await as(me, (spaces) => spaces.subscribe(id, anna.agent, {}));
    await say(id, 'by the agent', {}, agent);
    await say(id, 'by the user');
    expect(await toldOf(id, anna)).toEqual(['by the user']);
  });

  test('is told only of what its filter lets through: metadata, state of references, author', async () => {
    const byMetadata = await followed({ metadata: { status: 'open', priority: { lte: 1 } } });
    await say(byMetadata, 'urgent', { metadata: { status: 'open', priority: 1 } });
    await say(byMetadata, 'later', { metadata: { status: 'open', priority: 3 } });
    await say(byMetadata, 'over', { metadata: { status: 'done', priority: 1 } });
    expect(await toldOf(byMetadata)).toEqual(['urgent']);

    const byReference = await followed({ references: { blocked_by: { status: 'done' } } });
    const done = await say(byReference, 'done', { metadata: { status: 'done' } });
    const open = await say(byReference, 'open', { metadata: { status: 'open' } });
    await say(byReference, 'free', { references: [{ type: 'blocked_by', atom: done.id }] });
    await say(byReference, 'blocked', { references: [{ type: 'blocked_by', atom: open.id }] });
    expect(await toldOf(byReference)).toEqual(['done', 'open', 'free']);

    const byAuthor = await followed({ author: `agent:${anna.agent}` });
    await say(byAuthor, 'by the agent', {}, agent);
    await say(byAuthor, 'by the user');
    expect(await toldOf(byAuthor)).toEqual(['by the agent']);
  });

  test('that wants quiet is told when the space has been quiet, or has not been for too long', async () => {
    const space = await followed({ debounceSeconds: 60 });
    const age = (seconds: number) =>
      store.db.system((tx) =>
        tx.run(sql`update space_events set at = at - make_interval(secs => ${seconds}) where space_id = ${space}`),
      );
    await say(space, 'one');
    await age(50);
    await say(space, 'two');
    expect(await toldOf(space)).toEqual([]);
    await age(61);
    expect(await toldOf(space)).toEqual(['one', 'two']);
    await say(space, 'three');
    await age(700);
    await say(space, 'four');
    expect(await toldOf(space)).toEqual(['one', 'two', 'three', 'four']);
  });

  test('is told nothing once it may not read, and not of what happened meanwhile when it may again', async () => {
    const space = await followed();
    await say(space, 'shared');
    expect(await toldOf(space)).toEqual(['shared']);
    await as(me, (spaces) => spaces.unshare(space, `user:${ben.user}`));
    await say(space, 'private');
    expect(await toldOf(space)).toEqual([]);
    await as(me, (spaces) => spaces.share(space, `user:${ben.user}`, 'read'));
    await say(space, 'shared again');
    expect(await toldOf(space)).toEqual(['shared', 'shared again']);
  });

  test('that is bound by its own grants is told nothing without one', async () => {
    const space = await followed();
    const confine = (confined: boolean) =>
      store.db.system((tx) => tx.run(sql`update agents set confined = ${confined} where id = ${ben.agent}`));
    await confine(true);
    await say(space, 'not for it');
    expect(await toldOf(space)).toEqual([]);
    await store.db.system((tx) =>
      tx.run(
        sql`insert into space_grants (space_id, principal, permission, granted_by) values (${space}, ${`agent:${ben.agent}`}, 'read', 'x')`,
      ),
    );
    await say(space, 'for it');
    expect(await toldOf(space)).toEqual(['for it']);
    await confine(false);
  });

  test('ends a chain of changes that lead to one another', async () => {
    const space = await followed();
    for (const hop of [0, MOST_HOPS - 1, MOST_HOPS, MOST_HOPS + 5])
      await say(space, `hop ${hop}`, {}, { ...agent, hop });
    expect(await toldOf(space)).toEqual(['hop 0', `hop ${MOST_HOPS - 1}`]);
  });
});
