import type { RequestStatus, WaitingFor } from '../../contracts/request.js';
import type { AgentRef } from '../../contracts/step.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { changeRequest, statusEvent } from '../events.js';

type Place = Pick<AgentRef, 'user' | 'request'>;

interface Shown {
  status: RequestStatus;
  waiting_for: WaitingFor[];
  asked: WaitingFor[];
  pending: WaitingFor[];
  busy: boolean;
}

/**
 * Shows what a request with several agents waits for, at the end of this transaction: it runs while anybody works, and
 * else waits for the user, for decisions, or for the agent that is just being woken.
 */
export function refreshAtEnd(tx: Tx, place: Place): void {
  tx.atEnd('status', () => refreshStatus(tx, place));
}

async function refreshStatus(tx: Tx, place: Place): Promise<void> {
  const shown = await tx.maybe<Shown>(sql`
    select r.status, r.waiting_for,
      (select coalesce(jsonb_agg(jsonb_build_object('kind', 'user', 'id', c.id, 'text', coalesce(c.input->>'question', c.output->>'question', '')) order by c.turn, c.position), '[]')
        from calls c where c.request_id = r.id and c.status = 'waiting') as asked,
      (select coalesce(jsonb_agg(jsonb_build_object('kind', 'approval', 'id', p.id, 'text', p.title) order by p.created_at, p.id), '[]')
        from approvals p where p.request_id = r.id and p.status = 'pending' and p.expires_at > now()) as pending,
      exists (select from agents a where a.request_id = r.id and a.ended_at is null and a.status in ('running', 'queued')) as busy
    from requests r where r.id = ${place.request} and r.ended_at is null`);
  if (shown === undefined) return;
  const status = statusOf(shown);
  const waitingFor = [...shown.asked, ...shown.pending];
  if (status === shown.status && idsOf(waitingFor) === idsOf(shown.waiting_for)) return;
  await changeRequest(tx, place, { status, waitingFor }, [statusEvent(status, waitingFor)]);
}

function statusOf({ busy, asked, pending }: Shown): RequestStatus {
  if (busy) return 'running';
  if (asked.length > 0) return 'waiting_user';
  return pending.length > 0 ? 'waiting_approval' : 'running';
}

function idsOf(items: readonly WaitingFor[]): string {
  return JSON.stringify(items.map(({ kind, id }) => [kind, id]));
}
