import { ProblemError } from '../contracts/problem.js';
import type { Conversation } from '../contracts/request.js';
import type { Page } from '../contracts/space.js';
import { pageCursor, readCursor } from '../store/paging.js';
import { sql } from '../store/sql.js';
import type { Engine } from './deps.js';
import { listRequests, type RequestView } from './requests.js';

const COLUMNS = sql`c.id, c.title, c.created_at as "createdAt", c.updated_at as "updatedAt"`;

/** Conversations of the user, the one last spoken in first. */
export async function listConversations(
  engine: Engine,
  user: string,
  page: { limit: number; cursor?: string | undefined },
): Promise<Page<Conversation>> {
  const after = readCursor(page.cursor);
  const rows = await engine.db.as(user, (tx) =>
    tx.rows<Conversation>(sql`
      select ${COLUMNS} from conversations c
      where c.user_id = ${user} and ${after === undefined ? sql`true` : sql`(c.updated_at, c.id) < (${after.at}::timestamptz, ${after.id})`}
      order by c.updated_at desc, c.id desc limit ${page.limit + 1}`),
  );
  return pageCursor(
    rows,
    page.limit,
    (row) => ({ at: row.updatedAt, id: row.id }),
    (row) => row,
  );
}

export interface Thread extends Conversation {
  readonly requests: readonly RequestView[];
  readonly cursor?: string;
}

/** One conversation with a page of its requests, newest first; `not-found` when it is not this user's. */
export async function viewConversation(
  engine: Engine,
  user: string,
  id: string,
  page: { limit: number; cursor?: string | undefined },
): Promise<Thread> {
  const row = await engine.db.as(user, (tx) =>
    tx.maybe<Conversation>(sql`select ${COLUMNS} from conversations c where c.id = ${id} and c.user_id = ${user}`),
  );
  if (row === undefined) throw new ProblemError('not-found', `There is no conversation ${id.slice(0, 80)}.`);
  const requests = await listRequests(engine, user, { ...page, conversation: id });
  return { ...row, requests: requests.items, ...(requests.cursor === undefined ? {} : { cursor: requests.cursor }) };
}
