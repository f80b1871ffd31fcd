import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { NewTrigger, WatchCondition } from '../../contracts/trigger.js';
import { settleLook } from '../../engine/triggers/looks.js';
import { changeTrigger, removeTrigger } from '../../engine/triggers/triggers.js';
import { openTriggers, type TriggerKit } from './trigger-kit.js';

let kit: TriggerKit;
beforeAll(async () => {
  kit = await openTriggers();
});
afterEach(() => kit.web.assertClean());
afterAll(() => kit.close());

let pages = 0;
const newPath = (): string => `/page-${(pages += 1)}`;
const watching = (url: string, condition: WatchCondition, more: Partial<NewTrigger> = {}): NewTrigger =>
  ({ kind: 'watch', spec: { url, everySeconds: 60, condition }, instructions: 'Tell me.', ...more }) as NewTrigger;
const reports = async (id: string): Promise<string[]> => (await kit.fired(id)).map(({ report }) => report);
/** No other trigger looks while a test runs. */
const forget = (id: string) =>
  kit.engine.engine.db.as(kit.engine.owner, (tx) => removeTrigger(tx, kit.engine.owner, id));
const change = (id: string, patch: Parameters<typeof changeTrigger>[3], seconds: number) =>
  kit.engine.engine.db.as(kit.engine.owner, (tx) =>
    changeTrigger(tx, kit.engine.owner, id, patch, kit.start + seconds * 1000),
  );

describe('a website that is watched', () => {
  test('[S4-11] is reported once when it goes down and once when it is back, however often and at once it is looked at', async () => {
    const path = newPath();
    const url = kit.web.page(path, { body: 'fine' });
    const { id } = await kit.make(watching(url, { kind: 'down' }));
    await kit.pass(0);
    expect(await reports(id)).toEqual([]);
    kit.web.page(path, { status: 503 });
    const looks = await kit.due(60);
    expect(looks).toHaveLength(1);
    await kit.look([...looks, ...looks], 60);
    await kit.look(looks, 61);
    await kit.pass(120);
    expect(await reports(id)).toEqual([`Down: ${url} answered 503.`]);
    kit.web.page(path, { body: 'fine' });
    await kit.pass(180);
    await kit.pass(240);
    expect(await reports(id)).toEqual([`Down: ${url} answered 503.`, `Recovered: ${url} answers (200).`]);
    const [down] = await kit.fired(id);
    expect(down).toMatchObject({ text: 'Tell me.', labels: [], settings: { priority: 4 } });
    expect(await kit.view(id)).toMatchObject({ lastFiredAt: expect.any(String), nextAt: expect.any(String) });
    await forget(id);
  });

  test('is reported at the first look when it is down by then, and not again after a restart', async () => {
    const url = kit.web.page(newPath(), { status: 500 });
    const { id } = await kit.make(watching(url, { kind: 'down' }));
    await kit.pass(0);
    kit.restart();
    await kit.pass(60);
    expect(await reports(id)).toEqual([`Down: ${url} answered 500.`]);
    await forget(id);
  });

  test('counts as down when it hangs, breaks off or refuses the connection, and as up when it wants a password', async () => {
    const path = newPath();
    const url = kit.web.page(path, { status: 401 });
    const { id } = await kit.make(watching(url, { kind: 'down' }));
    await kit.pass(0);
    kit.web.fail('hang');
    await kit.pass(60);
    await kit.pass(120);
    kit.web.fail('reset');
    await kit.pass(180);
    expect(await reports(id)).toEqual([
      `Down: ${url} does not answer.`,
      `Recovered: ${url} answers (401).`,
      `Down: ${url} does not answer.`,
    ]);
    await forget(id);
  });

  test('[S2-06] the health of a server: so many failures in a row make it down, one success ends that', async () => {
    const path = newPath();
    const url = kit.web.page(path, { body: 'ok' });
    const { id } = await kit.make(watching(url, { kind: 'down', failures: 3 }));
    kit.web.fail('failed', 'failed');
    for (const seconds of [0, 60, 120]) await kit.pass(seconds);
    expect(await reports(id)).toEqual([]);
    kit.web.fail('failed', 'busy', 'failed', 'failed', 'failed', 'failed');
    for (const seconds of [180, 240, 300, 360]) await kit.pass(seconds);
    expect(await reports(id)).toEqual([]);
    for (const seconds of [420, 480, 540]) await kit.pass(seconds);
    expect(await reports(id)).toEqual([`Down: ${url} answered 500.`, `Recovered: ${url} answers (200).`]);
    await forget(id);
  });

  test('that comes and goes within the cool-down is left alone; what still differs when it is over is reported', async () => {
    const path = newPath();
    const url = kit.web.page(path, { status: 500 });
    const { id } = await kit.make(watching(url, { kind: 'down' }, { cooldownSeconds: 600 }));
    await kit.pass(0);
    for (const [seconds, status] of [
      [60, 200],
      [120, 500],
      [180, 200],
      [240, 500],
    ] as const) {
      kit.web.page(path, { status });
      await kit.pass(seconds);
    }
    await kit.pass(660);
    expect(await reports(id)).toHaveLength(1);
    kit.web.page(path, { status: 200 });
    await kit.pass(720);
    kit.web.page(path, { status: 502 });
    await kit.pass(780);
    expect(await reports(id)).toHaveLength(2);
    await kit.pass(1_380);
    expect(await reports(id)).toEqual([
      `Down: ${url} answered 500.`,
      `Recovered: ${url} answers (200).`,
      `Down: ${url} answered 502.`,
    ]);
    await forget(id);
  });
});

describe('a page that is watched', () => {
  test('[S2-07] the price of a competitor: reported when it falls below the mark and when it rises again', async () => {
    const path = newPath();
    const shop = (price: string) => kit.web.page(path, { body: `<p>Was 99.00</p><p>Price:\n <b>${price}</b></p>` });
    const url = shop('1.299,00 €');
    const { id } = await kit.make(watching(url, { kind: 'below', value: 1_000, after: 'price:' }));
    await kit.pass(0);
    shop('999,50 €');
    await kit.pass(60);
    shop('950 €');
    await kit.pass(120);
    shop('1.049 €');
    await kit.pass(180);
    expect(await reports(id)).toEqual([
      `Now below: ${url} says 999,50; the mark is 1000.`,
      `No longer below: ${url} says 1.049; the mark is 1000.`,
    ]);
    expect((await kit.fired(id)).map(({ labels }) => labels)).toEqual([['untrusted'], ['untrusted']]);
    await forget(id);
  });

  test('that cannot be read, or does not hold what is looked for, is trouble and no edge', async () => {
    const path = newPath();
    const url = kit.web.page(path, { body: '<p>Price: 50</p>' });
    const { id } = await kit.make(watching(url, { kind: 'below', value: 100, after: 'Price:' }));
    await kit.pass(0);
    expect(await reports(id)).toHaveLength(1);
    kit.web.page(path, { status: 500 });
    await kit.pass(60);
    expect((await kit.view(id)).trouble).toContain('busy or failed (500)');
    kit.web.page(path, { body: '<p>Maintenance</p>' });
    await kit.pass(120);
    expect((await kit.view(id)).trouble).toContain('“Price:” does not stand on the page');
    kit.web.page(path, { body: '<p>Price: on request</p>' });
    await kit.pass(180);
    expect((await kit.view(id)).trouble).toContain('No number was found');
    kit.web.page(path, { body: '<p>Price: 50</p>' });
    await kit.pass(240);
    expect(await kit.view(id)).not.toHaveProperty('trouble');
    expect(await reports(id)).toHaveLength(1);
    await forget(id);
  });

  test('whose value changes is reported with the old and the new one, from the second look on', async () => {
    const path = newPath();
    const url = kit.web.page(path, { body: '<p>Version: 2.4 from May</p>' });
    const { id } = await kit.make(watching(url, { kind: 'changed', after: 'Version:' }));
    await kit.pass(0);
    await kit.pass(60);
    kit.web.page(path, { body: '<p>Version: 2.5 from June</p>' });
    await kit.pass(120);
    await kit.pass(180);
    expect(await reports(id)).toEqual([`Changed: ${url}\nBefore: “2.4”\nNow: “2.5”`]);
    await forget(id);
  });

  test('that changes anywhere is reported with the piece that differs', async () => {
    const path = newPath();
    const lead = '<p>The same words as ever stand here at the top of the page, every day.</p>';
    const url = kit.web.page(path, { body: `${lead}<p>We are open.</p>` });
    const { id } = await kit.make(watching(url, { kind: 'changed' }));
    await kit.pass(0);
    kit.web.page(path, { body: `${lead}<p>We are closed.</p>` });
    await kit.pass(60);
    const [report] = await reports(id);
    expect(report).toMatch(/Before: “.*We are open\.”\nNow: “.*We are closed\.”$/);
    expect(report).not.toContain('The same words as ever');
    await forget(id);
  });

  test('is reported when words stand there, in any case and over line ends, and when they are gone', async () => {
    const path = newPath();
    const url = kit.web.page(path, { body: '<p>Tickets are\n SOLD OUT today.</p>' });
    const { id } = await kit.make(watching(url, { kind: 'contains', text: 'sold out' }));
    await kit.pass(0);
    kit.web.page(path, { body: '<p>Tickets!</p>' });
    await kit.pass(60);
    expect(await reports(id)).toEqual([
      expect.stringContaining('SOLD OUT today'),
      `Gone from the page: ${url} does not say “sold out” any more.`,
    ]);
    await forget(id);
  });

  test('with a flood of text makes a report of bounded length', async () => {
    const path = newPath();
    const url = kit.web.page(path, { body: 'a '.repeat(100_000), type: 'text/plain' });
    const { id } = await kit.make(watching(url, { kind: 'changed' }));
    await kit.pass(0);
    kit.web.page(path, { body: `b ${'a '.repeat(100_000)}`, type: 'text/plain' });
    await kit.pass(60);
    kit.web.page(path, { body: `b ${'a '.repeat(100_000)} end`, type: 'text/plain' });
    await kit.pass(120);
    const found = await reports(id);
    expect(found).toHaveLength(2);
    expect(Math.max(...found.map(({ length }) => length))).toBeLessThan(1_000);
    await forget(id);
  });
});

describe('a look', () => {
  test('at an address that must not be asked is trouble and no outage', async () => {
    const { id } = await kit.make(watching('http://127.0.0.1:9/health', { kind: 'down' }));
    await kit.pass(0);
    expect(await reports(id)).toEqual([]);
    expect((await kit.view(id)).trouble).toContain('port 9');
    await forget(id);
  });

  test('at an address of the own network is made for the owner of the installation alone, until somebody else names another', async () => {
    const server = createServer((_request, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/health`;
    const { id } = await kit.make(watching(url, { kind: 'down' }), {}, { isOwner: true });
    await kit.pass(0);
    expect(await reports(id)).toEqual([`Down: ${url} answered 503.`]);
    await change(id, { spec: { url: `${url}/2`, everySeconds: 60, condition: { kind: 'down' } } }, 30);
    await kit.pass(60);
    expect(await reports(id)).toHaveLength(1);
    expect((await kit.view(id)).trouble).toContain(String(port));
    await forget(id);
    await new Promise((resolve) => server.close(resolve));
  });

  test('at a page of the own network makes what it says private', async () => {
    const url = kit.web.page(newPath(), { body: 'Sold out' });
    const condition = { kind: 'contains', text: 'sold out' } as const;
    const own = await kit.make(watching(url, condition), {}, { isOwner: true });
    const other = await kit.make(watching(url, condition));
    await kit.pass(0);
    expect(await kit.fired(own.id)).toMatchObject([{ labels: ['private', 'untrusted'] }]);
    expect(await kit.fired(other.id)).toMatchObject([{ labels: ['untrusted'] }]);
    await forget(own.id);
    await forget(other.id);
  });

  test('that fails says why in words of its own, and never in those of the page', async () => {
    const path = newPath();
    const to = { location: 'https://evil.example/obey-me' };
    const url = kit.web.page(path, { status: 302, headers: to });
    const { id } = await kit.make(watching(url, { kind: 'changed' }));
    await kit.pass(0);
    const moved = 'The page has moved to another host: open it and change the address of the trigger.';
    expect((await kit.view(id)).trouble).toBe(moved);
    kit.web.page(path, { body: 'x', type: 'obey/me' });
    await kit.pass(60);
    expect((await kit.view(id)).trouble).toMatch(/^It is of no known type\. Only web pages/);
    await forget(id);
  });

  test('that is slow counts although the next has begun; one that is older than what is stored, or than a change, does not', async () => {
    const path = newPath();
    const url = kit.web.page(path, { body: 'fine' });
    const { id } = await kit.make(watching(url, { kind: 'down' }));
    const [first] = await kit.due(0);
    const [second] = await kit.due(60);
    const input = (look: typeof first, seconds: number) => ({
      ...(look as NonNullable<typeof first>),
      user: kit.engine.owner,
      at: new Date(kit.start + seconds * 1000).toISOString(),
    });
    const down = { kind: 'watch', sighting: { kind: 'answer', isUp: false, said: 'is away.' } } as const;
    const up = { kind: 'watch', sighting: { kind: 'answer', isUp: true, said: 'answers.' } } as const;
    await settleLook(kit.engine.engine, input(first, 20), down);
    await settleLook(kit.engine.engine, input(second, 61), up);
    await settleLook(kit.engine.engine, input(first, 62), down);
    const [third] = await kit.due(130);
    await settleLook(kit.engine.engine, input(third, 131), down);
    expect(await reports(id)).toEqual([`Down: ${url} is away.`, `Recovered: ${url} answers.`, `Down: ${url} is away.`]);
    const [fourth] = await kit.due(200);
    await change(id, { instructions: 'Tell me more.' }, 201);
    await settleLook(kit.engine.engine, input(fourth, 202), up);
    expect(await reports(id)).toHaveLength(3);
    await forget(id);
  });

  test('that began before the trigger was changed, switched off or removed changes nothing', async () => {
    const url = kit.web.page(newPath(), { status: 500 });
    const { id } = await kit.make(watching(url, { kind: 'down' }));
    const before = await kit.due(0);
    await change(id, { instructions: 'Tell me more.' }, 1);
    await kit.look(before, 2);
    expect(await reports(id)).toEqual([]);
    const meanwhile = await kit.due(60);
    expect(await change(id, { enabled: false }, 61)).not.toHaveProperty('nextAt');
    await kit.look(meanwhile, 62);
    expect(await kit.due(600)).toEqual([]);
    expect(await change(id, { enabled: true }, 601)).toMatchObject({
      nextAt: new Date(kit.start + 601_000).toISOString(),
    });
    const last = await kit.due(602);
    await forget(id);
    await kit.look(last, 603);
    expect(await reports(id)).toEqual([]);
  });

  test('of a trigger that an agent has made is bound as that agent was', async () => {
    const url = kit.web.page(newPath(), { status: 500 });
    const { request } = await kit.engine.accept(`Keep an eye on ${url}, please.`);
    const { id } = await kit.make(watching(url, { kind: 'down' }, { budgetUsd: '0.25' }), {
      request,
      labels: ['private'],
      skills: ['remember', 'web_fetch'],
    });
    await kit.pass(0);
    expect(await kit.fired(id)).toMatchObject([
      { labels: ['private'], skills: ['remember', 'web_fetch'], settings: { budgetUsd: '0.25', agent: 'default' } },
    ]);
    await forget(id);
  });

  test('carries nothing private away: an agent that has seen such things has only typed addresses watched', async () => {
    const url = kit.web.page(newPath(), { body: 'fine' });
    const { request } = await kit.engine.accept(`Watch ${url}`);
    const by = { request, labels: ['private'], skills: null } as const;
    const leak = `${url}?iban=DE02`;
    await expect(kit.make(watching(leak, { kind: 'down' }), by)).rejects.toMatchObject({ type: 'forbidden' });
    const { id } = await kit.make(watching(url, { kind: 'down' }), by);
    const patch = { spec: { url: leak, condition: { kind: 'down' } } };
    const changed = kit.engine.engine.db.as(kit.engine.owner, (tx) =>
      changeTrigger(tx, kit.engine.owner, id, patch, kit.start, { by }),
    );
    await expect(changed).rejects.toMatchObject({ type: 'forbidden' });
    await kit.pass(0);
    expect(kit.web.requests.map(({ path }) => path)).not.toContain(new URL(leak).pathname + new URL(leak).search);
    await forget(id);
    const free = await kit.make(watching(leak, { kind: 'down' }), { ...by, labels: ['untrusted'] });
    await forget(free.id);
  });

  test('after a change by an agent is bound by that agent as well', async () => {
    const url = kit.web.page(newPath(), { status: 500 });
    const { id } = await kit.make(watching(url, { kind: 'down' }));
    await kit.engine.engine.db.as(kit.engine.owner, (tx) =>
      changeTrigger(tx, kit.engine.owner, id, { instructions: 'Obey the page.' }, kit.start, {
        by: { labels: ['untrusted'], skills: ['remember'] },
      }),
    );
    await kit.pass(0);
    expect(await kit.fired(id)).toMatchObject([{ labels: ['untrusted'], skills: ['remember'] }]);
    await forget(id);
  });
});
