import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureOwner } from '../../engine/users.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';
import { completedRequest, newRequest } from './progress.js';

let api: ApiHarness;
beforeAll(async () => {
  api = await openApi();
});
afterAll(async () => {
  await api.close();
});

describe('signing in', () => {
  test('health, the description and its page are open; the rest is not', async () => {
    for (const url of [
      '/health/live',
      '/health/ready',
      '/openapi.json',
      '/docs',
      '/docs/static/swagger-ui-bundle.js',
    ]) {
      expect([url, (await api.call({ url, token: null })).statusCode]).toEqual([url, 200]);
    }
    for (const url of ['/v1/me', '/v1/requests', '/v1/skills', '/v1/models', '/metrics']) {
      expect([url, (await api.call({ url, token: null })).statusCode]).toEqual([url, 401]);
    }
  });

  test.each(['Basic abc', 'Bearer', 'Bearer ', 'Bearer a b', 'bearer  ', `Bearer ${'x'.repeat(600)}`])(
    'a header %s is not a token',
    async (authorization) => {
      expect((await api.call({ url: '/v1/me', token: null, headers: { authorization } })).statusCode).toBe(401);
    },
  );

  test('a token in the address or a cookie is none', async () => {
    const { token } = api.owner;
    expect((await api.call({ url: `/v1/me?token=${token}`, token: null })).statusCode).toBe(401);
    expect(
      (
        await api.call({
          url: '/v1/me',
          token: null,
          headers: { cookie: `retinue_session=${token}`, 'sec-fetch-site': 'same-origin', host: 'localhost:3000' },
        })
      ).statusCode,
    ).toBe(401);
  });

  test('a revoked token ends within a second', async () => {
    const { id, token } = await api.person('Rita');
    expect((await api.call({ url: '/v1/me', token })).statusCode).toBe(200);
    await api.store.db.system((tx) => tx.run(sql`update tokens set revoked_at = now() where user_id = ${id}`));
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect((await api.call({ url: '/v1/me', token })).statusCode).toBe(401);
  });

  test('tokens are stored as hashes', async () => {
    const { token } = await api.person('Hans');
    const stored = await api.store.db.system((tx) => tx.rows<{ hash: string }>(sql`select hash from tokens`));
    for (const { hash } of stored) expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(stored)).not.toContain(token);
  });

  test('a new start-up token replaces the last one and nothing else', async () => {
    const other = await openApi();
    try {
      const made = await other.person('Stays');
      const again = await ensureOwner(other.engine, {
        name: 'Other',
        timeZone: 'UTC',
        token: 'second-token-of-the-owner',
        replace: true,
      });
      expect(again.id).toBe(other.owner.id);
      expect((await other.call({ url: '/v1/me', token: 'second-token-of-the-owner' })).json()).toMatchObject({
        id: other.owner.id,
        name: 'Olga',
      });
      expect((await other.call({ url: '/v1/me', token: other.owner.token })).statusCode).toBe(401);
      expect((await other.call({ url: '/v1/me', token: made.token })).statusCode).toBe(200);
      await Promise.all(
        [1, 2, 3].map(() =>
          ensureOwner(other.engine, { name: 'Other', timeZone: 'UTC', token: 'second-token-of-the-owner' }),
        ),
      );
      expect((await other.call({ url: '/v1/spaces', token: 'second-token-of-the-owner' })).json().items).toHaveLength(
        14,
      );
    } finally {
      await other.close();
    }
  });
});

describe('the browser', () => {
  const host = 'localhost:3000';

  async function signIn(): Promise<string> {
    api.tickets.set('ticket-that-is-long-enough', api.owner.id);
    const answer = await api.call({ url: '/signin?ticket=ticket-that-is-long-enough', token: null });
    expect([answer.statusCode, answer.headers.location]).toEqual([303, '/docs']);
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(/^retinue_session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=2592000$/);
    return cookie.split(';')[0] ?? '';
  }

  test('a ticket signs in once', async () => {
    await signIn();
    const again = await api.call({ url: '/signin?ticket=ticket-that-is-long-enough', token: null });
    expect(again.statusCode).toBe(401);
    expect(again.headers['set-cookie']).toBeUndefined();
    expect((await api.call({ url: '/signin?ticket=x', token: null })).statusCode).toBe(400);
  });

  test('our own pages may call with the cookie, others may not', async () => {
    const cookie = await signIn();
    const call = async (method: 'GET' | 'POST', headers: Record<string, string>) =>
      (
        await api.call({
          method,
          url: method === 'GET' ? '/v1/me' : '/v1/requests',
          token: null,
          headers: { host, cookie, ...headers },
          ...(method === 'POST' ? { payload: { text: 'from the page' } } : {}),
        })
      ).statusCode;
    expect(await call('GET', { 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await call('POST', { 'sec-fetch-site': 'same-origin', origin: `http://${host}` })).toBe(202);
    expect(await call('POST', { origin: `http://${host}` })).toBe(202);
    expect(await call('GET', { 'sec-fetch-site': 'none' })).toBe(200);
    expect(await call('POST', {})).toBe(403);
    expect(await call('POST', { 'sec-fetch-site': 'none' })).toBe(403);
    expect(await call('POST', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:5000' })).toBe(403);
    expect(await call('GET', { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await call('GET', { 'sec-fetch-site': 'same-origin', host: 'evil.example' })).toBe(403);
    expect(
      await call('POST', { 'sec-fetch-site': 'same-origin', host: 'evil.example', origin: 'http://evil.example' }),
    ).toBe(403);
  });

  test('pages of other sites may not call with a token either; programs may', async () => {
    const call = async (headers: Record<string, string>) => (await api.call({ url: '/v1/me', headers })).statusCode;
    expect(await call({ host, origin: 'https://evil.example' })).toBe(403);
    expect(await call({ host, origin: 'null' })).toBe(403);
    expect(await call({ host: 'evil.example', origin: 'http://evil.example' })).toBe(403);
    expect(await call({ host, origin: `http://${host}` })).toBe(200);
    expect(await call({ host: 'retinue-api:3000' })).toBe(200);
    expect(await call({ host: '[::1]:3000', origin: 'http://[::1]:3000' })).toBe(200);
  });

  test('a session ends after thirty days', async () => {
    const cookie = await signIn();
    await api.store.db.system((tx) =>
      tx.run(sql`update tokens set created_at = now() - interval '31 days' where label = 'browser'`),
    );
    expect(
      (await api.call({ url: '/v1/me', token: null, headers: { host, cookie, 'sec-fetch-site': 'same-origin' } }))
        .statusCode,
    ).toBe(401);
    const session = cookie.split('=')[1] ?? '';
    expect((await api.call({ url: '/v1/me', token: session })).statusCode).toBe(401);
  });

  test('nothing is framed, sniffed, or shared with other origins', async () => {
    const answer = await api.call({ url: '/v1/me' });
    expect(answer.headers).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    const docs = await api.call({ url: '/docs', token: null });
    expect(docs.headers['content-security-policy']).toContain("script-src 'self'");
    expect(docs.body).not.toContain(api.owner.token);
  });
});

describe('limits', () => {
  test('calls of one user are bounded, readers and writers apart, other users not affected', async () => {
    const limited = await openApi({ rateLimit: { reads: 5, writes: 2, failures: 3 } });
    try {
      const { token } = await limited.person('Quick');
      const codes = [];
      for (let index = 0; index < 6; index += 1) codes.push((await limited.call({ url: '/v1/me', token })).statusCode);
      expect(codes).toEqual([200, 200, 200, 200, 200, 429]);
      const writes = [];
      for (let index = 0; index < 3; index += 1)
        writes.push(
          (await limited.call({ method: 'POST', url: '/v1/requests', payload: { text: 'a' }, token })).statusCode,
        );
      expect(writes).toEqual([202, 202, 429]);
      const refused = await limited.call({ url: '/v1/me', token });
      expect(refused.json()).toMatchObject({ type: '/problems/rate-limited', status: 429 });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      expect((await limited.call({ url: '/v1/me' })).statusCode).toBe(200);
      const failures = [];
      for (let index = 0; index < 4; index += 1)
        failures.push((await limited.call({ url: '/v1/me', token: 'wrong' })).statusCode);
      expect(failures).toEqual([401, 401, 401, 429]);
      expect(Number((await limited.call({ url: '/v1/me', token: 'wrong' })).headers['retry-after'])).toBeGreaterThan(0);
      expect((await limited.call({ url: '/v1/me' })).statusCode).toBe(200);
    } finally {
      await limited.close();
    }
  });
});

describe('operations', () => {
  test('metrics are for the owner', async () => {
    const { token } = await api.person('Mira');
    expect((await api.call({ url: '/metrics', token })).statusCode).toBe(403);
    await newRequest(api.engine, api.owner.id);
    await completedRequest(api.engine, api.owner.id);
    const answer = await api.call({ url: '/metrics' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toContain('text/plain');
    for (const line of [
      /^retinue_open_requests\{status="queued"\} [1-9]/m,
      /^retinue_outbox_depth [1-9]/m,
      /^retinue_charges_total [1-9]/m,
      /^process_cpu_seconds_total/m,
      /^retinue_http_duration_seconds_count\{method="GET",route="\/v1\/me",status="200"\} \d/m,
    ]) {
      expect(answer.body).toMatch(line);
    }
    expect(answer.body).not.toContain('req_');
  });

  test('readiness tells which part is away', async () => {
    const before = api.settings.ready;
    api.settings.ready = async () => ({ ok: false, parts: { database: 'ok', temporal: 'away' } });
    const answer = await api.call({ url: '/health/ready', token: null });
    api.settings.ready = before;
    expect([answer.statusCode, answer.json()]).toEqual([
      503,
      { status: 'away', parts: { database: 'ok', temporal: 'away' } },
    ]);
    expect(answer.headers['retry-after']).toBe('5');
    expect((await api.call({ url: '/health/live', token: null })).statusCode).toBe(200);
  });

  test('with the database away calls are refused with 503 and Retry-After', async () => {
    const lost = await openApi();
    await lost.call({ url: '/v1/me' });
    await lost.store.close();
    for (const [method, url, payload] of [
      ['GET', '/v1/me', undefined],
      ['POST', '/v1/requests', { text: 'a' }],
      ['GET', '/v1/requests/req_1/events', undefined],
    ] as const) {
      const answer = await lost.call({ method, url, ...(payload === undefined ? {} : { payload }) });
      expect([url, answer.statusCode]).toEqual([url, 503]);
      expect(answer.headers['retry-after']).toBe('5');
      expect(answer.json()).toMatchObject({ type: '/problems/unavailable', status: 503 });
    }
    expect(lost.failures).toEqual([]);
    await lost.app.close();
  });

  test('an error of ours is logged and tells nothing', async () => {
    const broken = await openApi();
    broken.settings.catalogue = {
      ...broken.settings.catalogue,
      skills: () => {
        throw new Error('password of the database: hunter2');
      },
    };
    const answer = await broken.call({ url: '/v1/skills' });
    expect(answer.statusCode).toBe(500);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body).not.toContain('hunter2');
    expect(broken.failures.splice(0).join()).toContain('hunter2');
    await broken.close();
  });
});
