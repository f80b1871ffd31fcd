import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from '../../store/sql.js';
import { type ApiHarness, openApi } from './harness.js';

let api: ApiHarness;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

test('a request keeps the channel it came by, and the delivery that made it', async () => {
  const answer = await api.call({
    method: 'POST',
    url: '/v1/requests',
    headers: { 'idempotency-key': 'delivery-1' },
    payload: { text: 'Hello' },
  });
  const { id } = answer.json<{ id: string }>();
  const row = await api.store.db.system((tx) =>
    tx.one<{ channel: string; key: string }>(
      sql`select channel, idempotency_key as key from requests where id = ${id}`,
    ),
  );
  expect(row).toEqual({ channel: 'http', key: 'delivery-1' });
});
