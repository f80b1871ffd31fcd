import type { AtomOrigin, JsonValue } from '../../contracts/space.js';
import { shortened } from '../../contracts/text.js';
import { metadataFilter } from '../../spaces/conditions.js';
import { MOST_HOPS } from '../../spaces/dispatch.js';
import type { Tx } from '../../store/db.js';
import { json, sql } from '../../store/sql.js';
import type { Engine } from '../deps.js';
import { beginRequest, listed } from './begin-request.js';
import { labelsOf, titleOf } from './named-atoms.js';
import { isCooling, lockTrigger, type TriggerRow } from './trigger-rows.js';

/** How long a space must be quiet before its changes are reported together; one that never is waits ten times as long. */
const QUIET_MS = 2_000;
const LONGEST_WAIT = 10;
const MOST_AT_ONCE = 100;
const MOST_EVENTS = 1_000;

interface Place {
  readonly id: string;
  readonly user_id: string;
}

interface ChangeRow {
  readonly seq: number;
  readonly kind: string;
  readonly author: string;
  readonly comment: string;
  readonly hop: number;
  readonly id: string;
  readonly payload: JsonValue;
  readonly origin: AtomOrigin;
  readonly people: string[];
}

/**
 * Makes requests of changes in spaces that triggers wait for, each trigger in a transaction of its own: one that fails
 * holds up no other. `now` is in milliseconds since 1970. Returns how many were looked at.
 */
export async function fireSpaceTriggers(
  engine: Engine,
  now: number = Date.now(),
  quietMs: number = QUIET_MS,
): Promise<number> {
  const at = new Date(now).toISOString();
  const due = await engine.db.system((tx) => dueTriggers(tx, at, quietMs));
  for (const place of due) {
    try {
      await engine.db.as(place.user_id, (tx) => fireChanges(tx, engine, place, at));
    } catch (error) {
      engine.log?.warn({ err: error }, 'changes of a space did not reach their trigger; trying again');
    }
  }
  return due.length;
}

/** Those whose space has changed and been quiet, and that may fire again. */
async function dueTriggers(tx: Tx, at: string, quietMs: number): Promise<Place[]> {
  return tx.rows<Place>(sql`
    select t.id, t.user_id from triggers t join spaces p on p.id = t.spec->>'space'
    where t.kind = 'space' and t.enabled and not t.spec ? 'untouched' and p.event_seq > (t.state->>'seen_seq')::bigint
      and (t.last_fired_at is null or t.last_fired_at <= ${at}::timestamptz - make_interval(secs => t.cooldown_seconds))
      and (${quietMs} = 0 or (
        select max(e.at) < now() - make_interval(secs => ${quietMs / 1000}::float8) or min(e.at) < now() - make_interval(secs => ${(LONGEST_WAIT * quietMs) / 1000}::float8)
        from space_events e where e.space_id = p.id and e.seq > (t.state->>'seen_seq')::bigint))
    order by t.last_fired_at nulls first, t.id limit ${MOST_AT_ONCE}`);
}

async function fireChanges(tx: Tx, engine: Engine, place: Place, at: string): Promise<void> {
  const row = await lockTrigger(tx, place.user_id, place.id);
  if (row === undefined || row.kind !== 'space' || !row.enabled || isCooling(row, at)) return;
  const seen = row.state.seen_seq ?? 0;
  const space = await tx.maybe<{ seq: number }>(sql`select event_seq as seq from spaces where id = ${row.spec.space}`);
  if (space === undefined) return stop(tx, row);
  const upto = Math.min(space.seq, seen + MOST_EVENTS);
  const changes = await changesOf(tx, row, seen, upto);
  await tx.run(sql`
    update triggers set state = state || ${json({ seen_seq: upto })}, trouble = null where id = ${row.id}`);
  if (changes.length === 0) return;
  const hop = Math.max(...changes.map((change) => change.hop)) + 1;
  const labels = labelsOf(changes, row.user_id);
  const head = changes.length === 1 ? 'One change' : `${changes.length} changes`;
  const report = `${head} in the space ${row.spec.space}:\n${listed(changes.map(lineOf))}`;
  await beginRequest(tx, engine, row, { occurrence: `change:${row.fence}:${upto}`, at, report, labels, hop });
}

/** A space that is gone, or not to be read any more, does not come up again by itself. */
async function stop(tx: Tx, row: TriggerRow): Promise<void> {
  await tx.run(sql`
    update triggers set enabled = false, next_at = null, version = version + 1, updated_at = now(),
      trouble = 'The space is gone, or you cannot read it any more: the trigger was switched off.' where id = ${row.id}`);
}

/**
 * Changes that are meant, in order. Left out are those that the trigger's own requests have made, those at the end of a
 * long chain of notifications, and what the coordinators note about triggers: each would set it off again for ever.
 */
async function changesOf(
  tx: Tx,
  row: TriggerRow & { kind: 'space' },
  seen: number,
  upto: number,
): Promise<ChangeRow[]> {
  const { space, metadata = {} } = row.spec;
  return tx.rows<ChangeRow>(sql`
    select e.seq, e.kind, e.author, e.comment, e.hop, a.id, v.payload, v.origin, v.people
    from space_events e join atoms a on a.id = e.atom_id join atom_versions v on v.atom_id = e.atom_id and v.version = e.version join spaces p on p.id = e.space_id
    where e.space_id = ${space} and e.seq > ${seen} and e.seq <= ${upto} and e.hop < ${MOST_HOPS} and ${metadataFilter(sql`v.metadata`, metadata)}
      and not (p.role is not distinct from 'bus' and v.metadata ? 'trigger')
      and not exists (
        select from agents g join occasions o on o.request_id = g.request_id where e.author = 'agent:' || g.id and o.source_id = ${row.id})
    order by e.seq`);
}

function lineOf(change: ChangeRow): string {
  return `- ${change.kind}: ${titleOf(change)} (${change.id}) by ${change.author}: ${shortened(change.comment.replace(/\s+/g, ' '), 200)}`;
}
