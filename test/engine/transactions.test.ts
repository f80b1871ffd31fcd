import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { InstallationModels } from '../../models/installation.js';
import { assertOutsideTransaction, createDb, type Db } from '../../store/db.js';
import { enqueue, type OutboxRow } from '../../store/outbox.js';
import { Relay } from '../../store/relay.js';
import { sql } from '../../store/sql.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
  await store.db.system((tx) => tx.run(sql`create table counters (id int primary key, value int not null)`));
});
beforeEach(() =>
  store.db.system((tx) =>
    tx.run(sql`insert into counters values (1, 0), (2, 0) on conflict (id) do update set value = 0`),
  ),
);
afterAll(() => store.close());

const valueOf = async (db: Db, id: number): Promise<number> =>
  (await db.system((tx) => tx.one<{ value: number }>(sql`select value from counters where id = ${id}`))).value;

describe('a transaction', () => {
  test.each(['40001', '40P01'])(
    'that lost against another (%s) runs again, and only its last try counts',
    async (code) => {
      let tries = 0;
      const notices: number[] = [];
      const { pool, bus } = store;
      const db = createDb(pool, {
        events: { ...bus, publish: (all) => notices.push(...all.map((notice) => notice.seq)) },
        outbox: { poke: () => undefined },
      });
      const result = await db.system(async (tx) => {
        tries += 1;
        await tx.run(sql`update counters set value = value + 1 where id = 1`);
        tx.announce({ request: 'req_x', seq: tries });
        if (tries < 3) throw Object.assign(new Error('lost'), { code });
        return 'kept';
      });
      expect(result).toBe('kept');
      expect(tries).toBe(3);
      expect(await valueOf(store.db, 1)).toBe(1);
      expect(notices).toEqual([3]);
    },
  );

  test('that always loses gives up with the reason, and leaves nothing', async () => {
    let tries = 0;
    const losing = store.db.system(async (tx) => {
      tries += 1;
      await tx.run(sql`update counters set value = 7 where id = 1`);
      throw Object.assign(new Error('lost for ever'), { code: '40001' });
    });
    await expect(losing).rejects.toThrow('lost for ever');
    expect(tries).toBe(6);
    expect(await valueOf(store.db, 1)).toBe(0);
  });

  test('that fails for another reason is not repeated and gives its connection back', async () => {
    for (let round = 0; round < 30; round += 1) {
      let tries = 0;
      const failing = store.db.system(async (tx) => {
        tries += 1;
        await tx.run(sql`select 1 / 0`);
      });
      await expect(failing).rejects.toThrow(/division by zero/);
      expect(tries).toBe(1);
    }
    expect(await valueOf(store.db, 1)).toBe(0);
  });

  test('refuses a second one inside it, at once instead of waiting for ever', async () => {
    const nested = store.db.system(() => store.db.as('usr_x', async () => 'never'));
    await expect(nested).rejects.toThrow(/A second transaction was used inside a database transaction/);
    const later = store.db.system(async (tx) => {
      await tx.run(sql`select 1`);
      await delay(1);
      return store.db.system(async () => 'never');
    });
    await expect(later).rejects.toThrow(/inside a database transaction/);
    expect(await valueOf(store.db, 1)).toBe(0);
  });

  test('refuses a call of a model inside it, before anything leaves the house', async () => {
    let called = false;
    const models = new InstallationModels({
      apiKey: 'k',
      baseUrl: 'http://127.0.0.1:9',
      tiers: {},
      fallback: [],
      prices: {},
      maxOutputTokens: 100,
      contextTokens: 4_000,
      timeoutMs: 5_000,
      idleTimeoutMs: 5_000,
      fetch: (input, init) => {
        assertOutsideTransaction('A model');
        called = true;
        return fetch(input, init);
      },
    });
    const request = {
      model: 'claude-haiku-5-5',
      system: [],
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'hi' }] }],
      tools: [],
      maxTokens: 10,
    };
    const inside = store.db.system(() =>
      models.complete(request, { abortSignal: AbortSignal.timeout(5_000), onText: () => undefined }),
    );
    await expect(inside).rejects.toThrow(/A model was used inside a database transaction/);
    expect(called).toBe(false);
  });

  test('hands its commands to the relay after the commit only', async () => {
    const poked: string[] = [];
    const db = createDb(store.pool, {
      events: store.bus,
      outbox: { poke: (rows) => poked.push(...rows.map((row) => row.reason)) },
    });
    const command = (reason: string) =>
      ({ kind: 'wake', target: { user: 'usr_x', request: `req_${reason}`, agent: 'agt_x' }, reason }) as const;
    await db.system(async (tx) => {
      await enqueue(tx, command('kept'));
      expect(poked).toEqual([]);
    });
    const failing = db.system(async (tx) => {
      await enqueue(tx, command('dropped'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(poked).toEqual(['kept']);
  });
});

describe('the relay', () => {
  test('delivers what was queued while Temporal was away, each command once, and strikes it off', async () => {
    await store.db.system((tx) => tx.run(sql`delete from outbox`));
    const delivered: string[] = [];
    let away = true;
    let attempts = 0;
    const courier = async (row: OutboxRow): Promise<void> => {
      attempts += 1;
      if (away) throw new Error('connection refused');
      delivered.push(String(row.target.request));
    };
    const relays: Relay[] = [];
    const db = createDb(store.pool, { events: store.bus, outbox: { poke: (rows) => relays[0]?.poke(rows) } });
    const relay = new Relay(db, courier, { warn: () => undefined });
    relays.push(relay);
    relay.start();
    for (const number of [1, 2, 3]) {
      await db.system((tx) =>
        enqueue(tx, {
          kind: 'wake',
          target: { user: 'usr_x', request: `req_${number}`, agent: 'agt_x' },
          reason: 'a message',
        }),
      );
    }
    await expect.poll(() => attempts).toBeGreaterThanOrEqual(1);
    away = false;
    await expect.poll(() => delivered.length, { timeout: 20_000, interval: 50 }).toBe(3);
    const left = async (): Promise<number> =>
      (await db.system((tx) => tx.one<{ n: number }>(sql`select count(*)::int as n from outbox`))).n;
    await expect.poll(left, { timeout: 5_000 }).toBe(0);
    expect(delivered.toSorted()).toEqual(['req_1', 'req_2', 'req_3']);
    await relay.close();
  });

  test('does not strike off a command that was joined by a newer one while it was delivered', async () => {
    await store.db.system((tx) => tx.run(sql`delete from outbox`));
    const command = {
      kind: 'wake',
      target: { user: 'usr_x', request: 'req_joined', agent: 'agt_x' },
      reason: 'a message',
    } as const;
    const seen: number[] = [];
    const relays: Relay[] = [];
    const db = createDb(store.pool, { events: store.bus, outbox: { poke: (rows) => relays[0]?.poke(rows) } });
    const relay = new Relay(
      db,
      async (row) => {
        seen.push(row.generation);
        if (seen.length === 1) await store.db.system((tx) => enqueue(tx, command));
      },
      { warn: () => undefined },
    );
    relays.push(relay);
    relay.start();
    await db.system((tx) => enqueue(tx, command));
    await expect.poll(() => seen, { timeout: 5_000 }).toEqual([1, 2]);
    await relay.close();
  });

  test('delivers everything but a command the server refuses, which waits longer each time', async () => {
    await store.db.system((tx) => tx.run(sql`delete from outbox`));
    const delivered: string[] = [];
    let refusals = 0;
    const courier = async (row: OutboxRow): Promise<void> => {
      if (row.target.request === 'req_bad') {
        refusals += 1;
        throw new Error('could not start', { cause: Object.assign(new Error('3 INVALID_ARGUMENT'), { code: 3 }) });
      }
      delivered.push(String(row.target.request));
    };
    const target = (request: string) => ({ user: 'usr_x', request, agent: 'agt_x' });
    for (const request of ['req_bad', 'req_good'])
      await store.db.system((tx) => enqueue(tx, { kind: 'start', target: target(request), reason: 'new' }));
    await store.db.system((tx) => tx.run(sql`update outbox set created_at = now() - interval '1 minute'`));
    const relay = new Relay(store.db, courier, { warn: () => undefined });
    relay.start();
    await expect.poll(() => delivered, { timeout: 5_000 }).toEqual(['req_good']);
    const left = () =>
      store.db.system((tx) =>
        tx.rows<{ request: string; attempts: number; wait: number }>(
          sql`select target->>'request' as request, attempts, extract(epoch from claimed_until - now())::int as wait from outbox`,
        ),
      );
    await expect
      .poll(left, { timeout: 5_000 })
      .toEqual([{ request: 'req_bad', attempts: 1, wait: expect.any(Number) }]);
    // What comes after it is passed on at once: the server is there.
    relay.poke([
      {
        id: '0',
        generation: 1,
        workflowId: 'x',
        kind: 'wake',
        target: target('req_poked'),
        agents: [],
        priority: 3,
        reason: 'x',
      },
    ]);
    await expect.poll(() => delivered).toEqual(['req_good', 'req_poked']);
    await store.db.system((tx) => tx.run(sql`update outbox set attempts = 3, claimed_until = null`));
    await expect.poll(async () => (await left())[0]?.attempts, { timeout: 5_000 }).toBe(4);
    expect((await left())[0]?.wait).toBeGreaterThan(70);
    expect(refusals).toBe(2);
    await relay.close();
  });

  test('whose server was away goes on by itself, whichever row failed first', async () => {
    await store.db.system((tx) => tx.run(sql`delete from outbox`));
    const delivered = new Set<string>();
    const requests = Array.from({ length: 5 }, (_, index) => `req_${index}`);
    // The first one never gets through, and looks like a server that is away.
    const courier = async (row: OutboxRow): Promise<void> => {
      if (row.target.request === 'req_0') throw Object.assign(new Error('unavailable'), { code: 14 });
      delivered.add(String(row.target.request));
    };
    for (const request of requests)
      await store.db.system((tx) =>
        enqueue(tx, { kind: 'wake', target: { user: 'usr_x', request, agent: 'agt_x' }, reason: 'x' }),
      );
    const relay = new Relay(store.db, courier, { warn: () => undefined });
    relay.poke(
      await store.db.system((tx) =>
        tx.rows<OutboxRow>(
          sql`select id::text as id, generation, workflow_id as "workflowId", kind, target, priority, reason from outbox where target->>'request' = 'req_0'`,
        ),
      ),
    );
    relay.start();
    await expect.poll(() => delivered.size, { timeout: 10_000 }).toBe(4);
    await relay.close();
  });

  test('closes only after what was delivered is struck off', async () => {
    await store.db.system((tx) => tx.run(sql`delete from outbox`));
    let striking = 0;
    const slow: Db = {
      ...store.db,
      system: async (work) => {
        striking += 1;
        await delay(300);
        try {
          return await store.db.system(work);
        } finally {
          striking -= 1;
        }
      },
    };
    const relay = new Relay(slow, async () => undefined, { warn: () => undefined });
    const db = createDb(store.pool, { events: store.bus, outbox: { poke: (rows) => relay.poke(rows) } });
    await db.system((tx) =>
      enqueue(tx, { kind: 'wake', target: { user: 'usr_x', request: 'req_x', agent: 'agt_x' }, reason: 'x' }),
    );
    await expect.poll(() => striking, { interval: 5 }).toBe(1);
    await relay.close();
    expect(striking).toBe(0);
    expect(await store.db.system((tx) => tx.rows(sql`select 1 from outbox`))).toEqual([]);
  });
});
