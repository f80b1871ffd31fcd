import { randomBytes } from 'node:crypto';
import { ProblemError } from '../../contracts/problem.js';
import type { Page } from '../../contracts/space.js';
import {
  type MadeTrigger,
  type NewTrigger,
  readSpec,
  type Trigger,
  type TriggerPatch,
  type TriggerSpec,
} from '../../contracts/trigger.js';
import type { Tx } from '../../store/db.js';
import { newId } from '../../store/new-id.js';
import { wakeClock } from '../../store/outbox.js';
import { pageCursor, readCursor } from '../../store/paging.js';
import type { SecretBox } from '../../store/secrets.js';
import { json, sql } from '../../store/sql.js';
import { type Maker, ownConversation } from '../reminders/make-reminder.js';
import { requireOpenAddress } from './address-gate.js';
import { type Beginning, beginTrigger, wrong } from './beginning.js';
import { lockTrigger, noTrigger, presentTrigger, TRIGGER_COLUMNS, type TriggerRow } from './trigger-rows.js';
import { sealedName } from './signatures.js';

/** What the process knows that the rows do not. */
export interface TriggerHouse {
  /** Names of the configured agents; without them only the maker's own can be meant. */
  readonly agents?: readonly string[];
  /** Keeps the secrets of webhooks; without it none are made. */
  readonly box?: SecretBox;
  /** The owner of the installation says it, and no agent: an address that is watched may be one of the own network. */
  readonly isOwner?: boolean;
}

/** What binds the agent that changes a trigger, and the request it does so in. */
type Bounds = Pick<Maker, 'labels' | 'skills' | 'request' | 'budgetUsd'>;

const MOST_TRIGGERS = 1_000;
const SECRET_BYTES = 32;

/**
 * Makes a trigger; what binds its maker binds each of its requests. Of a webhook the secret comes back, this once. Links
 * are paths. Throws `invalid-body` with the path of the field that cannot be meant.
 */
export async function makeTrigger(
  tx: Tx,
  maker: Maker,
  wish: NewTrigger,
  house: TriggerHouse = {},
): Promise<MadeTrigger> {
  const { user, request } = maker;
  const agent = wish.agent ?? maker.agent;
  requireAgent(agent, house.agents ?? [maker.agent]);
  await requireOpenAddress(tx, specOf(wish), maker);
  const begun = await beginTrigger(tx, user, specOf(wish), maker);
  await refuseFlood(tx, user);
  const id = newId('trg');
  const secret = wish.kind === 'webhook' ? newSecret(house) : undefined;
  const sealed = secret === undefined ? null : (house.box?.seal(user, sealedName(id), secret) ?? null);
  const conversation = await conversationOf(tx, maker, wish);
  const { enabled = true, cooldownSeconds = 0, budgetUsd = null } = wish;
  const row = await tx.one<TriggerRow>(sql`
    insert into triggers (id, user_id, conversation_id, kind, spec, instructions, agent, budget_usd, enabled, cooldown_seconds, labels, skills, made_by, due_at, next_at, state, secret, own_address)
    values (${id}, ${user}, ${conversation}, ${wish.kind}, ${json(begun.spec)}, ${wish.instructions}, ${agent}, least(${budgetUsd}::numeric, ${maker.budgetUsd ?? null}::numeric), ${enabled}, ${cooldownSeconds},
      ${[...maker.labels]}, ${maker.skills === null ? null : [...maker.skills]}, ${request ?? null}, ${begun.due}, ${enabled ? begun.next : null}, ${json(begun.state)}, ${sealed}, ${house.isOwner === true})
    returning ${TRIGGER_COLUMNS}`);
  await wakeClock(tx, user, 'a trigger was made');
  return { ...presentTrigger(row), ...(secret === undefined ? {} : { secret }) };
}

/**
 * Changes a trigger in place. With a new spec it begins afresh; one that is switched on again goes on from `now`, which
 * is in milliseconds since 1970. What binds whoever changes it binds its requests from then on. Throws as `makeTrigger`.
 */
export async function changeTrigger(
  tx: Tx,
  user: string,
  id: string,
  patch: TriggerPatch,
  now: number,
  house: Pick<TriggerHouse, 'agents' | 'isOwner'> & { readonly by?: Bounds } = {},
): Promise<Trigger> {
  const row = await lockTrigger(tx, user, id);
  if (row === undefined) throw noTrigger(id);
  const agent = patch.agent ?? row.agent;
  if (patch.agent !== undefined) requireAgent(agent, house.agents ?? [row.agent]);
  const enabled = patch.enabled ?? row.enabled;
  const begun = await begunAgain(tx, row, patch, now, house.by);
  const { labels, skills } = bounds(row, house.by);
  const changed = await tx.one<TriggerRow>(sql`
    update triggers set spec = ${json(begun.spec)}, instructions = ${patch.instructions ?? row.instructions}, agent = ${agent}, budget_usd = ${patch.budgetUsd === undefined ? sql`budget_usd` : sql`least(${patch.budgetUsd}::numeric, ${house.by?.budgetUsd ?? null}::numeric)`},
      enabled = ${enabled}, cooldown_seconds = ${patch.cooldownSeconds ?? row.cooldown_seconds}, labels = ${labels}, skills = ${skills},
      due_at = ${begun.due}, next_at = ${enabled ? begun.next : null}, state = ${json(begun.state)}, fence = fence + 1,
      own_address = ${patch.spec === undefined ? row.own_address : house.isOwner === true}, trouble = ${patch.spec === undefined ? row.trouble : null}, version = version + 1, updated_at = now()
    where id = ${id} returning ${TRIGGER_COLUMNS}`);
  await wakeClock(tx, user, 'a trigger was changed');
  return presentTrigger(changed);
}

/** Removes a trigger; the requests it has made stay. */
export async function removeTrigger(tx: Tx, user: string, id: string): Promise<Trigger> {
  const row = await tx.maybe<TriggerRow>(
    sql`delete from triggers where id = ${id} and user_id = ${user} returning ${TRIGGER_COLUMNS}`,
  );
  if (row === undefined) throw noTrigger(id);
  await wakeClock(tx, user, 'a trigger was removed');
  return presentTrigger(row);
}

/** Triggers of the user, newest first. */
export async function listTriggers(
  tx: Tx,
  user: string,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<Trigger>> {
  const after = readCursor(page.cursor);
  const rows = await tx.rows<TriggerRow>(sql`
    select ${TRIGGER_COLUMNS} from triggers
    where user_id = ${user} and ${after === undefined ? sql`true` : sql`(created_at, id) < (${after.at}::timestamptz, ${after.id})`}
    order by created_at desc, id desc limit ${page.limit + 1}`);
  return pageCursor(rows, page.limit, (row) => ({ at: row.created_at, id: row.id }), presentTrigger);
}

export async function viewTrigger(tx: Tx, user: string, id: string): Promise<Trigger> {
  const row = await tx.maybe<TriggerRow>(
    sql`select ${TRIGGER_COLUMNS} from triggers where id = ${id} and user_id = ${user}`,
  );
  if (row === undefined) throw noTrigger(id);
  return presentTrigger(row);
}

/** Kind and spec as they belong together. */
function specOf(wish: NewTrigger): TriggerSpec {
  return { kind: wish.kind, spec: wish.spec } as TriggerSpec;
}

/** How it goes on: afresh with a new spec, from now where it is switched on again, else as it was. */
async function begunAgain(
  tx: Tx,
  row: TriggerRow,
  patch: TriggerPatch,
  now: number,
  by: Bounds | undefined,
): Promise<Beginning> {
  const settled = row.fence + 1;
  const zone = row.kind === 'cron' ? (row.spec.timeZone ?? 'UTC') : 'UTC';
  if (patch.spec !== undefined) {
    const read = readSpec(row.kind, patch.spec);
    if ('errors' in read)
      throw new ProblemError('invalid-body', 'Some fields are not right; each is listed with its path.', {
        errors: read.errors,
      });
    if (by !== undefined) await requireOpenAddress(tx, read.spec, by);
    const begun = await beginTrigger(tx, row.user_id, read.spec, { now, timeZone: zone });
    return { ...begun, state: { ...begun.state, settled } };
  }
  const { spec, due_at: due, state } = row;
  if (row.enabled || patch.enabled !== true) return { spec, due, next: row.next_at, state: { ...state, settled } };
  const begun = await beginTrigger(tx, row.user_id, row, { now, timeZone: zone });
  return { ...begun, state: { ...state, ...begun.state, settled } };
}

/** Labels only ever grow, and skills only shrink. */
function bounds(row: TriggerRow, by: Bounds | undefined) {
  const cap = by?.skills ?? null;
  return {
    labels: [...new Set([...row.labels, ...(by?.labels ?? [])])],
    skills: cap === null ? row.skills : cap.filter((skill) => row.skills?.includes(skill) ?? true),
  };
}

function requireAgent(agent: string, known: readonly string[]): void {
  if (known.includes(agent)) return;
  throw new ProblemError('invalid-body', `There is no agent called ${agent}.`, {
    status: 422,
    errors: [{ path: 'agent', message: `must be one of ${known.join(', ')}` }],
  });
}

async function refuseFlood(tx: Tx, user: string): Promise<void> {
  const full = await tx.maybe(sql`select 1 from triggers where user_id = ${user} offset ${MOST_TRIGGERS - 1} limit 1`);
  if (full === undefined) return;
  throw new ProblemError('rate-limited', `There are ${MOST_TRIGGERS} triggers already. Remove some of them first.`);
}

/** As senders of Standard Webhooks take it; others use the whole text as the key. */
function newSecret({ box }: TriggerHouse): string {
  if (box === undefined)
    throw new ProblemError(
      'forbidden',
      'The secret of a webhook is shown once, and to a person only: ask the user to make it with POST /v1/triggers.',
    );
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

async function conversationOf(tx: Tx, maker: Maker, wish: NewTrigger): Promise<string> {
  const { user } = maker;
  const named = wish.conversation;
  if (named === undefined) return maker.conversation ?? ownConversation(tx, user, wish.instructions);
  const known = await tx.maybe(sql`select 1 from conversations where id = ${named} and user_id = ${user}`);
  if (known === undefined) throw wrong('conversation', 'There is no conversation with this id.');
  return named;
}
