import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewTrigger } from '../../contracts/trigger.js';
import { claimDue } from '../../engine/clock/due.js';
import { writeToBus } from '../../engine/clock/bus.js';
import { fireSpaceTriggers } from '../../engine/triggers/space-changes.js';
import { changeTrigger, removeTrigger } from '../../engine/triggers/triggers.js';
import { spaceAccess } from '../../spaces/access.js';
import { MOST_HOPS } from '../../spaces/dispatch.js';
import { type Actor, userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import type { SpaceAccess } from '../../contracts/skill.js';
import { openTriggers, type TriggerKit } from './trigger-kit.js';

const DAY = 86_400;
let kit: TriggerKit;
beforeAll(async () => {
  kit = await openTriggers();
});
afterAll(() => kit.close());

const db = () => kit.engine.engine.db;
const spaces = <T>(work: (access: SpaceAccess) => Promise<T>, actor: Partial<Actor> = {}): Promise<T> => {
  const whole = { ...userActor(kit.engine.owner), ...actor };
  return db().as(whole.user, (tx) => work(spaceAccess(tx, whole)));
};
const newSpace = async (name: string): Promise<string> => (await spaces((access) => access.create({ name }))).id;
const put = async (space: string, name: string, metadata = {}, actor: Partial<Actor> = {}): Promise<string> =>
  (await spaces((access) => access.put(space, { payload: { name }, metadata, comment: `adds ${name}` }), actor)).id;
const inSpace = (spec: (NewTrigger & { kind: 'space' })['spec'], cooldownSeconds = 0): NewTrigger => ({
  kind: 'space',
  spec,
  instructions: 'Look after it.',
  cooldownSeconds,
});
/** As it was, so many days before the start. */
const age = (atom: string, days: number) =>
  db().system((tx) =>
    tx.run(
      sql`update atoms set updated_at = ${new Date(kit.start - days * DAY * 1000).toISOString()}::timestamptz where id = ${atom}`,
    ),
  );
const forget = (id: string) => db().as(kit.engine.owner, (tx) => removeTrigger(tx, kit.engine.owner, id));
const reports = async (id: string): Promise<string[]> => (await kit.fired(id)).map(({ report }) => report);
const sweep = (seconds = 0) => fireSpaceTriggers(kit.deps().engine, kit.start + seconds * 1000, 0);

describe('entries that nobody touches', () => {
  test('[S4-10] a contact is reported once after 30 days, and once when somebody touches it again', async () => {
    const space = await newSpace('Contacts of the shop');
    const ada = await put(space, 'Ada', { kind: 'contact' });
    const bob = await put(space, 'Bob', { kind: 'contact' });
    const note = await put(space, 'A note', { kind: 'note' });
    for (const [atom, days] of [
      [ada, 29],
      [bob, 2],
      [note, 90],
    ] as const)
      await age(atom, days);
    const { id } = await kit.make(
      inSpace({ space, metadata: { kind: 'contact' }, untouched: 'P30D', everySeconds: 3_600 }),
    );
    await kit.pass(0);
    expect(await reports(id)).toEqual([]);
    const looks = await kit.due(DAY + 60);
    await kit.look([...looks, ...looks], DAY + 60);
    kit.restart();
    await kit.pass(2 * DAY);
    expect(await reports(id)).toEqual([expect.stringMatching(/^Untouched for P30D: 1\n- Ada \(atm_/)]);
    expect((await kit.fired(id))[0]).toMatchObject({ labels: ['private'] });
    await spaces((access) => access.update(space, ada, { metadata: { called: true }, comment: 'called' }));
    await kit.pass(3 * DAY);
    await kit.pass(4 * DAY);
    expect((await reports(id)).slice(1)).toEqual([expect.stringMatching(/^Touched again: 1\n- Ada/)]);
    await kit.pass(31 * DAY);
    expect((await reports(id)).slice(2)).toEqual([expect.stringMatching(/^Untouched for P30D: 2\n- Bob[^\n]*\n- Ada/)]);
    await spaces((access) => access.deprecate(space, bob, 'left the company'));
    await kit.pass(32 * DAY);
    expect(await reports(id)).toHaveLength(3);
    await forget(id);
  });

  test('are named up to 50, all are counted, and other people’s words make the report untrusted', async () => {
    const space = await newSpace('Many');
    for (let n = 0; n < 55; n += 1)
      await put(space, `Contact ${n}`, {}, n === 54 ? { origin: 'untrusted', author: 'agent:x' } : {});
    const { id } = await kit.make(inSpace({ space, untouched: 'PT1H' }));
    await kit.pass(2 * 3_600);
    await kit.pass(4 * 3_600);
    const [fired, ...others] = await kit.fired(id);
    expect(others).toEqual([]);
    expect(fired?.report).toContain('Untouched for PT1H: 55');
    expect(fired?.report).toContain('… and 5 more');
    expect(fired?.report.match(/^- /gm)).toHaveLength(50);
    expect(fired?.labels).toEqual(['private', 'untrusted']);
    await forget(id);
  });

  test('in a space that is not to be read any more are trouble', async () => {
    const guest = await kit.engine.person('Gus');
    const theirs = await spaces((access) => access.create({ name: 'Theirs' }), userActor(guest));
    await spaces((access) => access.share(theirs.id, `user:${kit.engine.owner}`, 'read'), userActor(guest));
    const { id } = await kit.make(inSpace({ space: theirs.id, untouched: 'P1D' }));
    await spaces((access) => access.unshare(theirs.id, `user:${kit.engine.owner}`), userActor(guest));
    await kit.pass(0);
    expect((await kit.view(id)).trouble).toContain('space');
    await forget(id);
  });
});

describe('changes of a space', () => {
  test('from the making of the trigger on become one request, with what was meant by them', async () => {
    const space = await newSpace('Board');
    await put(space, 'Before', { type: 'task' });
    const { id } = await kit.make(inSpace({ space, metadata: { type: 'task' } }));
    await sweep();
    const task = await put(space, 'Paint the door', { type: 'task' });
    await put(space, 'A remark', { type: 'note' });
    await spaces((access) => access.update(space, task, { metadata: { status: 'done' }, comment: 'painted' }));
    await Promise.all([sweep(), sweep()]);
    kit.restart();
    await sweep();
    expect(await reports(id)).toEqual([
      `2 changes in the space ${space}:\n- put: Paint the door (${task}) by user:${kit.engine.owner}: adds Paint the door\n- update: Paint the door (${task}) by user:${kit.engine.owner}: painted`,
    ]);
    expect(await kit.fired(id)).toMatchObject([{ labels: ['private'], hop: 1 }]);
    await put(space, 'Next', { type: 'task' });
    await sweep(1);
    expect(await reports(id)).toHaveLength(2);
    await forget(id);
  });

  test('that the trigger’s own requests make do not set it off again, nor do those at the end of a long chain', async () => {
    const space = await newSpace('Loop');
    const { id } = await kit.make(inSpace({ space }));
    await put(space, 'First');
    await sweep();
    const [{ request } = { request: '' }] = await kit.fired(id);
    const { agent_id: agent } = await db().as(kit.engine.owner, (tx) =>
      tx.one<{ agent_id: string }>(sql`select agent_id from requests where id = ${request}`),
    );
    await put(space, 'By its own agent', {}, { author: `agent:${agent}`, origin: 'agent', hop: 1 });
    await put(space, 'Far along', {}, { author: 'agent:other', origin: 'agent', hop: MOST_HOPS });
    await sweep();
    expect(await reports(id)).toHaveLength(1);
    await put(space, 'Another agent', {}, { author: 'agent:other', origin: 'agent', hop: MOST_HOPS - 1 });
    await sweep();
    expect(await kit.fired(id)).toMatchObject([{ hop: 1 }, { hop: MOST_HOPS }]);
    await forget(id);
  });

  test('on the coordinator bus set it off, but not what is noted there about triggers', async () => {
    const bus = await spaces((access) => access.ofRole('bus'));
    const { id } = await kit.make(inSpace({ space: bus.id }));
    const note = (metadata: Record<string, string>) =>
      db().as(kit.engine.owner, (tx) =>
        writeToBus(tx, kit.engine.owner, { author: 'agent:cron', text: 'Noted.', metadata, labels: [] }),
      );
    await note({ type: 'request', trigger: id });
    await note({ type: 'answer', trigger: 'trg_other' });
    await sweep();
    expect(await reports(id)).toEqual([]);
    await note({ type: 'request', reminder: 'rem_1' });
    await sweep();
    expect(await reports(id)).toHaveLength(1);
    await forget(id);
  });

  test('within the cool-down are gathered, and those while it was switched off are left out', async () => {
    const space = await newSpace('Cool');
    const { id } = await kit.make(inSpace({ space }, 600));
    await put(space, 'One');
    await sweep();
    await put(space, 'Two');
    await sweep(300);
    await put(space, 'Three');
    await sweep(601);
    expect(await reports(id)).toEqual([
      expect.stringContaining('One'),
      expect.stringMatching(/^2 changes[^]*Two[^]*Three/),
    ]);
    const patch = (enabled: boolean) =>
      db().as(kit.engine.owner, (tx) => changeTrigger(tx, kit.engine.owner, id, { enabled }, kit.start));
    await patch(false);
    await put(space, 'Four');
    await sweep(5_000);
    await patch(true);
    await put(space, 'Five');
    await sweep(5_000);
    const last = (await reports(id)).slice(2);
    expect(last).toEqual([expect.stringMatching(/^One change[^]*Five/)]);
    await forget(id);
  });

  test('in a space that is not to be read any more switch it off, and tell nothing', async () => {
    const guest = await kit.engine.person('Gil');
    const theirs = await spaces((access) => access.create({ name: 'Theirs' }), userActor(guest));
    const owner = `user:${kit.engine.owner}`;
    await spaces((access) => access.share(theirs.id, owner, 'read'), userActor(guest));
    const { id } = await kit.make(inSpace({ space: theirs.id }));
    await put(theirs.id, 'Hello', {}, userActor(guest));
    await sweep();
    expect(await kit.fired(id)).toMatchObject([{ labels: ['private', 'untrusted'] }]);
    await put(theirs.id, 'Secret', {}, userActor(guest));
    await spaces((access) => access.unshare(theirs.id, owner), userActor(guest));
    await sweep(1);
    expect(await kit.fired(id)).toHaveLength(1);
    expect(await kit.view(id)).toMatchObject({ enabled: false, trouble: expect.stringContaining('cannot read it') });
    await forget(id);
  });

  test('are never looked at by the clock, and cannot be waited for where the space cannot be read', async () => {
    const space = await newSpace('Clockless');
    const made = await kit.make(inSpace({ space }));
    expect(made).not.toHaveProperty('nextAt');
    const { looks } = await claimDue(kit.deps().engine, {
      user: kit.engine.owner,
      at: new Date(kit.start + 400 * DAY * 1000).toISOString(),
    });
    expect(looks).toEqual([]);
    await expect(kit.make(inSpace({ space: 'spc_none' }))).rejects.toMatchObject({
      status: 422,
      errors: [{ path: 'spec.space' }],
    });
    await forget(made.id);
  });
});
