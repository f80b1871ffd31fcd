import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createSecretBox, secretKey } from '../../store/secrets.js';

const box = createSecretBox('a long and random secret of an installation');

describe('the secret box', () => {
  test('gives back what was sealed, and never the same bytes twice', () => {
    const sealed = box.seal('usr_1', 'google', 'ya29.tøken');
    expect(box.open('usr_1', 'google', sealed)).toBe('ya29.tøken');
    expect(box.seal('usr_1', 'google', 'ya29.tøken').equals(sealed)).toBe(false);
    expect(sealed.toString('latin1')).not.toContain('ya29');
  });

  test('opens nothing that was moved to another user or name, changed, or sealed with another key', () => {
    const sealed = box.seal('usr_1', 'google', 'value');
    expect(() => box.open('usr_2', 'google', sealed)).toThrow();
    expect(() => box.open('usr_1', 'notion', sealed)).toThrow();
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(() => box.open('usr_1', 'google', changed)).toThrow();
    }
    expect(() => createSecretBox('another long and random secret, not ours').open('usr_1', 'google', sealed)).toThrow();
  });

  test('makes its key once, for its owner alone', () => {
    const home = mkdtempSync(path.join(tmpdir(), 'retinue-key-'));
    try {
      const made = secretKey(home, undefined);
      expect(secretKey(home, undefined)).toBe(made);
      expect(statSync(path.join(home, 'secret.key')).mode & 0o777).toBe(0o600);
      expect(secretKey(home, 'configured')).toBe('configured');
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
