import { createInterface } from 'node:readline/promises';
import { type Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import type { Config } from '../config/index.js';
import { hostName, SECRET_NAME_PATTERN } from '../contracts/secret.js';
import type { Db } from '../store/db.js';
import {
  createSecretBox,
  listSecrets,
  putSecret,
  removeSecret,
  type StoredSecret,
  secretKey,
} from '../store/secrets.js';
import { sql } from '../store/sql.js';
import { openInstallation } from './installation.js';
import { prepareOwner } from './serve.js';

/** Where a command reads and writes. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable;
  /** Questions and progress, so that the output can be piped. */
  readonly notes: Writable;
}

export const SECRET_USAGE = `  retinue secret set NAME [--host HOST]… [--user ID]
                             stores a secret; the value is typed unseen or read from standard input. Agents may use it
                             for these hosts alone; without any only Retinue's own services use it
  retinue secret list [--user ID]
                             names, hosts and dates; never values
  retinue secret rm NAME [--user ID]
                             removes a secret`;

interface SecretCommand {
  readonly verb: 'set' | 'list' | 'rm';
  readonly name: string;
  /** Undefined where none is named. */
  readonly hosts: readonly string[] | undefined;
  /** The owner when undefined. */
  readonly user: string | undefined;
}

/** A shorter value could not be told from ordinary words where it is taken out of results. */
const SHORTEST_VALUE = 8;

/**
 * Runs `secret set`, `list` or `rm`; `words` are those after `secret`. Throws an `Error` whose message tells a person
 * what to do. The value is never taken from the words.
 */
export async function runSecretCommand(words: readonly string[], config: Config, terminal: Terminal): Promise<void> {
  const command = parseCommand(words);
  const say = (line: string): void => void terminal.notes.write(`${line}\n`);
  const installation = await openInstallation(config, { say, withoutStoredKeys: true });
  try {
    const { db } = installation.store;
    const owner = await prepareOwner(installation, false);
    const user = command.user === undefined ? owner : await knownUser(db, command.user);
    terminal.output.write(await carryOut(command, { db, config, user, terminal }));
  } finally {
    await installation.close();
  }
}

interface Place {
  readonly db: Db;
  readonly config: Config;
  readonly user: string;
  readonly terminal: Terminal;
}

async function carryOut({ verb, name, hosts }: SecretCommand, { db, config, user, terminal }: Place): Promise<string> {
  if (verb === 'list') return tableOf(await db.as(user, (tx) => listSecrets(tx, user)));
  if (verb === 'rm') {
    if (await db.as(user, (tx) => removeSecret(tx, user, name))) return `removed ${name}\n`;
    throw new Error(`There is no secret ${name}. To see which there are: retinue secret list`);
  }
  const value = await readValue(name, terminal);
  const box = createSecretBox(secretKey(config.folders.home, config.environment.RETINUE_SECRET_KEY));
  const bound = await db.as(user, (tx) => putSecret(tx, box, user, name, value, hosts));
  return `stored ${name} ${placesOf(bound)}\n`;
}

function parseCommand(words: readonly string[]): SecretCommand {
  const options = { host: { type: 'string', multiple: true }, user: { type: 'string' } } as const;
  const { values, positionals } = parsed(() => parseArgs({ args: [...words], options, allowPositionals: true }));
  const [verb, name = '', ...rest] = positionals;
  if (verb !== 'set' && verb !== 'list' && verb !== 'rm') throw usage('Say what to do: set, list or rm.');
  if (rest.length > 0 || (verb === 'list' && name !== ''))
    throw usage('There are too many words. A value is never given on the command line, where others could read it.');
  if (verb !== 'list' && !SECRET_NAME_PATTERN.test(name))
    throw usage(`A secret's name has letters, digits, dots, dashes and underscores, 100 at most.`);
  if (verb !== 'set' && values.host !== undefined) throw usage(`secret ${verb} takes no --host.`);
  return { verb, name, hosts: values.host?.map(hostName), user: values.user };
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error), error);
  }
}

function usage(message: string, cause?: unknown): Error {
  return new Error(`${message}\n\nUsage:\n${SECRET_USAGE}`, { cause });
}

async function knownUser(db: Db, id: string): Promise<string> {
  const found = await db.system((tx) => tx.maybe(sql`select id from users where id = ${id}`));
  if (found === undefined) throw new Error(`There is no user ${id}. GET /v1/users lists them for the owner.`);
  return id;
}

/** What was typed without being shown, or all of standard input without its last line end. */
async function readValue(name: string, { input, notes }: Terminal): Promise<string> {
  const value = input.isTTY === true ? await typedUnseen(name, input, notes) : await text(input);
  const plain = value.replace(/\r?\n$/, '');
  if (plain.length >= SHORTEST_VALUE) return plain;
  throw new Error(`The value needs at least ${SHORTEST_VALUE} characters; nothing was stored.`);
}

async function typedUnseen(name: string, input: Readable, notes: Writable): Promise<string> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: unseen, terminal: true });
  const stopped = new AbortController();
  for (const event of ['SIGINT', 'close']) lines.once(event, () => stopped.abort());
  notes.write(`Value of ${name} (it is not shown): `);
  try {
    return await lines.question('', { signal: stopped.signal });
  } catch (error) {
    throw new Error('Nothing was stored.', { cause: error });
  } finally {
    notes.write('\n');
    lines.close();
  }
}

function tableOf(secrets: readonly StoredSecret[]): string {
  const day = (time: string): string => time.slice(0, 10);
  return secrets
    .map(
      ({ name, hosts, createdAt, updatedAt }) =>
        `${name}  ${placesOf(hosts)}  stored ${day(createdAt)}  changed ${day(updatedAt)}\n`,
    )
    .join('');
}

function placesOf(hosts: readonly string[]): string {
  return hosts.length === 0 ? "for Retinue's own services" : `for ${hosts.join(', ')}`;
}
