import { createHmac } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../api/app.js';
import { createSecretBox } from '../../store/secrets.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';

let api: ApiHarness;
let app: FastifyInstance;
beforeAll(async () => {
  api = await openApi();
  app = open('a key of this installation');
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await api.close();
});

function open(key: string, rateLimit?: { readonly writes: number }): FastifyInstance {
  return createApi({
    engine: api.engine,
    bus: api.store.bus,
    tickets: { redeem: () => undefined },
    settings: { ...api.settings, rateLimit },
    forgetFolders: async () => undefined,
    sealing: () => createSecretBox(key),
  });
}

interface Hook {
  readonly id: string;
  readonly secret: string;
  readonly links: { readonly self: string; readonly webhook: string };
}

async function hook(more: object = {}): Promise<Hook> {
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/triggers',
    headers: { authorization: `Bearer ${api.owner.token}` },
    payload: { kind: 'webhook', spec: {}, instructions: 'Deal with it.', ...more },
  });
  expect(answer.statusCode).toBe(201);
  return answer.json();
}

let deliveries = 0;
const now = (): number => Math.floor(Date.now() / 1000);

/** Headers as a sender of Standard Webhooks makes them. */
function standard(secret: string, body: string | Buffer, { id = `msg_${(deliveries += 1)}`, at = now() } = {}) {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': `v1,${signature}` };
}

/** Headers as GitHub makes them. */
function hub(secret: string, body: string | Buffer, delivery?: string) {
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return {
    'x-hub-signature-256': `sha256=${signature}`,
    ...(delivery === undefined ? {} : { 'x-github-delivery': delivery }),
  };
}

const send = (id: string, payload: string | Buffer, headers: Record<string, string>, to = app) =>
  to.inject({
    method: 'POST',
    url: `/webhooks/${id}`,
    payload,
    headers: { 'content-type': 'application/json', ...headers },
  });

const requestsOf = (id: string) =>
  api.engine.db.system((tx) =>
    tx.rows<{ request: string; report: string; labels: string[]; text: string }>(sql`
      select o.request_id as request, o.facts->>'report' as report, a.labels, m.text
      from occasions o join requests r on r.id = o.request_id join agents a on a.id = r.agent_id join messages m on m.request_id = r.id
      where o.source_id = ${id} order by o.at, o.occurrence`),
  );

describe('a delivery', () => {
  test('that is signed becomes a request with what was sent, and counts as a stranger’s words', async () => {
    const { id, secret, links } = await hook();
    expect(links).toEqual({
      self: `http://localhost:3000/v1/triggers/${id}`,
      webhook: `http://localhost:3000/webhooks/${id}`,
    });
    const body = JSON.stringify({ event: 'build', ok: false });
    const answer = await send(id, body, standard(secret, body));
    expect(answer.statusCode).toBe(202);
    expect(await requestsOf(id)).toEqual([
      {
        request: answer.json().request,
        report: 'What was sent:\n{\n  "event": "build",\n  "ok": false\n}',
        labels: ['untrusted'],
        text: 'Deal with it.',
      },
    ]);
  });

  test('in the form of GitHub is taken as well, whatever its kind of content, byte for byte', async () => {
    const { id, secret } = await hook();
    const bytes = Buffer.from([0x68, 0x69, 0x00, 0xff, 0xfe]);
    const headers = { ...hub(secret, bytes, 'first'), 'content-type': 'application/octet-stream' };
    expect((await send(id, bytes, headers)).statusCode).toBe(202);
    const form = 'payload=%7B%7D';
    const typed = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await send(id, form, { ...hub(secret, form, 'second'), ...typed })).statusCode).toBe(202);
    const parts = { 'content-type': 'multipart/form-data; boundary=x' };
    expect((await send(id, '--x--', { ...hub(secret, '--x--', 'third'), ...parts })).statusCode).toBe(202);
    const broken = '{"a": ';
    expect((await send(id, broken, hub(secret, broken, 'fourth'))).statusCode).toBe(202);
    expect((await send(id, '', hub(secret, '', 'fifth'))).statusCode).toBe(202);
    const reports = (await requestsOf(id)).map(({ report }) => report);
    expect(reports).toHaveLength(5);
    expect(reports).toEqual(
      expect.arrayContaining(['What was sent:\nhi��', 'What was sent:\n{"a": ', 'What was sent:\n(nothing)']),
    );
  });

  test('that was sent before is acknowledged and does nothing, also when both come at once', async () => {
    const { id, secret } = await hook();
    const headers = standard(secret, '{}', { id: 'msg_same' });
    const answers = await Promise.all([send(id, '{}', headers), send(id, '{}', headers)]);
    expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 202]);
    const again = await send(id, '{}', standard(secret, '{}', { id: 'msg_same', at: now() - 60 }));
    expect([again.statusCode, again.json()]).toEqual([200, { ignored: 'duplicate' }]);
    const next = await send(id, '{}', standard(secret, '{}'));
    expect(next.statusCode).toBe(202);
    expect(await requestsOf(id)).toHaveLength(2);
  });

  test('that was caught is not new under another id that the signature does not cover, and its body may come again a day later', async () => {
    const { id, secret } = await hook();
    const [body, other] = ['{"n":1}', '{"n":2}'];
    const first = hub(secret, body, 'first');
    const answers = await Promise.all([send(id, body, first), send(id, body, { ...first, 'webhook-id': 'msg_x' })]);
    expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 202]);
    for (const name of ['x-github-delivery', 'idempotency-key', 'webhook-id']) {
      const again = await send(id, body, { ...first, [name]: 'another' });
      expect([again.statusCode, again.json()]).toEqual([200, { ignored: 'duplicate' }]);
    }
    expect((await send(id, other, hub(secret, other, 'first'))).statusCode).toBe(202);
    const age = (hours: number) =>
      api.engine.db.system((tx) =>
        tx.run(sql`update occasions set at = now() - make_interval(hours => ${hours}) where source_id = ${id}`),
      );
    await age(23);
    expect((await send(id, body, first)).json()).toEqual({ ignored: 'duplicate' });
    await age(25);
    expect((await send(id, body, first)).statusCode).toBe(202);
    expect((await send(id, body, first)).json()).toEqual({ ignored: 'duplicate' });
    expect(await requestsOf(id)).toHaveLength(3);
  });

  test('that is not genuine is refused like one to a webhook that is not there', async () => {
    const { id, secret } = await hook();
    const other = await hook();
    const good = standard(secret, '{}');
    const bad: [string, string, Record<string, string>][] = [
      [id, '{}', {}],
      [id, '{}', { authorization: `Bearer ${api.owner.token}` }],
      [id, '{} ', good],
      [id, '{}', { ...good, 'webhook-id': 'msg_other' }],
      [id, '{}', { ...good, 'webhook-timestamp': String(now() - 1) }],
      [id, '{}', { 'webhook-signature': good['webhook-signature'] }],
      [id, '{}', { ...good, 'webhook-signature': good['webhook-signature'].replace('v1,', 'v2,') }],
      [id, '{}', { ...good, 'webhook-signature': 'v1,' }],
      [id, '{}', { ...standard(secret, '{}'), 'webhook-signature': 'nonsense', ...hub(secret, '{}') }],
      [id, '{}', standard(other.secret, '{}')],
      [id, '{}', standard(secret, '{}', { at: now() - 301 })],
      [id, '{}', standard(secret, '{}', { at: now() + 900 })],
      [id, '{}', { ...standard(secret, '{}'), 'webhook-timestamp': 'soon' }],
      [id, '{}', { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }],
      [id, '{}', { 'x-hub-signature-256': hub(secret, '{}')['x-hub-signature-256'].replace('sha256=', '') }],
      ['trg_none', '{}', good],
    ];
    const seen = new Set<string>();
    for (const [channel, body, headers] of bad) {
      const answer = await send(channel, body, headers);
      expect([channel, headers, answer.statusCode]).toEqual([channel, headers, 401]);
      seen.add(answer.body);
    }
    expect(seen.size).toBe(1);
    expect(await requestsOf(id)).toEqual([]);
    expect((await send(id, '{}', good)).statusCode).toBe(202);
  });

  test('under one of several signatures, with a clock that is a little off, is genuine', async () => {
    const { id, secret } = await hook();
    const headers = standard(secret, '{}', { at: now() - 150 });
    const several = { ...headers, 'webhook-signature': `v1a,x v1,AAAA ${headers['webhook-signature']}` };
    expect((await send(id, '{}', several)).statusCode).toBe(202);
  });

  test('of more than a mebibyte is refused, one of a little less is cut', async () => {
    const { id, secret } = await hook();
    const large = Buffer.alloc(1024 * 1024 + 1, 'a');
    expect((await send(id, large, standard(secret, large))).statusCode).toBe(413);
    const most = Buffer.alloc(1024 * 1024, '[');
    expect((await send(id, most, standard(secret, most))).statusCode).toBe(202);
    const [{ report } = { report: '' }] = await requestsOf(id);
    expect(report).toHaveLength(8_000);
    const numbers = '{"id":12345678901234567890}';
    expect((await send(id, numbers, standard(secret, numbers))).statusCode).toBe(202);
    expect((await requestsOf(id)).map((made) => made.report)).toContain(`What was sent:\n${numbers}`);
  });

  test('to a webhook that is switched off, or within its cool-down, is acknowledged without a request', async () => {
    const off = await hook({ enabled: false });
    const first = standard(off.secret, '{}');
    const answer = await send(off.id, '{}', first);
    expect([answer.statusCode, answer.json()]).toEqual([200, { ignored: 'disabled' }]);
    const cool = await hook({ cooldownSeconds: 600 });
    expect((await send(cool.id, '1', standard(cool.secret, '1'))).statusCode).toBe(202);
    const headers = standard(cool.secret, '2');
    expect((await send(cool.id, '2', headers)).json()).toEqual({ ignored: 'cooldown' });
    expect((await send(cool.id, '2', headers)).json()).toEqual({ ignored: 'duplicate' });
    expect([await requestsOf(off.id), (await requestsOf(cool.id)).length]).toEqual([[], 1]);
    const url = `/v1/triggers/${off.id}`;
    await api.call({ method: 'PATCH', url, payload: { enabled: true } });
    expect((await send(off.id, '{}', first)).statusCode).toBe(202);
  });
});

test('whoever calls without a pause is told to wait, whatever is sent', async () => {
  const limited = open('any', { writes: 2 });
  await limited.ready();
  const statuses: number[] = [];
  for (let n = 0; n < 3; n += 1) statuses.push((await send('trg_none', '{}', {}, limited)).statusCode);
  expect(statuses).toEqual([401, 401, 429]);
  await limited.close();
});

describe('the secret of a webhook', () => {
  test('is shown once, kept sealed, and gone with its trigger', async () => {
    const { id, secret } = await hook();
    expect(Buffer.from(secret.replace('whsec_', ''), 'base64')).toHaveLength(32);
    for (const url of [`/v1/triggers/${id}`, '/v1/triggers'])
      expect((await api.call({ url })).body).not.toContain('whsec_');
    const { kept } = await api.engine.db.system((tx) =>
      tx.one<{ kept: Buffer }>(sql`select secret as kept from triggers where id = ${id}`),
    );
    expect(kept.includes(secret.slice(6, 20))).toBe(false);
    await api.call({ method: 'DELETE', url: `/v1/triggers/${id}` });
    expect((await send(id, '{}', standard(secret, '{}'))).statusCode).toBe(401);
  });

  test('that was sealed with another key lets nobody in', async () => {
    const { id, secret } = await hook();
    const moved = open('a key of another installation');
    await moved.ready();
    expect((await send(id, '{}', standard(secret, '{}'), moved)).statusCode).toBe(401);
    await moved.close();
  });
});
