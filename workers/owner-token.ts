import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export function tokenFile(home: string): string {
  return path.join(home, 'token');
}

/** The owner's token: as configured, or made at the first start and kept in the home folder for the owner alone. */
export function ownerToken(home: string, configured: string | undefined): string {
  if (configured !== undefined) return configured;
  const place = tokenFile(home);
  if (existsSync(place)) return readFileSync(place, 'utf8').trim();
  const token = `rtn_${randomBytes(32).toString('base64url')}`;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(place, `${token}\n`, { mode: 0o600 });
  return token;
}
