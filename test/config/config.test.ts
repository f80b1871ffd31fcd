import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ConfigurationError, readEnvironment } from '../../config/env.js';
import { configJsonSchema, parseConfig } from '../../config/file.js';
import { ROOT } from '../helpers/source-files.js';

const EXAMPLE = readFileSync(path.join(ROOT, 'retinue.example.yaml'), 'utf8');

describe('retinue.yaml', () => {
  test('may be empty', () => {
    expect(parseConfig('', 'retinue.yaml').limits).toMatchObject({ turns: 40, budgetUsd: '1' });
  });

  test('is shown by an example that is right, by the reader and by the exported schema', () => {
    expect(parseConfig(EXAMPLE, 'example').agents['notes']?.skills).toContain('remember');
    const validate = new Ajv2020({ strict: false, formats: { 'date-time': true } }).compile(configJsonSchema());
    validate(parse(EXAMPLE));
    expect(validate.errors).toBeNull();
    expect(validate({ limits: { turns: 'many' } })).toBe(false);
  });

  test.each([
    ['limits:\n  turns: many\n', 'f.yaml, line 2: limits.turns'],
    ['owner:\n  name: A\n\nlimit:\n  turns: 3\n', 'f.yaml, line 5: limit'],
    ['models:\n  tiers:\n    fast: x\n    slow: y\n', 'f.yaml, line 4: models.tiers.slow'],
    ['owner: {timeZone: Mars/Olympus}\n', 'f.yaml, line 1: owner.timeZone: must be an IANA time zone'],
    ['a: b: c\n', 'f.yaml, line 1'],
    ['- a list\n', 'f.yaml, line 1'],
  ])('refuses %j with the line and the reason', (source, complaint) => {
    expect(() => parseConfig(source, 'f.yaml')).toThrow(ConfigurationError);
    expect(() => parseConfig(source, 'f.yaml')).toThrow(complaint);
  });
});

describe('the environment', () => {
  test('takes defaults for what is unset or empty', () => {
    expect(readEnvironment({ PORT: '', RETINUE_HOME: '' })).toMatchObject({ PORT: 3000, RETINUE_HOME: '.retinue' });
  });

  test('names every wrong value at once and says what is right', () => {
    const wrong = {
      PORT: 'http',
      DATABASE_URL: 'mysql://x',
      TEMPORAL_ADDRESS: 'localhost',
      ANTHROPIC_BASE_URL: 'localhost:1',
      RETINUE_TOKEN: 'short',
    };
    for (const name of Object.keys(wrong)) expect(() => readEnvironment(wrong)).toThrow(name);
    expect(() => readEnvironment(wrong)).toThrow('host:port');
  });
});
