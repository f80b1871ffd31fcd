import { afterAll, beforeAll, expect, test } from 'vitest';
import { cancelRequest } from '../../engine/cancel.js';
import { claimDue } from '../../engine/clock/due.js';
import { eraseContent } from '../../engine/erasure.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { json, sql } from '../../store/sql.js';
import { makeTrigger } from '../../engine/triggers/triggers.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { startTalk } from './context-kit.js';

const TABLES = ['reminders', 'triggers', 'occasions', 'paces'] as const;
const forgetFolders = async (): Promise<void> => undefined;

let kit: EngineKit;
beforeAll(async () => {
  kit = await openEngine();
});
afterAll(() => kit.close());

async function rowsOf(user: string): Promise<Record<string, number>> {
  const counts = await kit.engine.db.system(async (tx) => {
    const found: [string, number][] = [];
    for (const table of TABLES) {
      const { count } = await tx.one<{ count: number }>(
        sql`select count(*)::int as count from ${sql.table(table)} where user_id = ${user}`,
      );
      found.push([table, count]);
    }
    return found;
  });
  return Object.fromEntries(counts);
}

async function schedule(user: string): Promise<void> {
  const maker = { user, author: `user:${user}`, agent: 'default', labels: [], skills: null };
  await kit.engine.db.as(user, async (tx) => {
    await makeTrigger(
      tx,
      { ...maker, now: Date.now(), timeZone: 'UTC' },
      { kind: 'cron', spec: { rrule: 'FREQ=DAILY' }, instructions: 'Say good morning.' },
    );
    await tx.run(
      sql`insert into paces (user_id, skill, work, until) values (${user}, 'web_fetch', 'w', now() + interval '1 day')`,
    );
  });
}

test('an erasure takes reminders and triggers with every time that one came due, counts them, and nobody else’s', async () => {
  const [anna, bert] = [await kit.person('Anna'), await kit.person('Bert')];
  for (const user of [anna, bert]) {
    const talk = startTalk(kit, user);
    await talk.fire(await talk.remind('review the Q3 report'));
    await schedule(user);
  }
  const waiting = await startTalk(kit, anna).remind('water the plants');
  expect(await rowsOf(anna)).toEqual({ reminders: 2, triggers: 1, occasions: 1, paces: 1 });
  const { erased } = await eraseContent(kit.engine, anna, anna, forgetFolders);
  expect(erased).toMatchObject({ reminders: 2, triggers: 1 });
  expect(await rowsOf(anna)).toEqual({ reminders: 0, triggers: 0, occasions: 0, paces: 0 });
  expect(await rowsOf(bert)).toEqual({ reminders: 1, triggers: 1, occasions: 1, paces: 1 });
  expect(await claimDue(kit.engine, { user: anna, at: waiting.dueAt })).toMatchObject({ looks: [], more: false });
  const again = await eraseContent(kit.engine, anna, anna, forgetFolders);
  expect(again.erased).toMatchObject({ reminders: 0, triggers: 0 });
});

test('a reminder that is being delivered is open work: it ends first', async () => {
  const user = await kit.person('Carl');
  const reminder = await startTalk(kit, user).remind('review the Q3 report');
  await claimDue(kit.engine, { user, at: reminder.dueAt });
  await expect(eraseContent(kit.engine, user, user, forgetFolders)).rejects.toMatchObject({ type: 'conflict' });
  expect(await rowsOf(user)).toMatchObject({ reminders: 1, occasions: 1 });
  const { request } = await kit.engine.db.as(user, (tx) =>
    tx.one<{ request: string }>(sql`select last_request as request from reminders where id = ${reminder.id}`),
  );
  await cancelRequest(kit.engine, user, request);
  expect((await eraseContent(kit.engine, user, user, forgetFolders)).erased).toMatchObject({ reminders: 1 });
});

test('titles that another person’s reminder keeps of erased atoms go, all others stay', async () => {
  const [dora, emil] = [await kit.person('Dora'), await kit.person('Emil')];
  const put = async (owner: string, title: string): Promise<{ id: string; space: string }> =>
    kit.engine.db.as(owner, async (tx) => {
      const spaces = spaceAccess(tx, userActor(owner));
      const space = await spaces.create({ name: title, description: 'x' });
      const atom = await spaces.put(space.id, { payload: { title }, comment: 'begun' });
      if (owner === dora) await spaces.share(space.id, `user:${emil}`, 'write');
      return { id: atom.id, space: space.id };
    });
  const [hers, his] = [await put(dora, 'Doras secret'), await put(emil, 'Emils note')];
  const reminder = await startTalk(kit, emil).remind('look at the note');
  await kit.engine.db.system((tx) =>
    tx.run(sql`
      update reminders set context = ${json({
        summary: '',
        sources: [
          { ref: `atom:${his.id}`, version: 1, title: 'Emils note' },
          { ref: `atom:${hers.id}`, version: 1, title: 'Doras secret', shared: true },
        ],
      })} where id = ${reminder.id}`),
  );
  await eraseContent(kit.engine, dora, dora, forgetFolders);
  const { context } = await kit.engine.db.as(emil, (tx) =>
    tx.one<{ context: unknown }>(sql`select context from reminders where id = ${reminder.id}`),
  );
  expect(context).toEqual({
    summary: '',
    sources: [
      { ref: `atom:${his.id}`, version: 1, title: 'Emils note' },
      { ref: `atom:${hers.id}`, version: 1, shared: true },
    ],
  });
});
