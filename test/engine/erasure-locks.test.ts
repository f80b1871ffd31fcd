import { expect, test } from 'vitest';
import { eraseContent } from '../../engine/erasure.js';
import { ensureOwner } from '../../engine/users.js';
import { sql } from '../../store/sql.js';
import { needs } from '../helpers/needs.js';
import { STORE_KINDS } from '../helpers/server-store.js';
import { openEngine } from './engine-kit.js';

test('an erasure holds spaces before their grants, so that who holds a space is never in its way', async (context) => {
  const kind = STORE_KINDS.find(({ name }) => name === 'PostgreSQL');
  needs(context, 'PostgreSQL', kind?.isPresent === true);
  const server = await kind?.open();
  if (server === undefined) throw new Error('there is no PostgreSQL');
  const { db } = server;
  const kit = await openEngine();
  try {
    const engine = { ...kit.engine, db };
    const { id: user } = await ensureOwner(engine, { name: 'Olga', timeZone: 'UTC' });
    let tries = 0;
    let hasHeld: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      hasHeld = resolve;
    });
    const writing = db.system(async (tx) => {
      tries += 1;
      await tx.rows(sql`select id from spaces where owner_id = ${user} order by id for no key update`);
      hasHeld();
      for (;;) {
        const { waits } = await tx.one<{ waits: boolean }>(
          sql`select exists (select from pg_locks where not granted) as waits`,
        );
        if (waits) break;
      }
      return tx.rows(sql`
        select space_id from space_grants where principal = ${`user:${user}`} for update nowait`);
    });
    await held;
    const [grants, { erased }] = await Promise.all([writing, eraseContent(engine, user, user, async () => undefined)]);
    expect(tries).toBe(1);
    expect(erased.spaces).toBe(grants.length);
    expect(erased.spaces).toBeGreaterThan(0);
  } finally {
    await kit.close();
    await server.close();
  }
});
