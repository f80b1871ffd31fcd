import { Client, Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { expect, test, vi } from 'vitest';
import { spaceAccess } from '../../spaces/access.js';
import { deliverDue } from '../../spaces/dispatch.js';
import { userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import { keepHouse } from '../../workers/janitor.js';
import { openEngine } from '../engine/engine-kit.js';

test('what imports left unfinished and what was delivered long ago is removed after the start', async () => {
  const kit = await openEngine();
  const { db } = kit.engine;
  const me = userActor(kit.owner);
  const { agent } = await kit.accept('go');
  const kept = await db.as(kit.owner, async (tx) => {
    const spaces = spaceAccess(tx, me);
    const { id } = await spaces.create({ name: 'News' });
    await spaces.subscribe(id, agent, {});
    await spaces.put(id, { payload: 'x', comment: 'x' });
    return id;
  });
  await deliverDue(db);
  await db.system(async (tx) => {
    await tx.run(sql`update deliveries set at = now() - interval '31 days'`);
    await tx.run(sql`
      insert into spaces (id, owner_id, name, description, created_at) values ('spc_left', ${kit.owner}, 'x', '', now() - interval '1 day')`);
  });
  const left = () =>
    db.system((tx) =>
      tx.one<unknown>(sql`
        select (select count(*)::int from deliveries) as deliveries, (select count(*)::int from spaces where id = 'spc_left') as unfinished,
          (select count(*)::int from atoms where space_id = ${kept}) as atoms`),
    );
  expect(await left()).toEqual({ deliveries: 1, unfinished: 1, atoms: 1 });

  const connection = Connection.lazy();
  const stop = new AbortController();
  const warn = vi.fn<Logger['warn']>();
  const house = keepHouse(kit.engine, new Client({ connection }), { warn }, stop.signal);
  await expect.poll(left, { timeout: 20_000 }).toEqual({ deliveries: 0, unfinished: 0, atoms: 1 });
  stop.abort();
  await house;
  expect(warn).not.toHaveBeenCalled();
  await connection.close();
  await kit.close();
});
