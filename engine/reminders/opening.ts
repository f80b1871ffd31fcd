import type { JsonValue } from '../../contracts/space.js';
import type { AgentRef } from '../../contracts/step.js';
import { localText } from '../../times/local-text.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { coordinator, writeToBus } from '../clock/bus.js';
import type { Opening } from '../clock/opening.js';
import type { CapturedContext } from './context.js';
import { recallContext } from './context-recall.js';

/** One time that something came due. */
export interface Occasion {
  readonly source_id: string;
  readonly outcome: 'fired' | 'missed' | 'skipped';
  readonly due_at: string;
  readonly late: boolean;
  readonly facts: { readonly missed?: { readonly count: number; readonly first: string; readonly last: string } } & {
    readonly [name: string]: JsonValue;
  };
}

interface ReminderFacts {
  text: string;
  time_zone: string;
  conversation_id: string;
  context: CapturedContext;
  made_by: string | null;
  created_at: string;
}

/** What the agent is told of a reminder that has come due, or that was missed; both sides of it stand on the bus. */
export async function openReminder(tx: Tx, ref: AgentRef, timeZone: string, occasion: Occasion): Promise<Opening> {
  const row = await tx.maybe<ReminderFacts>(sql`
    select text, time_zone, conversation_id, context, made_by, created_at from reminders where id = ${occasion.source_id}`);
  if (row === undefined) return { text: `[reminder ${occasion.source_id}] It was removed meanwhile.`, labels: [] };
  const { text, conversation_id: conversation, created_at: setAt } = row;
  const place = { user: ref.user, conversation, request: ref.request, timeZone, text, setAt, setIn: row.made_by };
  const { before, since, atoms, labels } = await recallContext(tx, place, row.context);
  const head = headOf(occasion, row, timeZone);
  const asked = await writeToBus(tx, ref.user, {
    author: coordinator('cron'),
    text: [
      head,
      `Reminder: ${row.text}`,
      ...(row.context.summary === '' ? [] : [`Context: ${row.context.summary}`]),
    ].join('\n'),
    metadata: { type: 'request', status: 'taken', to: 'user', reminder: occasion.source_id },
    about: atoms,
    labels,
  });
  await writeToBus(tx, ref.user, {
    author: `agent:${ref.agent}`,
    text: 'Taken: the user is told now.',
    metadata: { type: 'answer', reminder: occasion.source_id, request: ref.request },
    replyTo: asked,
    labels,
  });
  const parts = [
    `[reminder ${occasion.source_id}] ${head}`,
    ...(before === undefined ? [] : [`What was said about it then:\n${before}`]),
    ...(since === undefined ? [] : [`What has changed since:\n${since}`]),
    'Nobody has written just now. The words below are what the user is to be reminded of.',
  ];
  return { text: parts.join('\n\n'), labels };
}

/** Why something is late. */
export function lateText({ queued }: Occasion['facts']): string {
  return queued === true ? 'the time before was still being worked on' : 'the assistant was not running then';
}

/** The count ends at a thousand. */
export function countText(count: number): string {
  return `${count >= 1_000 ? 'at least ' : ''}${count} ${count === 1 ? 'time was' : 'times were'}`;
}

function headOf({ outcome, due_at, late, facts }: Occasion, row: ReminderFacts, timeZone: string): string {
  const due = localText(Date.parse(due_at), timeZone);
  const { missed } = facts;
  const left =
    missed === undefined || (outcome === 'missed' && missed.count === 1)
      ? ''
      : ` ${countText(missed.count)} missed, from ${localText(Date.parse(missed.first), timeZone)} to ${localText(Date.parse(missed.last), timeZone)}.`;
  const made = `It was set on ${localText(Date.parse(row.created_at), timeZone)}.`;
  if (outcome === 'missed')
    return `Missed: it was due on ${due}, and the assistant was not running then. Tell the user that it was missed and ask whether it still matters. ${made}${left}`;
  if (late) return `Due since ${due}, and late, because ${lateText(facts)}. Say so. ${made}${left}`;
  return `Due now, ${due}. ${made}${left}`;
}
