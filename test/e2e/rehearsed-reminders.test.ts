import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Reminder } from '../../contracts/reminder.js';
import { listReminders } from '../../engine/reminders/reminders.js';
import { postMessage } from '../../engine/messages.js';
import { listRequests } from '../../engine/requests.js';
import { createWorld, type World } from '../helpers/world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

async function reminders(conversation: string): Promise<Reminder[]> {
  const { owner, serving } = world;
  const { db } = serving.installation.engine;
  const { items } = await db.as(owner, (tx) => listReminders(tx, owner, { conversation, limit: 10 }));
  return items;
}

/** The newest request of the conversation that nobody has written. */
async function delivered(conversation: string): Promise<string> {
  for (;;) {
    const { items } = await listRequests(world.serving.installation.engine, world.owner, { conversation, limit: 10 });
    const found = items.find(({ origin }) => origin === 'reminder');
    if (found !== undefined) return found.id;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function answered(text: string, conversation?: string) {
  const request = await world.send({ text, ...(conversation === undefined ? {} : { conversation }) });
  const { status, result, conversation: place, origin } = await world.ended(request);
  return { status, said: result?.text ?? '', conversation: place, origin };
}

test('a reminder is set, delivered, snoozed, listed and cancelled by talking, without any model', async () => {
  const set = await answered('remind me in 1 second to stretch');
  expect(set).toMatchObject({
    status: 'completed',
    said: expect.stringMatching(/Reminder set: stretch, \w{3} .*\(.+\)/),
  });
  const { conversation } = set;
  const told = await world.ended(await delivered(conversation));
  expect(told).toMatchObject({ origin: 'reminder', text: 'stretch', status: 'completed' });
  expect(told.result?.text).toMatch(/^Reminder: stretch\n/);
  expect(await reminders(conversation)).toMatchObject([{ status: 'fired', request: told.id }]);
  expect((await answered('snooze it for 15 minutes', conversation)).said).toContain(
    '“stretch”: Changed: it is set for',
  );
  const [snoozed] = await reminders(conversation);
  expect(snoozed).toMatchObject({ status: 'pending' });
  expect(Date.parse(snoozed?.nextAt ?? '')).toBeGreaterThan(Date.parse(snoozed?.firedAt ?? '') + 14 * 60_000);
  expect((await answered('what are my reminders?', conversation)).said).toContain('- stretch, ');
  expect((await answered('cancel that reminder', conversation)).said).toContain('Cancelled');
  expect(await reminders(conversation)).toMatchObject([{ status: 'cancelled' }]);
});

test('a time that is not clear is asked back, and the answer sets it', async () => {
  const request = await world.send({ text: 'remind me on 5/3 at nine to call Dana' });
  const waiting = await world.until(request, ({ status }) => status === 'waiting_user');
  expect(waiting.waitingFor).toMatchObject([{ kind: 'user', text: expect.stringMatching(/\?$/) }]);
  expect(await reminders(waiting.conversation)).toEqual([]);
  const { engine } = world.serving.installation;
  await postMessage(engine, world.owner, request, { text: 'on 5 March 2090 at 9:00' });
  expect((await world.ended(request)).result?.text).toContain('Reminder set: ');
  expect(await reminders(waiting.conversation)).toMatchObject([
    { text: expect.stringContaining('call Dana'), local: expect.stringContaining('5 Mar 2090, 09:00') },
  ]);
});
