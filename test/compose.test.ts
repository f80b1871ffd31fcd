import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ENVIRONMENT_NAMES } from '../config/env.js';
import { ROOT } from './helpers/source-files.js';

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly deploy?: { readonly replicas: number };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** What an installation can set from outside. */
const DOCUMENTED = new Set(ENVIRONMENT_NAMES);

const compose = parse(readFile('docker-compose.yml'), { merge: true }) as Compose;
const { scripts } = JSON.parse(readFile('package.json')) as { scripts: Record<string, string> };

describe('docker-compose.yml', () => {
  test('brings up the database, Temporal with its page, the api and workers', () => {
    expect(Object.keys(compose.services).toSorted()).toEqual(['api', 'postgres', 'temporal', 'temporal-ui', 'worker']);
    expect(service('postgres').image).toMatch(/pgvector/);
    expect(service('worker').deploy?.replicas).toBeGreaterThan(1);
  });

  test('publishes the api and Temporal’s page, and nothing of the database or of Temporal itself', () => {
    const published = Object.entries(compose.services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) => `${name} ${port}`),
    );
    expect(published).toEqual(['temporal-ui 127.0.0.1:8233:8080', 'api ${PORT:-8080}:8080']);
    expect(service('worker').ports).toBeUndefined();
  });

  test.each([
    ['api', 'start:api'],
    ['worker', 'start:worker'],
  ])('%s starts as npm run %s does', (name, script) => {
    expect(service(name).command?.join(' ')).toBe(scripts[script]);
  });

  test.each(['api', 'worker'])('%s shares the home folder and waits for what it needs', (name) => {
    const { depends_on: needed = {}, environment = {}, volumes = [] } = service(name);
    expect(volumes).toContain(`retinue-home:${environment.RETINUE_HOME}`);
    expect(needed).toMatchObject({
      postgres: { condition: 'service_healthy' },
      temporal: { condition: 'service_healthy' },
    });
    for (const dependency of Object.keys(needed)) expect(service(dependency).healthcheck).toBeDefined();
    expect(environment).toMatchObject({ DATABASE_URL: expect.any(String), TEMPORAL_ADDRESS: 'temporal:7233' });
  });

  test.each(['api', 'worker'])('%s is given only settings that exist', (name) => {
    const unknown = Object.keys(service(name).environment ?? {}).filter((variable) => !DOCUMENTED.has(variable));
    expect(unknown).toEqual([]);
  });

  test('passes every setting of the product on', () => {
    const unset = [...DOCUMENTED].filter((variable) => service('api').environment?.[variable] === undefined);
    // For a Temporal in the cloud; the one of this file has neither key nor TLS.
    expect(unset).toEqual(['TEMPORAL_API_KEY', 'TEMPORAL_TLS']);
  });

  test('asks for every secret and holds none', () => {
    const text = readFile('docker-compose.yml');
    for (const name of ['RETINUE_TOKEN', 'RETINUE_SECRET_KEY', 'POSTGRES_PASSWORD']) {
      expect(text).toContain(`\${${name}:?`);
      expect(text).not.toContain(`\${${name}:-`);
    }
  });

  test('declares every volume it mounts', () => {
    const named = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes);
    const mounted = new Set(named.map((volume) => volume.split(':')[0]));
    expect(mounted).toEqual(new Set(Object.keys(compose.volumes)));
  });
});

describe('Dockerfile', () => {
  const lines = readFile('Dockerfile').split('\n');

  test('ends as a user without rights, with what was built and no compiler', () => {
    const final = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM')));
    expect(final).toContain('USER node');
    expect(final.filter((line) => line.startsWith('COPY')).every((line) => line.includes('--from=build'))).toBe(true);
    expect(lines.some((line) => line.includes('npm prune --omit=dev'))).toBe(true);
  });

  test('names a program that npm can start too', () => {
    const command = lines.find((line) => line.startsWith('CMD '))?.slice('CMD '.length) ?? '[]';
    expect((JSON.parse(command) as string[]).join(' ')).toBe(scripts['start:api']);
  });
});

function service(name: string): Service {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

function readFile(name: string): string {
  return readFileSync(path.join(ROOT, name), 'utf8');
}
