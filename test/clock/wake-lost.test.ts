import { afterAll, beforeAll, expect, test } from 'vitest';
import { clockWorkflowId } from '../../contracts/ids.js';
import { wakeLost } from '../../engine/clock/wake-lost.js';
import { makeReminder } from '../../engine/reminders/make-reminder.js';
import { viewReminder } from '../../engine/reminders/reminders.js';
import { sql } from '../../store/sql.js';
import { openStage, type Stage } from '../e2e/stage.js';
import { type EngineKit, openEngine } from '../engine/engine-kit.js';
import { put, putTrigger, takeWakes } from './clock-kit.js';

let kit: EngineKit;
let stage: Stage;

beforeAll(async () => {
  [kit, stage] = await Promise.all([openEngine(), openStage()]);
});
afterAll(() => Promise.all([kit.close(), stage.close()]));

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

test('clocks are woken of those for whom something is overdue or comes soon, and of nobody else', async () => {
  const [overdue, soon, later, paused] = await Promise.all(
    ['Ana', 'Bo', 'Cleo', 'Dan'].map((name) => kit.person(name)),
  );
  await put(kit, { user: overdue ?? '', due: inSeconds(-600) });
  await put(kit, { user: soon ?? '', due: inSeconds(60) });
  await put(kit, { user: later ?? '', due: inSeconds(600) });
  await put(kit, { user: paused ?? '', due: inSeconds(-600), status: 'paused' });
  const spec = { rrule: 'FREQ=DAILY', start: '2026-01-01T09:00:00' };
  await putTrigger(kit, { due: inSeconds(-600), spec, enabled: false });
  expect(await wakeLost(kit.engine)).toBe(2);
  expect(await takeWakes(kit)).toEqual([overdue, soon].toSorted());
  await putTrigger(kit, { due: inSeconds(30), spec });
  expect(await wakeLost(kit.engine)).toBe(3);
  expect(await takeWakes(kit)).toEqual([kit.owner, overdue, soon].toSorted());
});

test('however many they are, each once', async () => {
  const others = Array.from({ length: 130 }, (_none, number) => `usr_crowd_${String(number).padStart(3, '0')}`);
  await crowd(others);
  await takeWakes(kit);
  await wakeLost(kit.engine);
  const woken = await takeWakes(kit);
  expect(woken.filter((id) => id.startsWith('usr_crowd_'))).toEqual(others);
});

test('a clock whose workflow somebody terminated is started again, and what is due is delivered', async () => {
  const { engine } = stage.world.serving.installation;
  const user = stage.world.owner;
  stage.script('water the plants', [{ text: 'Water them now.' }]);
  const maker = { user, author: `user:${user}`, agent: 'default', labels: [], skills: null, timeZone: 'UTC' };
  const made = await engine.db.as(user, (tx) =>
    makeReminder(tx, { ...maker, now: Date.now() }, { text: 'water the plants', dueAt: inSeconds(3_600) }),
  );
  const { id } = made as { id: string };
  const handle = stage.client.workflow.getHandle(clockWorkflowId(user));
  const statusOf = async () => (await handle.describe()).status.name;
  await expect.poll(statusOf, { timeout: 20_000 }).toBe('RUNNING');
  await handle.terminate('by hand');
  await engine.db.as(user, (tx) => tx.run(sql`update reminders set due_at = now(), next_at = now() where id = ${id}`));
  expect(await wakeLost(engine)).toBe(1);
  const now = () => engine.db.as(user, (tx) => viewReminder(tx, user, id));
  await expect.poll(async () => (await now()).status, { timeout: 30_000 }).toBe('fired');
  const ended = await stage.world.ended((await now()).request ?? '');
  expect(ended.result?.text).toBe('Water them now.');
  stage.assertClean();
});

async function crowd(users: readonly string[]): Promise<void> {
  await kit.engine.db.system(async (tx) => {
    for (const id of users) await tx.run(sql`insert into users (id, name, time_zone) values (${id}, 'x', 'UTC')`);
  });
  for (const user of users) await put(kit, { user, due: inSeconds(-10) });
}
