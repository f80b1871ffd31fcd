import type { Label } from '../contracts/effect-class.js';
import { ProblemError } from '../contracts/problem.js';
import type { ScheduleAccess } from '../contracts/schedule-access.js';
import type { SkillCaller } from '../contracts/skill.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import { cancelReminder, changeReminder } from './reminders/change-reminder.js';
import { makeReminder, type Maker } from './reminders/make-reminder.js';
import { listReminders } from './reminders/reminders.js';
import { changeTrigger, listTriggers, makeTrigger, removeTrigger } from './triggers/triggers.js';

const MOST_SHOWN = 100;
const OPEN = ['pending', 'paused', 'missed'] as const;

/** Reminders and triggers as the agent of one call may set and change them; it hands on no more than it has itself. */
export function scheduleAccess(tx: Tx, caller: SkillCaller): ScheduleAccess {
  const user = caller.user.id;
  const spoken = { now: Date.parse(caller.now), timeZone: caller.timeZone };
  return {
    remind: async (wish) => makeReminder(tx, await makerOf(tx, caller), wish),
    changeReminder: (id, patch) => changeReminder(tx, user, id, patch, spoken),
    cancelReminder: (id) => cancelReminder(tx, user, id),
    async reminders() {
      const found = [];
      for (const status of OPEN) found.push(...(await listReminders(tx, user, { status, limit: MOST_SHOWN })).items);
      return found.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, MOST_SHOWN);
    },
    plan: async (wish) => makeTrigger(tx, await makerOf(tx, caller), wish),
    changeTrigger: (id, patch) => changeTrigger(tx, user, id, patch, spoken.now),
    removeTrigger: (id) => removeTrigger(tx, user, id),
    triggers: async () => (await listTriggers(tx, user, { limit: MOST_SHOWN })).items,
  };
}

/** The agent, with what binds it at this moment. */
async function makerOf(tx: Tx, caller: SkillCaller): Promise<Maker> {
  const row = await tx.maybe<{
    labels: Label[];
    skills: string[] | null;
    profile: string;
    parent_id: string | null;
  }>(sql`
    select a.labels, a.skills, r.settings->>'agent' as profile, a.parent_id from agents a join requests r on r.id = a.request_id where a.id = ${caller.agentId}`);
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
    now: Date.parse(caller.now),
    timeZone: caller.timeZone,
  };
}
