import type { Label } from '../contracts/effect-class.js';
import { ProblemError } from '../contracts/problem.js';
import type { Bound, ScheduleAccess } from '../contracts/schedule-access.js';
import type { SkillCaller } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { TriggerPatch } from '../contracts/trigger.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { cancelReminder, changeReminder } from './reminders/change-reminder.js';
import { makeReminder, type Maker } from './reminders/make-reminder.js';
import { keepReminder, putBackReminder } from './reminders/put-back.js';
import { currentReminders } from './reminders/reminders.js';
import { changeTrigger, listTriggers, makeTrigger, removeTrigger, viewTrigger } from './triggers/triggers.js';

const MOST_SHOWN = 100;

type Kept = 'reminders' | 'triggers';

/** Reminders and triggers as the agent of one call may set and change them; it hands on no more than it has itself. */
export function scheduleAccess(tx: Tx, caller: SkillCaller): ScheduleAccess {
  const user = caller.user.id;
  const spoken = { now: Date.parse(caller.now), timeZone: caller.timeZone };
  return {
    remind: async (wish) => makeReminder(tx, await makerOf(tx, caller), wish),
    async changeReminder(id, patch) {
      const maker = await makerOf(tx, caller);
      const changed = await changeReminder(tx, user, id, patch, spoken);
      if ('question' in changed) return changed;
      if (patch.text !== undefined) await bindTo(tx, id, maker);
      return bound(tx, 'reminders', [id], changed);
    },
    cancelReminder: async (id) => bound(tx, 'reminders', [id], await cancelReminder(tx, user, id)),
    async reminders() {
      const found = await currentReminders(tx, user, spoken.now, MOST_SHOWN);
      return bound(tx, 'reminders', idsOf(found), found);
    },
    plan: async (wish) => makeTrigger(tx, await makerOf(tx, caller), wish),
    async changeTrigger(id, patch) {
      const maker = await makerOf(tx, caller);
      const binds = [patch.instructions, patch.spec, patch.budgetUsd].some((given) => given !== undefined);
      const changed = await changeTrigger(tx, user, id, patch, spoken.now, binds ? { by: maker } : {});
      return bound(tx, 'triggers', [id], changed);
    },
    async removeTrigger(id) {
      const { labels } = await bound(tx, 'triggers', [id], undefined);
      return { kind: 'bound', value: await removeTrigger(tx, user, id), labels };
    },
    keep: (id) => (isTrigger(id) ? keepTrigger(tx, user, id) : keepReminder(tx, user, id)),
    async putBack(id, kept) {
      if (!isTrigger(id)) return putBackReminder(tx, user, id, kept);
      await changeTrigger(tx, user, id, kept as TriggerPatch, spoken.now);
    },
    async triggers() {
      const { items } = await listTriggers(tx, user, { limit: MOST_SHOWN });
      return bound(tx, 'triggers', idsOf(items), items);
    },
  };
}

function isTrigger(id: string): boolean {
  return id.startsWith('trg_');
}

/** What of a trigger an agent can change. */
async function keepTrigger(tx: Tx, user: string, id: string): Promise<JsonValue> {
  const { enabled, instructions, spec } = await viewTrigger(tx, user, id);
  return { enabled, instructions, spec: spec as JsonValue };
}

function idsOf(found: readonly { readonly id: string }[]): string[] {
  return found.map(({ id }) => id);
}

async function bound<T>(tx: Tx, kept: Kept, ids: readonly string[], value: T): Promise<Bound<T>> {
  const rows = await tx.rows<{ label: Label }>(sql`
    select distinct unnest(labels) as label from ${sql.raw(kept)} where id = any(${[...ids]}::text[])`);
  return { kind: 'bound', value, labels: rows.map(({ label }) => label) };
}

/** An agent that puts its words into a reminder binds it further, and never frees it. */
async function bindTo(tx: Tx, id: string, { user, labels, skills }: Maker): Promise<void> {
  const own = skills === null ? null : [...skills];
  await tx.run(sql`
    update reminders set labels = array(select unnest(labels) union select unnest(${[...labels]}::text[])),
      skills = case when ${own}::text[] is null then skills when skills is null then ${own}::text[]
        else array(select unnest(skills) intersect select unnest(${own}::text[])) end
    where id = ${id} and user_id = ${user}`);
}

/** The agent, with what binds it at this moment. */
async function makerOf(tx: Tx, caller: SkillCaller): Promise<Maker> {
  const row = await tx.maybe<{
    labels: Label[];
    skills: string[] | null;
    profile: string;
    budget: string;
    parent_id: string | null;
  }>(sql`
    select a.labels, a.skills, r.settings->>'agent' as profile, r.settings->>'budgetUsd' as budget, a.parent_id from agents a join requests r on r.id = a.request_id where a.id = ${caller.agentId}`);
  if (row === undefined || row.parent_id !== null)
    throw new ProblemError('forbidden', 'Only the agent that talks to the user sets reminders. Ask it to.');
  return {
    user: caller.user.id,
    author: `agent:${caller.agentId}`,
    request: caller.requestId,
    conversation: caller.conversationId,
    agent: row.profile,
    labels: row.labels,
    skills: row.skills,
    budgetUsd: row.budget,
    now: Date.parse(caller.now),
    timeZone: caller.timeZone,
  };
}
