import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openEmbedded } from '../../store/embedded.js';

test('the socket has one place a database, which a killed process leaves usable', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'retinue-store-'));
  const digest = createHash('sha256').update(realpathSync(folder)).digest('hex');
  const place = path.join(tmpdir(), `retinue-${digest.slice(0, 24)}`);
  mkdirSync(place, { mode: 0o755 });
  writeFileSync(path.join(place, '.s.PGSQL.5432'), 'left by a process that was killed');
  try {
    const store = await openEmbedded(folder);
    expect((await store.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect(statSync(path.join(place, '.s.PGSQL.5432')).isSocket()).toBe(true);
    expect(statSync(place).mode & 0o777).toBe(0o700);
    await store.close();
    expect(existsSync(place)).toBe(false);
  } finally {
    rmSync(place, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a folder of that name that is not ours is not used', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'retinue-store-'));
  const digest = createHash('sha256').update(realpathSync(folder)).digest('hex');
  const place = path.join(tmpdir(), `retinue-${digest.slice(0, 24)}`);
  writeFileSync(place, 'in the way');
  try {
    const store = await openEmbedded(folder);
    expect((await store.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await store.close();
    expect(statSync(place).isFile()).toBe(true);
  } finally {
    rmSync(place, { force: true });
    rmSync(folder, { recursive: true, force: true });
  }
});
