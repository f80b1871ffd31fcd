import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Announcement } from '../../contracts/announcement.js';
import { fire, type Firing } from '../../engine/clock/firing.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';

let api: ApiHarness;
let person: { id: string; token: string };

beforeAll(async () => {
  api = await openApi();
  person = await api.person('Nia');
  await call('PATCH', '/v1/me', { timeZone: 'UTC' });
});
afterAll(() => api.close());

async function call(method: 'GET' | 'PATCH', url: string, payload?: object) {
  return api.call({ method, url, token: person.token, ...(payload === undefined ? {} : { payload }) });
}

async function announced(query = ''): Promise<Announcement[]> {
  const answer = await call('GET', `/v1/announcements${query}`);
  expect(answer.statusCode).toBe(200);
  return answer.json<{ items: Announcement[] }>().items;
}

/** A request that came due and has said something at an instant. */
async function said(text: string, at: string, what: Partial<Firing> = {}): Promise<string> {
  const conversation = `cnv_${text.replaceAll(' ', '-')}`;
  const requests = await api.engine.db.as(person.id, async (tx) => {
    await tx.run(
      sql`insert into conversations (id, user_id, title) values (${conversation}, ${person.id}, 'x') on conflict do nothing`,
    );
    return fire(tx, api.engine, person.id, at, [
      {
        origin: 'trigger',
        source: `trg_${text.replaceAll(' ', '-')}`,
        occurrence: at,
        outcome: 'fired',
        dueAt: at,
        isLate: false,
        conversation,
        text: `about ${text}`,
        agent: 'default',
        skills: null,
        labels: [],
        priority: 4,
        facts: {},
        ...what,
      },
    ]);
  });
  const [request] = [...requests.values()];
  await api.engine.db.system((tx) =>
    tx.run(sql`
      update requests set status = 'completed', ended_at = ${at}::timestamptz, result = jsonb_build_object('text', ${text}::text, 'outputs', '[]'::jsonb) where id = ${request ?? ''}`),
  );
  return request ?? '';
}

/** Quiet from two hours ago to two hours from now, on the hour. */
function quietNow(): { from: string; to: string } {
  const hour = (shift: number): string => `${String((new Date().getUTCHours() + shift + 24) % 24).padStart(2, '0')}:00`;
  return { from: hour(-2), to: hour(2) };
}

describe('what the assistant says by itself', () => {
  test('is listed newest first, with what it is about and where it belongs', async () => {
    const request = await said('prices fell', new Date().toISOString());
    expect(await announced()).toEqual([
      {
        request,
        conversation: 'cnv_prices-fell',
        origin: 'trigger',
        about: 'about prices fell',
        text: 'prices fell',
        status: 'completed',
        at: expect.any(String),
      },
    ]);
  });

  test('waits for the end of the quiet hours, except where the user has set the time', async () => {
    await call('PATCH', '/v1/me', { quietHours: quietNow() });
    const now = new Date().toISOString();
    await said('night work', now);
    await said('take the pill', now, { origin: 'reminder', source: 'rem_pill' });
    await said('missed it', now, { origin: 'reminder', source: 'rem_missed', outcome: 'missed', isLate: true });
    expect((await announced()).map(({ text }) => text)).toEqual(['take the pill']);
    await call('PATCH', '/v1/me', { quietHours: null });
    expect((await announced()).map(({ text }) => text)).toEqual(
      expect.arrayContaining(['night work', 'take the pill', 'missed it', 'prices fell']),
    );
  });

  test('can be asked for from an instant on, and comes in pages', async () => {
    const later = new Date(Date.now() + 1).toISOString();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await said('the newest', new Date().toISOString());
    expect((await announced(`?from=${later}`)).map(({ text }) => text)).toEqual(['the newest']);
    const first = (await call('GET', '/v1/announcements?limit=2')).json<{ items: Announcement[]; cursor: string }>();
    expect(first.items).toHaveLength(2);
    const [next] = await announced(`?limit=2&cursor=${first.cursor}`);
    expect(first.items.map(({ request }) => request)).not.toContain(next?.request);
  });

  test("is nobody else's to read, and nothing that a person has asked for", async () => {
    const other = await api.person('Ole');
    const answer = await api.call({ method: 'GET', url: '/v1/announcements', token: other.token });
    expect(answer.json()).toEqual({ items: [] });
    const asked = await api.call({
      method: 'POST',
      url: '/v1/requests',
      token: other.token,
      payload: { text: 'hello' },
    });
    expect(asked.statusCode).toBe(202);
    expect((await api.call({ method: 'GET', url: '/v1/announcements', token: other.token })).json()).toEqual({
      items: [],
    });
  });
});
