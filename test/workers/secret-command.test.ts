import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { runSecretCommand } from '../../workers/secret-command.js';
import { copyDatabase } from '../helpers/store.js';

const CLI = fileURLToPath(new URL('../../dist/workers/cli.js', import.meta.url));
const CANARY = 'kestrel-7c1f-/+"canary';

const KEY = 'a key of more than thirty-two characters';

let home: string;
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'retinue-cli-'));
  await copyDatabase(path.join(home, 'database'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly notes: string;
}

/** The command as a person runs it, in a process of its own. */
async function retinue(words: readonly string[], typed = ''): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...words], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      RETINUE_HOME: home,
      RETINUE_SECRET_KEY: KEY,
      RETINUE_LOG: 'debug',
    },
  });
  child.stdin.end(typed);
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [output, notes] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, output, notes };
}

/** Files below the folder that hold these bytes. */
function filesWith(folder: string, bytes: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile() && readFileSync(file).includes(bytes));
}

const FIRST_START = { timeout: 180_000 };
test('a secret that is piped in stands in no file and no answer', FIRST_START, async () => {
  const words = ['secret', 'set', 'deploy-key', '--host', 'Deploy.example', '--host', 'b.example:8080'];
  const ran = await retinue(words, `${CANARY}\n`);
  expect(ran).toMatchObject({ code: 0, output: 'stored deploy-key for deploy.example, b.example:8080\n' });
  expect(JSON.stringify(ran)).not.toContain('kestrel');
  // Its name is found, so the files are those that were written.
  expect(filesWith(home, 'deploy-key')).not.toEqual([]);
  for (const form of [CANARY, 'kestrel', JSON.stringify(CANARY).slice(1, -1), Buffer.from(CANARY).toString('base64')])
    expect(filesWith(home, form)).toEqual([]);
});

describe('in one process', () => {
  class Page extends Writable {
    written = '';
    override _write(chunk: Buffer, _encoding: string, done: () => void): void {
      this.written += chunk.toString();
      done();
    }
  }

  /** A command whose input is typed at a terminal, or comes by a pipe. */
  async function command(words: readonly string[], typed = '', { isTTY = false, key = KEY } = {}): Promise<string> {
    const input = Object.assign(new PassThrough(), { isTTY });
    const [output, notes] = [new Page(), new Page()];
    const config = loadConfig({ RETINUE_HOME: home, RETINUE_SECRET_KEY: key }, home);
    const running = runSecretCommand(words, config, { input, output, notes });
    input.end(typed);
    await running;
    return output.written + notes.written;
  }

  test('what is typed at a terminal is not shown', async () => {
    const shown = await command(['set', 'typed', '--host', 'a.example'], `${CANARY}\r`, { isTTY: true });
    expect(shown).toContain('Value of typed (it is not shown): ');
    expect(shown).toContain('stored typed for a.example\n');
    expect(shown).not.toContain('kestrel');
    await expect(command(['set', 'typed'], '\u0003', { isTTY: true })).rejects.toThrow('Nothing was stored.');
  });

  test('without hosts a secret is for services of the installation, and one that has some keeps them', async () => {
    expect(await command(['set', 'SERVICE_KEY'], CANARY)).toContain("stored SERVICE_KEY for Retinue's own services\n");
    await command(['set', 'bound', '--host', 'a.example'], CANARY);
    expect(await command(['set', 'bound'], `${CANARY} anew`)).toContain('stored bound for a.example\n');
  });

  test('is listed by its name, hosts and days, and removed', async () => {
    await command(['set', 'short-lived', '--host', 'a.example'], CANARY);
    const listed = await command(['list']);
    expect(listed).toMatch(/^short-lived {2}for a\.example {2}stored \d{4}-\d\d-\d\d {2}changed \d{4}-\d\d-\d\d$/m);
    expect(listed).not.toContain('kestrel');
    expect(await command(['rm', 'short-lived'])).toContain('removed short-lived\n');
    expect(await command(['list'])).not.toContain('short-lived');
  });

  test('where the key of the installation is lost nothing is overwritten, and what was stored can be removed', async () => {
    await command(['set', 'ANTHROPIC_API_KEY'], CANARY);
    const lost = { key: 'another key of thirty-two characters' };
    await expect(command(['set', 'ANTHROPIC_API_KEY'], CANARY, lost)).rejects.toThrow(
      /stored with another RETINUE_SECRET_KEY\. Set that one\. Where it is lost, remove the secrets/,
    );
    expect(await command(['rm', 'ANTHROPIC_API_KEY'], '', lost)).toContain('removed ANTHROPIC_API_KEY\n');
  });

  test.each<[string, string[], string, RegExp]>([
    ['a value on the command line', ['set', 'x', CANARY], '', /too many words\. A value is never given/],
    ['a short value', ['set', 'x'], 'short', /at least 8 characters; nothing was stored/],
    ['a name that is none', ['set', 'a/b'], CANARY, /name has letters, digits, dots, dashes and underscores/],
    ['a host that is none', ['set', 'x', '--host', 'https://a.example/'], CANARY, /is not a host\. Name one host/],
    ['an unknown option', ['list', '--hots', 'a'], '', /Unknown option '--hots'[\s\S]*Usage:/],
    ['hosts where there are none', ['rm', 'x', '--host', 'a'], '', /secret rm takes no --host/],
    ['another verb', ['show', 'x'], '', /Say what to do: set, list or rm\.[\s\S]*Usage:/],
    ['an unknown secret', ['rm', 'nowhere'], '', /There is no secret nowhere\. To see which there are/],
    ['an unknown user', ['list', '--user', 'usr_nobody'], '', /There is no user usr_nobody\./],
  ])('%s is refused in words that help', async (_name, words, typed, said) => {
    const failure: unknown = await command(words, typed).catch((error: unknown) => error);
    expect(String(failure)).toMatch(said);
    expect(String(failure)).not.toContain('kestrel');
  });
});
