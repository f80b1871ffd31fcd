import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Reminder } from '../../contracts/reminder.js';
import { makeReminder } from '../../engine/reminders/make-reminder.js';
import { viewReminder } from '../../engine/reminders/reminders.js';
import { listRequests } from '../../engine/requests.js';
import { openStage, type Stage } from './stage.js';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

async function remind(text: string, inMs: number): Promise<Reminder> {
  const { engine } = stage.world.serving.installation;
  const user = stage.world.owner;
  const made = await engine.db.as(user, (tx) =>
    makeReminder(
      tx,
      {
        user,
        author: `user:${user}`,
        agent: 'default',
        labels: [],
        skills: null,
        now: Date.now(),
        timeZone: 'Europe/Berlin',
      },
      { text, dueAt: new Date(Date.now() + inMs).toISOString() },
    ),
  );
  if ('question' in made) throw new Error(made.question);
  return made;
}

describe('a reminder', () => {
  test('becomes a request of its conversation when it is due, once and never early', async () => {
    stage.script('review the Q3 report', [{ text: 'Time to review the Q3 report.' }]);
    const reminder = await remind('review the Q3 report', 1_500);
    const { engine } = stage.world.serving.installation;
    const requests = () => listRequests(engine, stage.world.owner, { conversation: reminder.conversation, limit: 10 });
    let found = await requests();
    while (found.items.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      found = await requests();
    }
    const [request] = found.items;
    expect(Date.parse(request?.createdAt ?? '')).toBeGreaterThanOrEqual(Date.parse(reminder.dueAt));
    const ended = await stage.world.ended(request?.id ?? '');
    expect(ended).toMatchObject({ origin: 'reminder', text: 'review the Q3 report', status: 'completed' });
    expect(ended.result?.text).toBe('Time to review the Q3 report.');
    const after = await engine.db.as(stage.world.owner, (tx) => viewReminder(tx, stage.world.owner, reminder.id));
    expect(after).toMatchObject({ status: 'fired', late: false, request: request?.id });
    expect(JSON.stringify(stage.model.calls.at(-1)?.body?.messages)).toContain('Due now');
    expect((await requests()).items).toHaveLength(1);
    stage.assertClean();
  });
});
