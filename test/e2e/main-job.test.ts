import { readFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWorld, type World } from '../helpers/world.js';

describe('the main job on the rehearsal model', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.close());
  test('x', async () => {
    const texts = [
      { text: 'Just had the call with Anna. We agreed on the offer. Anna sends the contract by Friday, I check the firewall. Next call Thursday at two.', occurredAt: '2026-11-23T09:00:00Z', timeZone: 'Europe/Berlin' },
      { text: 'Recap of the call with Anna: Anna sends the contract by Friday. There is no next meeting.', occurredAt: '2026-11-23T09:00:00Z', timeZone: 'Europe/Berlin' },
      { text: 'Remember that the harbour gate code is blue-falcon.' },
      { text: 'What do you know about the harbour gate code?' },
      { text: 'What do you remember about the contract?' },
      { text: 'What is on my task list?' },
      { text: 'what time is it in Tokyo?' },
    ];
    for (const body of texts) {
      const view = await world.ended(await world.send(body));
      console.log(JSON.stringify({ text: body.text, status: view.status, result: view.result, error: view.error, cost: view.cost.charges.length }, null, 1));
      const rows = await world.serving.installation.engine.db.as(world.owner, async (tx) => (await import('../../store/sql.js')).sql && tx.rows((await import('../../store/sql.js')).sql`select skill, status, input, error from calls where request_id = ${view.id}`));
      console.log(JSON.stringify(rows));
    }
    const ics = path.join(world.home, 'local', world.owner, 'calendar.ics');
    console.log(existsSync(ics) ? readFileSync(ics, 'utf8') : 'none');
  });
});
