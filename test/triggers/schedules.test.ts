import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewTrigger } from '../../contracts/trigger.js';
import { claimDue } from '../../engine/clock/due.js';
import { changeTrigger, listTriggers, removeTrigger } from '../../engine/triggers/triggers.js';
import { sql } from '../../store/sql.js';
import { openTriggers, type TriggerKit } from './trigger-kit.js';

let kit: TriggerKit;
beforeAll(async () => {
  kit = await openTriggers();
});
afterAll(() => kit.close());

const NOW = Date.parse('2026-12-04T12:34:56Z');
const every = (rrule: string, spec: Partial<(NewTrigger & { kind: 'cron' })['spec']> = {}): NewTrigger => ({
  kind: 'cron',
  spec: { rrule, ...spec },
  instructions: 'Write the briefing.',
});
const make = (wish: NewTrigger) => kit.make(wish, { now: NOW });
const claim = (at: string) => claimDue(kit.deps().engine, { user: kit.engine.owner, at });
const change = (id: string, patch: Parameters<typeof changeTrigger>[3], now = NOW) =>
  kit.engine.engine.db.as(kit.engine.owner, (tx) => changeTrigger(tx, kit.engine.owner, id, patch, now));
const forget = (id: string) =>
  kit.engine.engine.db.as(kit.engine.owner, (tx) => removeTrigger(tx, kit.engine.owner, id));
const outboxOfClock = () =>
  kit.engine.engine.db.system((tx) =>
    tx.rows<{ generation: number }>(
      sql`select generation from outbox where workflow_id = ${`reminders:${kit.engine.owner}`}`,
    ),
  );

describe('a schedule', () => {
  test('comes round on the wall clock of its user, also across a change of the clocks, and makes a request each time', async () => {
    const made = await kit.make(
      { ...every('FREQ=DAILY;BYHOUR=6;BYMINUTE=0'), budgetUsd: '0.5' },
      { now: Date.parse('2027-03-26T12:00:00Z') },
    );
    expect(made).toMatchObject({
      spec: { timeZone: 'Europe/Berlin', start: '2027-03-26T13:00:00' },
      nextAt: '2027-03-27T05:00:00.000Z',
      enabled: true,
      links: { self: `/v1/triggers/${made.id}` },
    });
    await claim('2027-03-27T04:59:59.999Z');
    expect(await kit.fired(made.id)).toEqual([]);
    for (const at of ['2027-03-27T05:00:00.000Z', '2027-03-28T04:00:00.000Z', '2027-03-29T04:00:00.000Z']) {
      expect((await kit.view(made.id)).nextAt).toBe(at);
      await claim(at);
    }
    expect(await kit.fired(made.id)).toHaveLength(3);
    expect((await kit.fired(made.id))[0]).toMatchObject({
      text: 'Write the briefing.',
      settings: { budgetUsd: '0.5', priority: 4 },
    });
    await forget(made.id);
  });

  test('keeps to the zone and the start it was given', async () => {
    const made = await make(every('FREQ=WEEKLY;BYDAY=MO', { timeZone: 'America/New_York', start: '2026-12-01T09:30' }));
    expect(made.nextAt).toBe('2026-12-07T14:30:00.000Z');
    await forget(made.id);
  });

  test('that never comes round, or no more, or whose rule is none, is refused with its path', async () => {
    const wrong = { status: 422, errors: [{ path: 'spec.rrule', message: expect.any(String) }] };
    for (const rrule of ['every day', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'FREQ=SECONDLY'])
      await expect(make(every(rrule))).rejects.toMatchObject(wrong);
    const over = every('FREQ=DAILY;COUNT=2', { start: '2026-01-01T09:00:00' });
    await expect(make(over)).rejects.toMatchObject(wrong);
  });

  test('that is switched off does not come round, and goes on with what is still to come', async () => {
    const { id } = await make(every('FREQ=HOURLY'));
    expect(await change(id, { enabled: false })).toMatchObject({ enabled: false });
    expect(await kit.view(id)).not.toHaveProperty('nextAt');
    await claim('2026-12-05T12:34:56Z');
    expect(await kit.fired(id)).toEqual([]);
    const again = await change(id, { enabled: true }, Date.parse('2026-12-05T12:40:00Z'));
    expect(again.nextAt).toBe('2026-12-05T13:34:00.000Z');
    await forget(id);
  });

  test('gets a new rule in its own zone, and keeps the old one when the new one is wrong', async () => {
    const { id } = await make(every('FREQ=DAILY', { timeZone: 'Asia/Tokyo', start: '2026-12-01T08:00' }));
    const changed = await change(id, { spec: { rrule: 'FREQ=DAILY;BYHOUR=9;BYMINUTE=0' } });
    expect(changed).toMatchObject({ nextAt: '2026-12-05T00:00:00.000Z', spec: { timeZone: 'Asia/Tokyo' } });
    await expect(change(id, { spec: { rrule: 'FREQ=NEVER' } })).rejects.toMatchObject({ status: 422 });
    await expect(change(id, { spec: { rrule: 'FREQ=DAILY', url: 'x', overlap: 'never' } })).rejects.toMatchObject({
      status: 400,
      errors: expect.arrayContaining([
        { path: 'spec.url', message: 'is not a known field' },
        { path: 'spec.overlap', message: expect.any(String) },
      ]),
    });
    expect((await kit.view(id)).nextAt).toBe(changed.nextAt);
    await forget(id);
  });

  test('has the clock look again whenever its times change', async () => {
    await kit.engine.engine.db.system((tx) => tx.run(sql`delete from outbox`));
    const { id } = await make(every('FREQ=DAILY'));
    const [made] = await outboxOfClock();
    await change(id, { enabled: false });
    const [changed] = await outboxOfClock();
    await forget(id);
    const [removed] = await outboxOfClock();
    expect([made, changed, removed].map((row) => row?.generation)).toEqual([1, 2, 3]);
  });
});

describe('triggers', () => {
  test('are for configured agents and for conversations of one’s own', async () => {
    const wish = every('FREQ=DAILY');
    const house = { agents: ['default'] };
    await expect(kit.make({ ...wish, agent: 'nobody' }, { now: NOW }, house)).rejects.toMatchObject({
      status: 422,
      errors: [{ path: 'agent' }],
    });
    await expect(make({ ...wish, agent: 'other' })).rejects.toMatchObject({ status: 422, errors: [{ path: 'agent' }] });
    await expect(make({ ...wish, conversation: 'cnv_none' })).rejects.toMatchObject({
      status: 422,
      errors: [{ path: 'conversation' }],
    });
  });

  test('of webhooks are made by people alone, because their secret is shown', async () => {
    await expect(make({ kind: 'webhook', spec: {}, instructions: 'Act.' })).rejects.toMatchObject({
      type: 'forbidden',
    });
  });

  test('are listed page by page, the newest first, to their own user alone', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.unshift((await make(every('FREQ=DAILY'))).id);
    const list = (user: string, cursor?: string) =>
      kit.engine.engine.db.as(user, (tx) => listTriggers(tx, user, { limit: 2, cursor }));
    const first = await list(kit.engine.owner);
    const second = await list(kit.engine.owner, first.cursor);
    expect([...first.items, ...second.items].map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(second).not.toHaveProperty('cursor');
    const guest = await kit.engine.person('Gus');
    expect(await list(guest)).toEqual({ items: [] });
    for (const work of [
      kit.engine.engine.db.as(guest, (tx) => removeTrigger(tx, guest, ids[0] ?? '')),
      kit.engine.engine.db.as(guest, (tx) => changeTrigger(tx, guest, ids[0] ?? '', { enabled: false }, NOW)),
    ])
      await expect(work).rejects.toMatchObject({ type: 'not-found' });
    for (const id of ids) await forget(id);
    await expect(forget(ids[0] ?? '')).rejects.toMatchObject({ type: 'not-found' });
  });
});
