import { expect, test } from 'vitest';
import type { Db } from '../../store/db.js';
import { awayProblem } from '../../store/errors.js';
import { openApi } from './harness.js';

test('a message whose answer is waited for while the database goes away still ends, and says so when it stays away', async () => {
  const lost = await openApi();
  const { as } = lost.store.db;
  let away = 0;
  const flaky: Pick<Db, 'as'> = {
    as: async (user, work) => {
      if (away > 0) {
        away -= 1;
        throw awayProblem(new Error('lost'));
      }
      const result = await as(user, work);
      if (typeof result === 'object' && result !== null && 'fresh' in result) away = turns;
      return result;
    },
  };
  let turns = 1;
  Object.assign(lost.store.db, flaky);
  const back = await lost.call({ method: 'POST', url: '/v1/requests?wait=1', payload: { text: 'a' } });
  expect(back.statusCode).toBe(202);
  turns = 1_000;
  const gone = await lost.call({ method: 'POST', url: '/v1/requests?wait=1', payload: { text: 'b' } });
  away = 0;
  expect(gone.statusCode).toBe(503);
  expect(gone.headers['retry-after']).toBe('5');
  const self = String(gone.headers['location']);
  expect(gone.json().detail).toContain(`accepted as request ${self.split('/').at(-1)}`);
  expect((await lost.call({ url: new URL(self).pathname })).json()).toMatchObject({ text: 'b', status: 'queued' });
  await lost.close();
});
