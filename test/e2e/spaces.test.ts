import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listApprovals } from '../../engine/approval-views.js';
import { decide } from '../../engine/decisions.js';
import { createUser } from '../../engine/users.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { inboxOf } from '../../spaces/subscriptions.js';
import { sql } from '../../store/sql.js';
import type { ScriptInput, ScriptTurn, TurnSource } from '../stand-ins/anthropic-script.js';
import { openStage, type Stage } from './stage.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

type Access = ReturnType<typeof spaceAccess>;
const as = <T>(user: string, work: (spaces: Access) => Promise<T>): Promise<T> =>
  stage.world.serving.installation.engine.db.as(user, (tx) => work(spaceAccess(tx, userActor(user))));
const call = (name: string, input: unknown): ScriptTurn => ({ calls: [{ name, input }] }) as ScriptTurn;
const done: ScriptTurn = { text: 'Done.' };
/** What the calls of the turn before gave back, as objects. */
const results = (input: ScriptInput): Record<string, unknown>[] =>
  input.toolResults.map(({ content }) => JSON.parse(String(content)) as Record<string, unknown>);
const idOf = (input: ScriptInput, place = 0): string => String(results(input)[place]?.['id']);

describe('an agent', () => {
  test('puts, reads, changes, finds and withdraws an atom, and its history says why [S3-18]', async () => {
    const { id: space } = await as(stage.world.owner, (spaces) => spaces.create({ name: 'CRM' }));
    let atom = '';
    const turns: TurnSource[] = [
      call('space_put', { space, payload: { name: 'Lotus' }, metadata: { stage: 'lead' }, comment: 'Met at the fair' }),
      (input) => {
        atom = idOf(input);
        return call('space_get', { space, atom });
      },
      () => call('space_update', { space, atom, metadata: { stage: 'client' }, comment: 'Signed today' }),
      () => call('space_search', { space, query: 'lotus', metadata: { stage: 'client' } }),
      () => call('space_deprecate', { space, atom, comment: 'Went out of business' }),
      () => call('space_history', { space, atom }),
      done,
    ];
    const request = await stage.play(turns);
    expect((await stage.world.ended(request)).status).toBe('completed');
    const calls = await stage.callsOf(request);
    expect(calls.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'done'));
    expect(calls[3]?.output).toMatchObject({ items: [{ atom: { id: atom, version: 2 } }] });
    const versions = await as(stage.world.owner, (spaces) => spaces.history(space, atom));
    expect(versions.items.map(({ comment, deprecated }) => ({ comment, deprecated }))).toEqual([
      { comment: 'Went out of business', deprecated: true },
      { comment: 'Signed today', deprecated: false },
      { comment: 'Met at the fair', deprecated: false },
    ]);
    expect(JSON.stringify(calls[5]?.output)).toContain('Signed today');
  });

  test('makes a task list by its convention and finds in one search what can be done now [S3-22] [S3-30] [S3-45]', async () => {
    const ids: string[] = [];
    const put = (title: string, status: string, blockers: string[] = []): ScriptTurn =>
      call('space_put', {
        space: ids[0],
        payload: { title },
        metadata: { status },
        references: blockers.map((atom) => ({ type: 'blocked_by', atom })),
        comment: 'Planned',
      });
    const noting =
      (next: () => ScriptTurn): TurnSource =>
      (input) => {
        ids.push(idOf(input));
        return next();
      };
    const request = await stage.play([
      call('space_create', { name: 'Website', convention: 'task-list' }),
      noting(() => put('Choose the frontend framework', 'done')),
      noting(() => put('Build the frontend tasks page', 'open', ids.slice(1, 2))),
      noting(() => put('Style the frontend tasks page', 'open', ids.slice(2, 3))),
      noting(() => put('Frontend tasks that nobody waits for', 'active')),
      noting(() =>
        call('space_search', {
          space: ids[0],
          query: 'frontend tasks',
          metadata: { status: 'open' },
          references: { blocked_by: { status: 'done' } },
        }),
      ),
      done,
    ]);
    expect((await stage.world.ended(request)).status).toBe('completed');
    const found = (await stage.callsOf(request)).at(-1)?.output as { items: { atom: { id: string } }[] };
    expect(found.items.map(({ atom }) => atom.id)).toEqual([ids[2]]);
    const [space] = (await as(stage.world.owner, (spaces) => spaces.list())).filter(({ id }) => id === ids[0]);
    expect(space).toMatchObject({ convention: 'task-list', description: expect.stringContaining('blocked_by') });
  });

  test('is taught a convention that somebody wrote a moment ago, by the space itself [S3-24] [S3-38] [S3-46]', async () => {
    const { owner } = stage.world;
    await as(owner, (spaces) =>
      spaces.create({
        name: 'Recipe box',
        description: 'One atom a dish: payload {dish, steps}; metadata course: starter, main or dessert.',
        convention: 'recipe-box',
        tags: ['convention'],
      }),
    );
    const { id } = await as(owner, (spaces) => spaces.create({ name: 'Our kitchen', convention: 'recipe-box' }));
    const library = (await as(owner, (spaces) => spaces.list())).find(
      ({ convention, role }) => convention === 'prompt-library' && role === undefined,
    );
    const fork = await as(owner, (spaces) => spaces.fork(library?.id ?? '', 'My prompts'));
    const request = await stage.play([done]);
    await stage.world.ended(request);
    const system = JSON.stringify(stage.asked(request)[0]?.body?.system);
    expect(system).toContain(`Our kitchen (id ${id}): One atom a dish`);
    expect(system).toContain(`My prompts (id ${fork.id})`);
    expect(system).not.toContain(library?.id);
  });

  test('has memory and instructions in its context, and searches the rest [S3-23]', async () => {
    const { owner } = stage.world;
    await as(owner, async (spaces) => {
      const put = async (role: 'memory' | 'instructions' | 'tasks', text: string): Promise<unknown> =>
        spaces.put((await spaces.ofRole(role)).id, { payload: { text, title: text }, comment: 'x' });
      await put('instructions', 'Sign with M.');
      await put('tasks', 'Call the plumber');
    });
    await stage.world.ended(await stage.play([call('remember', { text: 'Mike is allergic to nuts.' }), done]));
    const request = await stage.play([done]);
    await stage.world.ended(request);
    const system = JSON.stringify(stage.asked(request)[0]?.body?.system);
    expect(system).toContain('Sign with M.');
    expect(system).toContain('Mike is allergic to nuts.');
    expect(system).not.toContain('Call the plumber');
  });
});

describe('a space that is shared', () => {
  test('is private until its holder has approved, and then open to exactly what was approved [S3-20] [S3-21]', async () => {
    const { owner, serving } = stage.world;
    const { engine } = serving.installation;
    const anna = (await createUser(engine, { id: owner, isOwner: true }, { name: 'Anna', timeZone: 'UTC' })).id;
    const space = (await as(owner, (spaces) => spaces.create({ name: 'Trip' }))).id;
    const atom = await as(owner, (spaces) => spaces.put(space, { payload: 'To Lisbon', comment: 'x' }));
    await expect(as(anna, (spaces) => spaces.get(space, atom.id))).rejects.toMatchObject({ type: 'not-found' });
    const request = await stage.play([
      call('space_share', { space, with: `user:${anna}`, permission: 'append' }),
      { text: 'Waiting for you.' },
      done,
    ]);
    await stage.world.until(request, ({ status }) => status === 'waiting_approval');
    await expect(as(anna, (spaces) => spaces.get(space, atom.id))).rejects.toMatchObject({ type: 'not-found' });
    const [approval] = (await listApprovals(engine, owner, { status: 'pending', limit: 1 })).items;
    expect(approval?.preview.text).toContain('Trip');
    await decide(engine, owner, approval?.id ?? '', {
      decision: 'approve',
      payloadHash: approval?.payloadHash ?? '',
    });
    await stage.world.ended(request);
    expect((await as(anna, (spaces) => spaces.get(space, atom.id))).payload).toBe('To Lisbon');
    await as(anna, (spaces) => spaces.put(space, { payload: 'Tram 28', comment: 'x' }));
    const change = as(anna, (spaces) => spaces.update(space, atom.id, { payload: 'To Porto', comment: 'x' }));
    await expect(change).rejects.toMatchObject({ type: 'forbidden' });
    const reshare = as(anna, (spaces) => spaces.share(space, `user:${anna}`, 'grant'));
    await expect(reshare).rejects.toMatchObject({ type: 'forbidden' });
    await as(owner, (spaces) => spaces.unshare(space, `user:${anna}`));
    await expect(as(anna, (spaces) => spaces.get(space, atom.id))).rejects.toMatchObject({ type: 'not-found' });
  });

  test('tells a subscriber the comment of a change by itself, and never the content or its own changes [S3-19]', async () => {
    const { owner, serving } = stage.world;
    const { engine } = serving.installation;
    const space = (await as(owner, (spaces) => spaces.create({ name: 'Findings' }))).id;
    const request = await stage.play([
      call('space_subscribe', { space }),
      call('space_put', { space, payload: 'my own finding', comment: 'An own change' }),
      done,
    ]);
    await stage.world.ended(request);
    const agent = (await stage.callsOf(request))[0]?.agent_id ?? '';
    await as(owner, (spaces) => spaces.put(space, { payload: 'three sites agree', comment: 'Added findings' }));
    const inbox = () =>
      engine.db.as(owner, (tx) => inboxOf(tx, userActor(owner), agent, { limit: 10 })).then(({ items }) => items);
    await expect.poll(async () => (await inbox()).length, { timeout: 5_000 }).toBe(1);
    const [delivery] = await inbox();
    expect(delivery?.event).toMatchObject({ comment: 'Added findings', author: `user:${owner}`, type: 'put' });
    expect(JSON.stringify(delivery)).not.toContain('three sites');
    const waiting = await engine.db.system((tx) =>
      tx.rows(
        sql`select 1 from subscriptions s join spaces p on p.id = s.space_id where s.agent_id = ${agent} and s.seen_seq < p.event_seq`,
      ),
    );
    expect(waiting).toEqual([]);
  });
});
