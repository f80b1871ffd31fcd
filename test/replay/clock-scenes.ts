import { setTimeout as delay } from 'node:timers/promises';
import { changeReminder } from '../../engine/reminders/change-reminder.js';
import { makeReminder } from '../../engine/reminders/make-reminder.js';
import { viewReminder } from '../../engine/reminders/reminders.js';
import { changeTrigger, makeTrigger } from '../../engine/triggers/triggers.js';
import { createUser } from '../../engine/users.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import type { Stage } from '../e2e/stage.js';

/** What of one user comes due, until nothing does any more. */
type ClockScene = (stage: Stage, user: string) => Promise<void>;

const TEXT = 'golden times';

/** Runs of `reminders`; each belongs to a user of its own and ends by itself. */
export const CLOCK_SCENES: Readonly<Record<string, ClockScene>> = {
  'reminders-fired': async (stage, user) => {
    const ids = [await remind(stage, user, 1_500), await remind(stage, user, 3_000)];
    for (const id of ids) await fired(stage, user, id);
  },
  'reminders-snoozed': async (stage, user) => {
    const id = await remind(stage, user, 3_000);
    await as(stage, user, (tx) =>
      changeReminder(tx, user, id, { snooze: 'PT2S' }, { now: Date.now(), timeZone: 'UTC' }),
    );
    await fired(stage, user, id);
  },
  'reminders-look': async (stage, user) => {
    const { id } = await as(stage, user, (tx) =>
      makeTrigger(tx, makerOf(user), { kind: 'mail', spec: { everySeconds: 5 }, instructions: TEXT }),
    );
    const looks = () =>
      as(stage, user, (tx) => tx.one<{ fence: number }>(sql`select fence from triggers where id = ${id}`));
    while ((await looks()).fence < 2) await delay(50);
    await delay(1_000);
    await as(stage, user, (tx) => changeTrigger(tx, user, id, { enabled: false }, Date.now()));
  },
};

/** As `CLOCK_SCENES`, in runs that are cut at 20 events. */
export const CUT_CLOCK_SCENES: typeof CLOCK_SCENES = {
  'reminders-continued': async (stage, user) => {
    const ids: string[] = [];
    for (const inMs of [2_000, 4_000, 6_000, 8_000]) ids.push(await remind(stage, user, inMs));
    for (const id of ids) await fired(stage, user, id);
  },
};

/** Plays a scene for a new user, whose id is returned. */
export async function playClock(stage: Stage, scene: ClockScene): Promise<string> {
  const { engine } = stage.world.serving.installation;
  stage.script(TEXT, [{ text: 'done' }]);
  const { id } = await createUser(engine, { id: stage.world.owner, isOwner: true }, { name: 'Gus', timeZone: 'UTC' });
  await scene(stage, id);
  return id;
}

function as<T>(stage: Stage, user: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  return stage.world.serving.installation.engine.db.as(user, work);
}

function makerOf(user: string) {
  const clock = { now: Date.now(), timeZone: 'UTC' };
  return { user, author: `user:${user}`, agent: 'default', labels: [], skills: null, ...clock };
}

async function remind(stage: Stage, user: string, inMs: number): Promise<string> {
  const dueAt = new Date(Date.now() + inMs).toISOString();
  const made = await as(stage, user, (tx) => makeReminder(tx, makerOf(user), { text: TEXT, dueAt }));
  if ('question' in made) throw new Error(made.question);
  return made.id;
}

async function fired(stage: Stage, user: string, id: string): Promise<void> {
  const statusNow = async () => (await as(stage, user, (tx) => viewReminder(tx, user, id))).status;
  while ((await statusNow()) !== 'fired') await delay(50);
}
