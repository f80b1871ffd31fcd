import type { Label } from '../../contracts/effect-class.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Trigger, TriggerKind, TriggerSpec } from '../../contracts/trigger.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import type { MailState } from './arrivals.js';
import type { UntouchedState } from './untouched.js';
import type { WatchState } from './watching.js';

/** What was seen at the last look, and what of it was reported; each kind has a part of its own. */
export interface TriggerState {
  /** The newest look whose outcome is stored; the outcome of an older one counts for nothing. */
  readonly settled?: number;
  readonly watch?: WatchState;
  readonly mail?: MailState;
  readonly untouched?: UntouchedState;
  /** Number of the newest change of the space that was looked at. */
  readonly seen_seq?: number;
}

export type TriggerRow = TriggerSpec & {
  readonly id: string;
  readonly user_id: string;
  readonly conversation_id: string;
  readonly instructions: string;
  readonly agent: string;
  readonly budget_usd: string | null;
  readonly enabled: boolean;
  readonly cooldown_seconds: number;
  readonly labels: Label[];
  readonly skills: string[] | null;
  readonly due_at: string | null;
  readonly next_at: string | null;
  readonly state: TriggerState;
  readonly fence: number;
  readonly trouble: string | null;
  readonly last_fired_at: string | null;
  /** The owner of the installation has named the address: it may be one of the own network. */
  readonly own_address: boolean;
  readonly created_at: string;
};

export const TRIGGER_COLUMNS = sql`id, user_id, conversation_id, kind, spec, instructions, agent, trim_scale(budget_usd)::text as budget_usd, enabled, cooldown_seconds,
  labels, skills, due_at, next_at, state, fence, trouble, last_fired_at, own_address, created_at`;

/** Locks the trigger; undefined where it is not the user's. */
export async function lockTrigger(tx: Tx, user: string, id: string): Promise<TriggerRow | undefined> {
  return tx.maybe<TriggerRow>(
    sql`select ${TRIGGER_COLUMNS} from triggers where id = ${id} and user_id = ${user} for update`,
  );
}

export function noTrigger(id: string): ProblemError {
  return new ProblemError('not-found', `There is no trigger ${id.slice(0, 80)}.`);
}

/** Seconds between two looks where the trigger does not say. */
const PERIODS = { mail: 60, space: 3_600, watch: 300 } as const;

/** Seconds between two looks of a trigger; 0 for one that does not look by itself. */
export function periodSeconds(kind: TriggerKind, spec: { readonly everySeconds?: number | undefined }): number {
  if (kind === 'cron' || kind === 'webhook') return 0;
  return spec.everySeconds ?? PERIODS[kind];
}

/** It has fired so lately that it must not yet again; `at` is RFC 3339. */
export function isCooling({ last_fired_at, cooldown_seconds }: TriggerRow, at: string): boolean {
  return last_fired_at !== null && Date.parse(last_fired_at) > Date.parse(at) - cooldown_seconds * 1000;
}

/** Its links are paths; whoever knows the address of the server makes them whole. */
export function presentTrigger(row: TriggerRow): Trigger {
  return {
    id: row.id,
    kind: row.kind,
    spec: row.spec,
    instructions: row.instructions,
    agent: row.agent,
    ...(row.budget_usd === null ? {} : { budgetUsd: row.budget_usd }),
    enabled: row.enabled,
    ...(row.cooldown_seconds === 0 ? {} : { cooldownSeconds: row.cooldown_seconds }),
    conversation: row.conversation_id,
    ...(row.last_fired_at === null ? {} : { lastFiredAt: row.last_fired_at }),
    ...(row.next_at === null ? {} : { nextAt: row.next_at }),
    ...(row.trouble === null ? {} : { trouble: row.trouble }),
    createdAt: row.created_at,
    links: {
      self: `/v1/triggers/${row.id}`,
      ...(row.kind === 'webhook' ? { webhook: `/webhooks/${row.id}` } : {}),
    },
  };
}
