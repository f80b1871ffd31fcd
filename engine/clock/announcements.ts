import type { Announcement } from '../../contracts/announcement.js';
import type { RequestStatus } from '../../contracts/request.js';
import type { Page } from '../../contracts/space.js';
import type { User } from '../../contracts/user.js';
import { afterQuietHours } from '../../times/quiet-hours.js';
import { pageCursor, readCursor } from '../../store/paging.js';
import { sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';

export interface AnnouncementFilter {
  /** Only what may be told from this instant on, RFC 3339. */
  readonly from?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

interface AnnouncementRow {
  id: string;
  conversation_id: string;
  origin: Announcement['origin'];
  about: string;
  text: string;
  status: RequestStatus;
  said_at: string;
  /** The user has chosen the time. */
  is_chosen: boolean;
  created_at: string;
  time_zone: string;
  quiet_hours: User['quietHours'] | null;
}

/**
 * What the assistant has to say by itself, newest first, as far as it may be said by now. Within the user's quiet hours
 * only what the user has set a time for is; everything else waits until they are over. A page may have fewer items than
 * its limit although more follow.
 */
export async function listAnnouncements(
  engine: Engine,
  user: string,
  filter: AnnouncementFilter,
): Promise<Page<Announcement>> {
  const after = readCursor(filter.cursor);
  const rows = await engine.db.as(user, (tx) =>
    tx.rows<AnnouncementRow>(sql`
      select * from (
        select r.id, r.conversation_id, r.origin, r.status, r.created_at, u.time_zone, u.settings->'quietHours' as quiet_hours,
          (select m.text from messages m where m.request_id = r.id and m.role = 'user' order by m.seq limit 1) as about,
          coalesce(nullif(r.result->>'text', ''), r.error->>'message') as text,
          coalesce(r.ended_at, (select max(t.ended_at) from turns t where t.agent_id = r.agent_id)) as said_at,
          exists (select from occasions o where o.request_id = r.id and r.origin = 'reminder' and o.outcome = 'fired' and not o.late) as is_chosen
        from requests r join users u on u.id = r.user_id
        where r.user_id = ${user} and r.origin in ('reminder', 'trigger') and r.status <> 'cancelled'
          and ${after === undefined ? sql`true` : sql`(r.created_at, r.id) < (${after.at}::timestamptz, ${after.id})`}) said
      where text is not null and said_at is not null and ${filter.from === undefined ? sql`true` : sql`said_at > ${filter.from}::timestamptz - interval '1 day'`}
      order by created_at desc, id desc limit ${filter.limit + 1}`),
  );
  const page = pageCursor(rows, filter.limit, (row) => ({ at: row.created_at, id: row.id }), present);
  const [now, from] = [Date.now(), filter.from === undefined ? 0 : Date.parse(filter.from)];
  return { ...page, items: page.items.filter(({ at }) => Date.parse(at) <= now && Date.parse(at) >= from) };
}

function present(row: AnnouncementRow): Announcement {
  const said = Date.parse(row.said_at);
  const at = row.is_chosen ? said : afterQuietHours(said, row.quiet_hours ?? undefined, row.time_zone);
  return {
    request: row.id,
    conversation: row.conversation_id,
    origin: row.origin,
    about: row.about,
    text: row.text,
    status: row.status,
    at: new Date(at).toISOString(),
  };
}
