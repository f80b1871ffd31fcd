import { expect, test } from 'vitest';
import { awayProblem, isAway } from '../../store/errors.js';

test.each(['EAI_AGAIN', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ECONNREFUSED', '57P01', '08006'])(
  'a database that fails with %s is away',
  (code) => {
    expect(isAway(Object.assign(new Error('x'), { code }))).toBe(true);
  },
);

test('a wrong statement is not away', () => {
  expect(isAway(Object.assign(new Error('x'), { code: '42601' }))).toBe(false);
});

test('nobody is told that nothing was changed: a commit may have lost only its answer', () => {
  const problem = awayProblem(new Error('x'));
  expect(problem).toMatchObject({ type: 'unavailable', status: 503 });
  expect(problem.message).toMatch(/may or may not have been done/);
  expect(problem.message).toContain('Idempotency-Key');
});
