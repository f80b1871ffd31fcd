import { setTimeout as delay } from 'node:timers/promises';
import { ProblemError } from '../../contracts/problem.js';
import type { Reminder, ReminderPatch } from '../../contracts/reminder.js';
import { claimDue } from '../../engine/clock/due.js';
import type { Engine } from '../../engine/deps.js';
import { cancelReminder, changeReminder } from '../../engine/reminders/change-reminder.js';
import { makeReminder } from '../../engine/reminders/make-reminder.js';
import { createUser, ensureOwner } from '../../engine/users.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { seededRandom, weighted } from '../helpers/seeded.js';
import { type Act, brokenRules, type Change, type Outcome } from './race-rules.js';
import { historiesOf, type History, THIS_TRANSACTION, watchReminders } from './watched-rows.js';

const ACTS: Readonly<Record<Act | 'claim', number>> = {
  claim: 9,
  cancel: 2,
  edit: 4,
  text: 2,
  snooze: 3,
  pause: 2,
  resume: 3,
};

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** What passes between two rounds, in minutes: nothing, less and more than a window, days. */
const PASSING = { '0': 4, '1': 3, '20': 3, '130': 2, '1440': 1, '13000': 1 } as const;
const BEGIN = Date.parse('2027-03-01T06:00:00Z');
/** Stories that are told at the same time, each about a user of its own. */
const USERS = 4;
const NOTHING: Readonly<Record<Outcome, number>> = {
  fired: 0,
  missed: 0,
  changed: 0,
  refused: 0,
  'cancelled while due': 0,
  'moved while due': 0,
};
/** How long a change holds its row at most, so that others meet it, in seconds. */
const HELD_SECONDS = 0.003;

export interface RandomRaces {
  /** Tells `stories` random stories; gives back every way in which the rows break a rule, and how often what has happened. */
  run(stories: number): Promise<{ wrong: string[]; done: Record<Outcome, number> }>;
}

/** Users whose reminders are claimed, cancelled, moved, snoozed and paused, several at once. */
export async function openRandomRaces(engine: Engine, seed: number): Promise<RandomRaces> {
  const { id } = await ensureOwner(engine, { name: 'Olga', timeZone: 'UTC', token: 'token-of-the-owner' });
  const owner = { id, isOwner: true };
  await watchReminders(engine.db);
  const users: string[] = [];
  for (let count = 0; count < USERS; count += 1)
    users.push((await createUser(engine, owner, { name: `User ${count}`, timeZone: 'UTC' })).id);
  let told = 0;
  return {
    async run(stories) {
      const wrong: string[] = [];
      const done = { ...NOTHING };
      const last = told + stories;
      const listen = async (user: string): Promise<void> => {
        while (told < last) {
          const number = (told += 1);
          const story = new Story(engine, user, seededRandom(seed + number));
          for (const problem of await story.tell(done)) wrong.push(`story ${number}: ${problem}`);
        }
      };
      await Promise.all(users.map(listen));
      return { wrong, done };
    },
  };
}

class Story {
  readonly #engine: Engine;
  readonly #user: string;
  readonly #random: () => number;
  readonly #changes: Change[] = [];
  readonly #claims = new Set<number>();
  readonly #ids: string[] = [];
  #now = BEGIN;

  constructor(engine: Engine, user: string, random: () => number) {
    this.#engine = engine;
    this.#user = user;
    this.#random = random;
  }

  /** Counts what has happened, and gives back which rules were broken. */
  async tell(done: Record<Outcome, number>): Promise<string[]> {
    await this.#engine.db.as(this.#user, async (tx) => {
      for (let left = 1 + this.#below(2); left > 0; left -= 1) this.#ids.push(await this.#set(tx));
    });
    for (let rounds = 3 + this.#below(4); rounds > 0; rounds -= 1) {
      this.#now += Number(weighted(PASSING, this.#random())) * MINUTE_MS;
      const acts = Array.from({ length: 1 + this.#below(4) }, () => this.#choose());
      await Promise.all(acts.map((act) => act()));
    }
    const { histories, wrong } = await this.#settle();
    for (const [place, id] of this.#ids.entries()) {
      const history = histories[place] ?? { states: [], occurrences: [], requests: [] };
      const changes = this.#changes.filter((change) => change.reminder === id);
      const broken = brokenRules({ ...history, changes, claims: this.#claims }, done);
      wrong.push(...broken.map((problem) => `${problem}: ${JSON.stringify({ ...history, changes })}`));
    }
    return wrong;
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #spoken() {
    return { now: this.#now, timeZone: 'UTC' };
  }

  /** One-off or daily, with or without a window. */
  async #set(tx: Tx): Promise<string> {
    const [daily, bounded, every] = [this.#random() < 0.4, this.#random() < 0.4, this.#random() < 0.3];
    const user = this.#user;
    const made = await makeReminder(
      tx,
      { ...this.#spoken(), user, author: `user:${user}`, agent: 'default', labels: [], skills: null },
      {
        text: 'first words',
        dueAt: this.#later(),
        ...(daily ? { recurrence: 'FREQ=DAILY' } : {}),
        ...(bounded ? { catchUpWindow: 'PT1H' } : {}),
        ...(every ? { catchUp: 'all' as const } : {}),
      },
    );
    if ('question' in made) throw new Error(made.question);
    return made.id;
  }

  /** A time that is still to come, in whole seconds. */
  #later(): string {
    return new Date(this.#now + (1 + this.#below(60 * 45)) * 1000).toISOString();
  }

  /** Everything that is left to chance is chosen now, so that a seed repeats it. */
  #choose(): () => Promise<void> {
    const act = weighted(ACTS, this.#random());
    const startsMs = this.#random() * 4;
    const held = this.#random() * HELD_SECONDS;
    // The one and the same most of the time: they shall meet.
    const id = this.#ids[this.#random() < 0.7 ? 0 : this.#below(this.#ids.length)] ?? '';
    const later = this.#later();
    const lagMs = this.#random() < 0.2 ? this.#below(120) * 1000 : 0;
    const begin = (work: () => Promise<void>) => async () => {
      await delay(startsMs);
      await work();
    };
    if (act === 'claim') return begin(() => this.#claim(this.#now - lagMs));
    return begin(() => this.#change(id, act, later, held));
  }

  async #claim(at: number): Promise<void> {
    this.#claims.add(at);
    await claimDue(this.#engine, { user: this.#user, at: new Date(at).toISOString() });
  }

  async #change(id: string, act: Act, later: string, held: number): Promise<void> {
    const change: Change = { reminder: id, act, wanted: Date.parse(later), at: this.#now, tx: '', answer: undefined };
    this.#changes.push(change);
    try {
      change.answer = await this.#engine.db.as(this.#user, async (tx) => {
        change.tx = (await tx.one(THIS_TRANSACTION)).tx;
        const answer = await this.#perform(tx, id, act, later);
        await tx.run(sql`select pg_sleep(${held})`);
        return answer;
      });
    } catch (error) {
      if (!(error instanceof ProblemError) || error.type !== 'conflict') throw error;
    }
  }

  async #perform(tx: Tx, id: string, act: Act, later: string): Promise<Reminder> {
    if (act === 'cancel') return cancelReminder(tx, this.#user, id);
    const answer = await changeReminder(tx, this.#user, id, patchFor(act, later), this.#spoken());
    if ('question' in answer) throw new Error(answer.question);
    return answer;
  }

  /** Afterwards what waits is delivered, what is paused or cancelled is not, and no claim changes anything any more. */
  async #settle(): Promise<{ histories: History[]; wrong: string[] }> {
    const wrong: string[] = [];
    const waiting = await this.#nextTimes();
    await this.#claimAll(Math.max(this.#now, ...waiting.values()));
    const left = await this.#nextTimes();
    for (const [id, next] of waiting) if (left.get(id) === next) wrong.push(`${id}: nothing came of the time ${next}`);
    for (const id of left.keys()) await this.#change(id, 'cancel', new Date(this.#now).toISOString(), 0);
    const before = await historiesOf(this.#engine.db, this.#ids);
    await this.#claimAll(this.#now + 60 * DAY_MS);
    const histories = await historiesOf(this.#engine.db, this.#ids);
    if (JSON.stringify(before) !== JSON.stringify(histories)) wrong.push('something came of what was over');
    return { histories, wrong };
  }

  /** When each of those that wait is looked at. */
  async #nextTimes(): Promise<Map<string, number>> {
    const histories = await historiesOf(this.#engine.db, this.#ids);
    return new Map(
      this.#ids.flatMap((id, place) => {
        const next = histories[place]?.states.at(-1)?.next ?? null;
        return next === null ? [] : [[id, next]];
      }),
    );
  }

  async #claimAll(at: number): Promise<void> {
    this.#claims.add(at);
    const input = { user: this.#user, at: new Date(at).toISOString() };
    let step = await claimDue(this.#engine, input);
    for (let times = 0; step.more; times += 1) {
      if (times > 100) throw new Error('the clock does not come to rest');
      step = await claimDue(this.#engine, input);
    }
  }
}

function patchFor(act: Exclude<Act, 'cancel'>, later: string): ReminderPatch {
  switch (act) {
    case 'edit':
      return { dueAt: later };
    case 'text':
      return { text: `words of ${later}` };
    case 'snooze':
      return { snooze: 'PT15M' };
    case 'pause':
      return { status: 'paused' };
    case 'resume':
      return { status: 'pending' };
  }
}
