import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimDue } from '../../engine/clock/due.js';
import { makeReminder, type Maker } from '../../engine/reminders/make-reminder.js';
import { makeTrigger } from '../../engine/triggers/triggers.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';

const NOON = Date.parse('2026-11-24T12:00:00Z');
const iso = (at: number): string => new Date(at).toISOString();

let kit: EngineKit;
beforeAll(async () => {
  kit = await openEngine();
});
afterAll(() => kit.close());

const maker = (user: string, more: Partial<Maker> = {}): Maker => ({
  user,
  author: `user:${user}`,
  agent: 'default',
  labels: [],
  skills: null,
  now: NOON - 3_600_000,
  timeZone: 'UTC',
  ...more,
});

async function remind(user: string, text: string, more: Partial<Maker> = {}): Promise<string> {
  const made = await kit.engine.db.as(user, (tx) =>
    makeReminder(tx, maker(user, more), { text, dueAt: iso(NOON), catchUp: 'latest' }),
  );
  if ('question' in made) throw new Error(made.question);
  return made.id;
}

const requestsOf = (user: string) =>
  kit.engine.db.as(user, (tx) =>
    tx.rows<{ text: string; budget: string }>(sql`
      select m.text, r.settings->>'budgetUsd' as budget from requests r join messages m on m.request_id = r.id where r.user_id = ${user} order by m.text`),
  );

test('one that cannot be claimed holds up none of the others, and is tried again', async () => {
  const user = await kit.person('Stina');
  const stuck = await remind(user, 'a stuck one');
  for (const text of ['b', 'c', 'd']) await remind(user, text);
  await kit.engine.db.system((tx) =>
    tx.run(
      sql.raw<unknown>(`
      create function refuse_stuck() returns trigger language plpgsql as $$ begin
        if new.source_id = '${stuck}' then raise exception 'stuck'; end if; return new; end $$`),
    ),
  );
  await kit.engine.db.system((tx) =>
    tx.run(sql`create trigger refuse_stuck before insert on occasions for each row execute function refuse_stuck()`),
  );
  await kit.engine.db.system((tx) =>
    tx.run(sql`update reminders set next_at = next_at - interval '1 second' where id = ${stuck}`),
  );
  let step = await claimDue(kit.engine, { user, at: iso(NOON) });
  for (let rounds = 0; step.more && rounds < 20; rounds += 1)
    step = await claimDue(kit.engine, { user, at: iso(NOON) });
  expect((await requestsOf(user)).map(({ text }) => text)).toEqual(['b', 'c', 'd']);
  expect(step).toMatchObject({ more: false, next: iso(NOON + 300_000) });
  await kit.engine.db.system((tx) => tx.run(sql`drop trigger refuse_stuck on occasions`));
  await claimDue(kit.engine, { user, at: iso(NOON + 300_000) });
  expect((await requestsOf(user)).map(({ text }) => text)).toEqual(['a stuck one', 'b', 'c', 'd']);
});

test('a time that was left out before and comes again is made once', async () => {
  const user = await kit.person('Olu');
  const id = await remind(user, 'again');
  await kit.engine.db.as(user, (tx) =>
    tx.run(sql`
      insert into occasions (source_id, occurrence, user_id, outcome, due_at) values (${id}, ${iso(NOON)}, ${user}, 'skipped', ${iso(NOON)}::timestamptz)`),
  );
  const step = await claimDue(kit.engine, { user, at: iso(NOON) });
  expect(step.more).toBe(false);
  expect(await requestsOf(user)).toHaveLength(1);
  const occasions = await kit.engine.db.as(user, (tx) =>
    tx.rows(sql`select outcome, request_id is not null as made from occasions where source_id = ${id}`),
  );
  expect(occasions).toEqual([{ outcome: 'fired', made: true }]);
});

test('no time spends more than the request could in which it was set', async () => {
  const user = await kit.person('Bea');
  await remind(user, 'cheap', { budgetUsd: '0.05' });
  const made = await kit.engine.db.as(user, (tx) =>
    makeTrigger(tx, maker(user, { budgetUsd: '0.05' }), {
      kind: 'cron',
      spec: { rrule: 'FREQ=DAILY', start: '2026-11-24T12:00' },
      instructions: 'dear',
      budgetUsd: '500',
    }),
  );
  expect(made.budgetUsd).toBe('0.05');
  await claimDue(kit.engine, { user, at: iso(NOON) });
  expect(await requestsOf(user)).toEqual([
    { text: 'cheap', budget: '0.05' },
    { text: 'dear', budget: '0.05' },
  ]);
});

test('a look whose outcome never came is made again after a while, however long its period', async () => {
  const user = await kit.person('Lou');
  const made = await kit.engine.db.as(user, (tx) =>
    makeTrigger(tx, maker(user), {
      kind: 'watch',
      spec: { url: 'https://example.com/', everySeconds: 86_400, condition: { kind: 'down' } },
      instructions: 'look',
    }),
  );
  const [first] = (await claimDue(kit.engine, { user, at: iso(NOON) })).looks;
  expect(first?.trigger).toBe(made.id);
  const later = await claimDue(kit.engine, { user, at: iso(NOON + 299_000) });
  expect(later).toMatchObject({ looks: [], next: iso(NOON + 300_000) });
  const [second] = (await claimDue(kit.engine, { user, at: iso(NOON + 300_000) })).looks;
  expect(second).toMatchObject({ trigger: made.id, fence: (first?.fence ?? 0) + 1 });
});

test('what waited in a queue is late by no fault of the assistant, and not missed', async () => {
  const user = await kit.person('Quinn');
  await kit.engine.db.as(user, (tx) =>
    makeReminder(tx, maker(user), {
      text: 'queued',
      recurrence: 'FREQ=HOURLY',
      dueAt: iso(NOON),
      catchUp: 'skip',
      overlap: 'queue',
    }),
  );
  await claimDue(kit.engine, { user, at: iso(NOON) });
  const waiting = await claimDue(kit.engine, { user, at: iso(NOON + 3_600_000) });
  expect(waiting.next).toBe(iso(NOON + 3_615_000));
  await kit.engine.db.system((tx) =>
    tx.run(sql`update requests set ended_at = now(), status = 'completed' where user_id = ${user}`),
  );
  await claimDue(kit.engine, { user, at: iso(NOON + 3_600_000 + 600_000) });
  const facts = await kit.engine.db.as(user, (tx) =>
    tx.rows<{ outcome: string; late: boolean; facts: object }>(
      sql`select outcome, late, facts from occasions where user_id = ${user} order by due_at`,
    ),
  );
  expect(facts).toEqual([
    { outcome: 'fired', late: false, facts: {} },
    { outcome: 'fired', late: true, facts: { queued: true } },
  ]);
});
