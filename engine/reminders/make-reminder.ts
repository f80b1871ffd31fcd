import type { Label } from '../../contracts/effect-class.js';
import { ProblemError } from '../../contracts/problem.js';
import type { NewReminder, Reminder } from '../../contracts/reminder.js';
import { shortened } from '../../contracts/text.js';
import { localText } from '../../times/local-text.js';
import type { Tx } from '../../store/db.js';
import { newId } from '../../store/new-id.js';
import { wakeClock } from '../../store/outbox.js';
import { json, sql } from '../../store/sql.js';
import { coordinator, writeToBus } from '../clock/bus.js';
import { captureContext } from './context.js';
import { presentReminder, REMINDER_COLUMNS, type ReminderRow } from './reminder-rows.js';
import { type DueTime, resolveWhen, type Spoken, type Unclear } from './when.js';

/** Who sets it: a person, or an agent in a request; what binds the one that sets it binds it when it is due. */
export interface Maker extends Spoken {
  readonly user: string;
  /** `user:ID` or `agent:ID`. */
  readonly author: string;
  readonly request?: string | undefined;
  readonly conversation?: string | undefined;
  readonly agent: string;
  readonly labels: readonly Label[];
  readonly skills: readonly string[] | null;
  /** What the request may spend in which it is made, USD as a decimal string: none of its times may spend more. */
  readonly budgetUsd?: string | undefined;
}

const MOST_WAITING = 50_000;
const TITLE_CHARACTERS = 80;

/**
 * Sets a reminder with what it is about, says so on the coordinator bus, and has the clock look again; or answers with
 * what has to be asked first. Throws `invalid-body` for what cannot be meant.
 */
export async function makeReminder(tx: Tx, maker: Maker, wish: NewReminder): Promise<Reminder | Unclear> {
  const time = resolveWhen(wish, maker);
  if (time.kind === 'ask') return time;
  await refuseFlood(tx, maker.user);
  const id = newId('rem');
  const { user, request } = maker;
  if (wish.conversation !== undefined) await requireConversation(tx, user, wish.conversation);
  const conversation = wish.conversation ?? maker.conversation ?? (await ownConversation(tx, user, wish.text));
  const context = await captureContext(tx, { user, conversation, request, text: wish.text, about: wish.context });
  const row = await tx.one<ReminderRow>(sql`
    insert into reminders (id, user_id, conversation_id, text, time_zone, local_start, recurrence, due_at, next_at, status, catch_up, catch_up_window, overlap, context, budget_usd, labels, skills, agent, made_by)
    values (${id}, ${user}, ${conversation}, ${wish.text}, ${time.zone}, ${time.localStart ?? null}, ${time.recurrence ?? null}, ${iso(time.due)}, ${iso(time.due)}, 'pending',
      ${wish.catchUp ?? 'latest'}, ${wish.catchUpWindow ?? null}, ${wish.overlap ?? null}, ${json(context)}, ${maker.budgetUsd ?? null}, ${[...maker.labels]}, ${maker.skills === null ? null : [...maker.skills]}, ${maker.agent}, ${request ?? null})
    returning ${REMINDER_COLUMNS}`);
  await tellBus(tx, maker, row, time);
  await wakeClock(tx, user, 'a reminder was set');
  return presentReminder(row);
}

async function refuseFlood(tx: Tx, user: string): Promise<void> {
  const full = await tx.maybe(
    sql`select 1 from reminders where user_id = ${user} and next_at is not null offset ${MOST_WAITING} limit 1`,
  );
  if (full === undefined) return;
  throw new ProblemError('rate-limited', `${MOST_WAITING} reminders wait already. Cancel some of them first.`);
}

async function requireConversation(tx: Tx, user: string, conversation: string): Promise<void> {
  const known = await tx.maybe(sql`select 1 from conversations where id = ${conversation} and user_id = ${user}`);
  if (known !== undefined) return;
  throw new ProblemError('invalid-body', `There is no conversation ${conversation}. Omit it to begin a new one.`, {
    status: 422,
    errors: [{ path: 'conversation', message: 'there is no conversation with this id' }],
  });
}

/** A reminder that belongs to no conversation begins one. */
export async function ownConversation(tx: Tx, user: string, title: string): Promise<string> {
  const id = newId('cnv');
  const line = title.trim().split('\n')[0] ?? '';
  await tx.run(sql`
    insert into conversations (id, user_id, title) values (${id}, ${user}, ${shortened(line, TITLE_CHARACTERS)})`);
  return id;
}

/** What was asked of the coordinator of time, and its answer. */
async function tellBus(tx: Tx, maker: Maker, row: ReminderRow, time: DueTime): Promise<void> {
  const when = `${localText(time.due, time.zone)}${time.recurrence === undefined ? '' : `, then ${time.recurrence}`}`;
  const { summary, sources } = row.context;
  const context = summary === '' ? '' : `; context: ${summary}`;
  const asked = await writeToBus(tx, maker.user, {
    author: maker.author,
    text: `Set reminder: ${when}: ${row.text}${context}`,
    metadata: { type: 'request', status: 'done', to: 'cron', reminder: row.id },
    about: sources.flatMap(({ ref }) => (ref.startsWith('atom:') ? [ref.slice(5)] : [])),
    labels: maker.labels,
  });
  await writeToBus(tx, maker.user, {
    author: coordinator('cron'),
    text: `Set for ${when}.`,
    metadata: { type: 'answer', reminder: row.id },
    replyTo: asked,
    labels: maker.labels,
  });
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
