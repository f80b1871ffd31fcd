import type { NewPolicy, Policy } from '../contracts/approval.js';
import { ProblemError } from '../contracts/problem.js';
import type { Page } from '../contracts/space.js';
import { newId } from '../store/new-id.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';

interface PolicyRow {
  id: string;
  skill: string;
  recipient: string;
  created_at: string;
}

/** What the user has allowed once and for all, newest first. */
export async function listPolicies(
  engine: Engine,
  user: string,
  page: { limit: number; cursor?: string | undefined },
): Promise<Page<Policy>> {
  const after = readCursor(page.cursor);
  const place = after === undefined ? sql`true` : sql`(created_at, id) < (${after.at}::timestamptz, ${after.id})`;
  const rows = await engine.db.as(user, (tx) =>
    tx.rows<PolicyRow>(sql`
      select id, skill, recipient, created_at from policies where user_id = ${user} and ${place}
      order by created_at desc, id desc limit ${page.limit + 1}`),
  );
  return pageCursor(rows, page.limit, (row) => ({ at: row.created_at, id: row.id }), presentPolicy);
}

/** Lets calls of one outward skill to one recipient run without asking. The same policy twice is one. */
export async function createPolicy(engine: Engine, user: string, policy: NewPolicy): Promise<Policy> {
  if (!engine.proposer.isRelaxable(policy.skill))
    throw new ProblemError('invalid-body', 'A policy is for a skill that reaches other people.', {
      status: 422,
      errors: [{ path: 'skill', message: 'is not a skill whose recipients can be allowed beforehand' }],
    });
  const row = await engine.db.as(user, (tx) =>
    tx.one<PolicyRow>(sql`
      insert into policies (id, user_id, skill, recipient) values (${newId('pol')}, ${user}, ${policy.skill}, ${policy.recipient})
      on conflict on constraint policies_once do update set recipient = excluded.recipient returning id, skill, recipient, created_at`),
  );
  return presentPolicy(row);
}

export async function deletePolicy(engine: Engine, user: string, id: string): Promise<void> {
  const deleted = await engine.db.as(user, (tx) =>
    tx.run(sql`delete from policies where id = ${id} and user_id = ${user}`),
  );
  if (deleted === 0) throw new ProblemError('not-found', `There is no policy ${id.slice(0, 80)}.`);
}

function presentPolicy(row: PolicyRow): Policy {
  return { id: row.id, skill: row.skill, recipient: row.recipient, createdAt: row.created_at };
}
