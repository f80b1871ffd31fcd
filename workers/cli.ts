#!/usr/bin/env node
import { text } from 'node:stream/consumers';
import { loadConfig } from '../config/index.js';
import { configJsonSchema } from '../config/file.js';
import { putSecret, createSecretBox, secretKey, secretNames } from '../store/secrets.js';
import { openInstallation } from './installation.js';
import { prepareOwner } from './serve.js';

const USAGE = `Usage:
  retinue secret set NAME    stores a secret of the owner; the value is read from standard input
  retinue secret list        names of the owner's secrets
  retinue config schema      the JSON Schema of retinue.yaml, for editors
While Retinue runs with its embedded database, stop it first: the database has one user at a time.`;

const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;

async function main(words: readonly string[]): Promise<void> {
  const [area, verb, name] = words;
  if (area === 'config' && verb === 'schema') {
    process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    return;
  }
  if (area !== 'secret' || (verb !== 'set' && verb !== 'list')) throw new Error(USAGE);
  if (verb === 'set' && !NAME.test(name ?? ''))
    throw new Error(`A secret's name has letters, digits, dots, dashes and underscores.\n\n${USAGE}`);
  const config = loadConfig();
  const installation = await openInstallation(config, { say: (line) => process.stderr.write(`${line}\n`) });
  try {
    const owner = await prepareOwner(installation, false);
    if (verb === 'list')
      process.stdout.write(
        (await installation.store.db.as(owner, (tx) => secretNames(tx, owner))).map((found) => `${found}\n`).join(''),
      );
    else await set(installation, owner, name ?? '');
  } finally {
    await installation.close();
  }
}

async function set(
  installation: Awaited<ReturnType<typeof openInstallation>>,
  owner: string,
  name: string,
): Promise<void> {
  const value = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (value === '') throw new Error('The value on standard input is empty; nothing was stored.');
  const { config, store } = installation;
  const box = createSecretBox(secretKey(config.folders.home, config.environment.RETINUE_SECRET_KEY));
  await store.db.as(owner, (tx) => putSecret(tx, box, owner, name, value));
  process.stdout.write(`stored ${name}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
