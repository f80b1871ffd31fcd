import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptRequest } from '../../engine/accept.js';
import { viewRequest } from '../../engine/requests.js';
import { createUser } from '../../engine/users.js';
import { createWorld, type RequestView, type World } from '../helpers/world.js';

describe('two people in one installation', () => {
  let world: World;
  let partner: string;
  beforeAll(async () => {
    world = await createWorld();
    partner = (
      await createUser(
        world.serving.installation.engine,
        { id: world.owner, isOwner: true },
        { name: 'Vera', timeZone: 'Asia/Tokyo' },
      )
    ).id;
  });
  afterAll(() => world.close());

  async function finish(user: string, text: string): Promise<RequestView> {
    const { engine } = world.serving.installation;
    const { id } = await acceptRequest(engine, user, { body: { text } });
    await expect.poll(async () => (await viewRequest(engine, user, id)).endedAt, { timeout: 20_000 }).toBeDefined();
    return viewRequest(engine, user, id);
  }

  const calendarOf = (user: string): string => {
    const file = path.join(world.home, 'local', user, 'calendar.ics');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };

  test('who write at the same time keep their facts, tasks and calendars apart [S4-01, S4-04]', async () => {
    const rounds = Array.from({ length: 5 }, (_, round) => round);
    const written = await Promise.all(
      rounds.flatMap((round) => [
        finish(world.owner, `Remember that the locker code ${round} is walnut-${round}.`),
        finish(partner, `Remember that the locker code ${round} is cherry-${round}.`),
      ]),
    );
    expect(written.every((view) => view.status === 'completed')).toBe(true);
    await Promise.all([
      finish(world.owner, 'Recap: Anna sends the walnut list by Friday. Next call Thursday at two.'),
      finish(partner, 'Recap: Anna sends the cherry list by Friday. Next call Monday at nine.'),
    ]);
    for (const [user, own, other] of [
      [world.owner, 'walnut', 'cherry'],
      [partner, 'cherry', 'walnut'],
    ] as const) {
      const memory = await finish(user, 'What do you know about the locker code?');
      expect(memory.result?.text).toContain(`${own}-3`);
      expect(memory.result?.text).not.toContain(other);
      const board = await finish(user, 'What is on my task list?');
      expect(board.result?.text).toContain(`${own} list`);
      expect(board.result?.text).not.toContain(other);
      expect(calendarOf(user).match(/BEGIN:VEVENT/g)).toHaveLength(1);
    }
    expect(calendarOf(partner)).not.toBe(calendarOf(world.owner));
  });

  test('have an agent of their own each, and a person who joins sees nothing of before [S4-41]', async () => {
    const { engine } = world.serving.installation;
    await finish(world.owner, 'Remember that the alarm code is hazel.');
    const third = (await createUser(engine, { id: world.owner, isOwner: true }, { name: 'Nina' })).id;
    const asked = await finish(third, 'What do you know about the alarm code?');
    expect(asked.result?.text).not.toContain('hazel');
    expect(asked.agents).toMatchObject([{ owner: third }]);
    const mine = await finish(world.owner, 'What do you know about the alarm code?');
    expect(mine.result?.text).toContain('hazel');
    expect(mine.agents).toMatchObject([{ owner: world.owner }]);
    expect(Object.keys(asked.agents[0]?.spaces ?? {}).some((space) => space in (mine.agents[0]?.spaces ?? {}))).toBe(
      false,
    );
    await expect(viewRequest(engine, third, mine.id)).rejects.toMatchObject({ type: 'not-found' });
  });
});
