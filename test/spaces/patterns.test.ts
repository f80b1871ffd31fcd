import { afterAll, beforeAll, expect, test } from 'vitest';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { spaceEventsAfter } from '../../spaces/space-events.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';

let kit: EngineKit;
let anna: string;
let ben: string;
beforeAll(async () => {
  kit = await openEngine();
  anna = await kit.person('Anna');
  ben = await kit.person('Ben');
});
afterAll(() => kit.close());

type Access = ReturnType<typeof spaceAccess>;
const as = <T>(user: string, work: (spaces: Access) => Promise<T>): Promise<T> =>
  kit.store.db.as(user, (tx) => work(spaceAccess(tx, userActor(user))));
const make = async (convention: string): Promise<string> =>
  (await as(anna, (spaces) => spaces.create({ name: convention, convention }))).id;

test('a channel is a stream that several add to at once and nobody rewrites [S3-31] [S4-25]', async () => {
  const space = await make('channel');
  await as(anna, (spaces) => spaces.share(space, `user:${ben}`, 'append'));
  const posts = Array.from({ length: 20 }, (_, n) =>
    as(n % 2 === 0 ? anna : ben, (spaces) =>
      spaces.put(space, { payload: { text: `message ${n}` }, comment: `Message ${n}` }),
    ),
  );
  const atoms = await Promise.all(posts);
  const events = await kit.store.db.as(ben, (tx) => spaceEventsAfter(tx, userActor(ben), space, 0, 100));
  expect(events.map(({ id }) => Number(id))).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  expect(new Set(events.map(({ comment }) => comment)).size).toBe(20);
  const rewrite = as(ben, (spaces) => spaces.update(space, atoms[1]?.id ?? '', { payload: 'other', comment: 'x' }));
  await expect(rewrite).rejects.toMatchObject({ type: 'forbidden' });
});

test('a chat has turns of both sides, told apart by their role, in order [S3-32]', async () => {
  const space = await make('chat');
  await as(anna, (spaces) => spaces.share(space, `user:${ben}`, 'append'));
  const asked = await as(anna, (spaces) =>
    spaces.put(space, { payload: { text: 'When do we leave?' }, metadata: { role: 'user' }, comment: 'Asked' }),
  );
  await as(ben, (spaces) =>
    spaces.put(space, {
      payload: { text: 'At nine.' },
      metadata: { role: 'assistant' },
      references: [{ type: 'reply_to', atom: asked.id }],
      comment: 'Answered',
    }),
  );
  const answers = await as(anna, (spaces) => spaces.search({ spaces: [space], metadata: { role: 'assistant' } }));
  expect(answers.items.map(({ atom }) => [atom.payload, atom.references, atom.people])).toEqual([
    [{ text: 'At nine.' }, [{ type: 'reply_to', atom: asked.id }], [ben]],
  ]);
});

test('a document is refined by several hands, and every state of it stays readable [S3-33]', async () => {
  const space = await make('document');
  await as(anna, (spaces) => spaces.share(space, `user:${ben}`, 'write'));
  const { id } = await as(anna, (spaces) => spaces.put(space, { payload: { text: 'Draft' }, comment: 'First draft' }));
  await as(ben, (spaces) =>
    spaces.update(space, id, { payload: { text: 'Better' }, comment: 'Said it better', ifVersion: 1 }),
  );
  const late = as(anna, (spaces) =>
    spaces.update(space, id, { payload: { text: 'Lost?' }, comment: 'x', ifVersion: 1 }),
  );
  await expect(late).rejects.toMatchObject({ type: 'stale' });
  const history = await as(anna, (spaces) => spaces.history(space, id));
  expect(history.items.map(({ payload, comment }) => [payload, comment])).toEqual([
    [{ text: 'Better' }, 'Said it better'],
    [{ text: 'Draft' }, 'First draft'],
  ]);
});

test('a scratchpad is nobody else’s to see, by any way of looking [S3-34]', async () => {
  const space = await make('scratchpad');
  const note = await as(anna, (spaces) => spaces.put(space, { payload: 'a half thought', comment: 'x' }));
  expect((await as(ben, (spaces) => spaces.list())).map(({ id }) => id)).not.toContain(space);
  const found = await as(ben, (spaces) => spaces.search({ query: 'half thought' }));
  expect(found.items.map(({ atom }) => atom.space)).not.toContain(space);
  const looks: ((spaces: Access) => Promise<unknown>)[] = [
    (spaces) => spaces.get(space, note.id),
    (spaces) => spaces.history(space, note.id),
    (spaces) => spaces.search({ spaces: [space] }),
    (spaces) => spaces.fork(space, 'mine'),
    (spaces) => spaces.grants(space),
  ];
  for (const look of looks) await expect(as(ben, look)).rejects.toMatchObject({ type: 'not-found' });
});

test('a template of a prompt library is forked and adapted, and the original stays [S3-35] [S3-46]', async () => {
  const space = await make('prompt-library');
  const original = await as(anna, (spaces) =>
    spaces.put(space, { payload: { title: 'Research', text: 'Cite sources.' }, comment: 'x' }),
  );
  const fork = await as(anna, (spaces) => spaces.fork(space, 'Biotech prompts'));
  const [copy] = (await as(anna, (spaces) => spaces.search({ spaces: [fork.id] }))).items;
  await as(anna, (spaces) =>
    spaces.update(fork.id, copy?.atom.id ?? '', { payload: { title: 'Research', text: 'Cite trials.' }, comment: 'x' }),
  );
  expect((await as(anna, (spaces) => spaces.get(space, original.id))).payload).toEqual(original.payload);
});

test('a knowledge base gives what is sure enough and not contradicted by what holds [S3-36]', async () => {
  const space = await make('knowledge-base');
  const fact = (text: string, confidence: number, references: { type: string; atom: string }[] = []) =>
    as(anna, (spaces) =>
      spaces.put(space, { payload: { text }, metadata: { confidence, status: 'held' }, references, comment: 'x' }),
    );
  const source = await fact('The meter reads 12', 0.9);
  const sure = await fact('The pump uses 12 kWh', 0.8, [{ type: 'supports', atom: source.id }]);
  await fact('The pump uses 40 kWh', 0.3);
  const refuted = await as(anna, (spaces) =>
    spaces.put(space, {
      payload: { text: 'An old reading' },
      metadata: { confidence: 1, status: 'refuted' },
      comment: 'x',
    }),
  );
  await fact('The pump uses nothing', 0.9, [{ type: 'supports', atom: refuted.id }]);
  const { items } = await as(anna, (spaces) =>
    spaces.search({
      query: 'pump',
      spaces: [space],
      metadata: { confidence: { gte: 0.5 } },
      references: { supports: { status: 'held' } },
    }),
  );
  expect(items.map(({ atom }) => atom.id)).toEqual([sure.id]);
});
