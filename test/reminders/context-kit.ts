import { thinkTurn } from '../../activities/think.js';
import type { Label } from '../../contracts/effect-class.js';
import type { NewReminder, Reminder } from '../../contracts/reminder.js';
import type { AgentRef } from '../../contracts/step.js';
import { acceptRequest } from '../../engine/accept.js';
import { claimDue } from '../../engine/clock/due.js';
import { makeReminder } from '../../engine/reminders/make-reminder.js';
import { viewReminder } from '../../engine/reminders/reminders.js';
import { viewRequest } from '../../engine/requests.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, reply } from '../engine/engine-kit.js';

/** A conversation that is talked in, step by step, and the reminders set in it. */
export interface Talk {
  readonly user: string;
  /** Undefined until something was said. */
  conversation(): string | undefined;
  /** Opens a request; nobody answers it yet. */
  open(said: string, files?: readonly { fileId: string; forwarded?: boolean }[]): Promise<AgentRef>;
  answer(ref: AgentRef, text: string): Promise<void>;
  /** Says something and has it answered. */
  say(said: string, answer: string): Promise<AgentRef>;
  /** Sets a reminder in a request of its own that says so, due in an hour. */
  remind(
    text: string,
    more?: { said?: string; wish?: Partial<NewReminder>; labels?: readonly Label[] },
  ): Promise<Reminder>;
  /** Has it come due. */
  fire(reminder: Reminder): Promise<Fired>;
}

interface Fired {
  readonly ref: AgentRef;
  /** All that the model was given, as one text. */
  readonly input: string;
  readonly labels: readonly Label[];
}

const signal = new AbortController().signal;
const HOUR_MS = 3_600_000;

export function startTalk(kit: EngineKit, user: string): Talk {
  const { engine } = kit;
  let conversation: string | undefined;
  const open: Talk['open'] = async (said, files = []) => {
    const attachments = [...files];
    const body = {
      text: said,
      ...(conversation === undefined ? {} : { conversation }),
      ...(files.length === 0 ? {} : { attachments }),
    };
    const { id } = await acceptRequest(engine, user, { body });
    const view = await viewRequest(engine, user, id);
    conversation = view.conversation;
    return { user, request: id, agent: view.agent };
  };
  const answer: Talk['answer'] = async (ref, text) => {
    kit.answer(() => reply([{ type: 'text', text }]));
    await thinkTurn(kit.deps, { ...ref, turn: 1 }, signal);
  };
  const say: Talk['say'] = async (said, text) => {
    const ref = await open(said);
    await answer(ref, text);
    return ref;
  };
  return {
    user,
    conversation: () => conversation,
    open,
    answer,
    say,
    async remind(text, { said = `Remind me in an hour to ${text}`, wish = {}, labels = [] } = {}) {
      const ref = await open(said);
      const maker = {
        user,
        author: `agent:${ref.agent}`,
        request: ref.request,
        conversation,
        agent: 'default',
        labels,
        skills: null,
      };
      const dueAt = new Date(Date.now() + HOUR_MS).toISOString();
      const made = await engine.db.as(user, (tx) =>
        makeReminder(tx, { ...maker, now: Date.now(), timeZone: 'UTC' }, { text, dueAt, ...wish }),
      );
      if ('question' in made) throw new Error(made.question);
      await answer(ref, 'I will remind you.');
      return made;
    },
    async fire(reminder) {
      await claimDue(engine, { user, at: reminder.dueAt });
      const { request } = await engine.db.as(user, (tx) => viewReminder(tx, user, reminder.id));
      if (request === undefined) throw new Error('the reminder did not come due');
      const { agent } = await viewRequest(engine, user, request);
      const ref = { user, request, agent };
      await answer(ref, 'You wanted to be reminded.');
      const asked = kit.asked.at(-1);
      const { labels } = await engine.db.as(user, (tx) =>
        tx.one<{ labels: Label[] }>(sql`select labels from agents where id = ${agent}`),
      );
      const texts = (asked?.messages ?? []).flatMap(({ content }) =>
        content.flatMap((block) => ('text' in block ? [block.text] : [])),
      );
      return { ref, input: [...(asked?.system ?? []), ...texts].join('\n'), labels };
    },
  };
}
