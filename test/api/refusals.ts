import { expect } from 'vitest';
import { sql } from '../../store/sql.js';
import type { ApiHarness } from './harness.js';

/** Calls and expects a refusal with this status that names `path`, and that it left nothing behind. */
export async function refused(
  api: Pick<ApiHarness, 'call' | 'store'>,
  options: Parameters<ApiHarness['call']>[0],
  status: number,
  path?: string,
): Promise<void> {
  const before = await rows(api);
  const answer = await api.call(options);
  expect([answer.statusCode, answer.body.slice(0, 600)]).toEqual([status, expect.any(String)]);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  const problem = answer.json<{ errors?: { path: string }[] }>();
  expect(problem).toMatchObject({
    status,
    title: expect.any(String),
    detail: expect.any(String),
    type: expect.stringMatching(/^(\/problems\/[a-z-]+|about:blank)$/),
  });
  const paths = (problem.errors ?? []).map((error) => error.path);
  expect(path === undefined || paths.includes(path) ? 'named' : paths).toBe('named');
  expect(await rows(api)).toEqual(before);
}

/** JSON text nested this deep. */
export function nested(levels: number, open = '[', close = ']'): string {
  return open.repeat(levels) + close.repeat(levels);
}

/** Counts of every row that a refused call must not leave behind. */
async function rows(api: Pick<ApiHarness, 'store'>): Promise<Record<string, number>> {
  return api.store.db.system((tx) =>
    tx.one<Record<string, number>>(sql`
      select (select count(*)::int from requests) as requests, (select count(*)::int from messages) as messages, (select count(*)::int from conversations) as conversations,
        (select count(*)::int from agents) as agents, (select count(*)::int from outbox) as outbox, (select count(*)::int from files) as files,
        (select count(*)::int from request_events) as events, (select count(*)::int from atoms) as atoms, (select count(*)::int from users) as users, (select count(*)::int from spaces) as spaces,
        (select count(*)::int from atom_versions) as versions, (select count(*)::int from atom_references) as "references", (select sum(event_seq)::int from spaces) as changes,
        (select count(*)::int from space_events) as "spaceEvents", (select count(*)::int from space_grants) as grants, (select count(*)::int from subscriptions) as subscriptions, (select count(*)::int from agent_notes) as notes`),
  );
}
