#!/usr/bin/env node
import { loadConfig } from '../config/index.js';
import { configJsonSchema } from '../config/file.js';
import { runSecretCommand, SECRET_USAGE } from './secret-command.js';

const USAGE = `Usage:
${SECRET_USAGE}
  retinue config schema      the JSON Schema of retinue.yaml, for editors
While Retinue runs with its embedded database, stop it first: the database has one user at a time.`;

async function main([area, ...words]: readonly string[]): Promise<void> {
  if (area === 'secret') {
    const { stdin: input, stdout: output, stderr: notes } = process;
    return runSecretCommand(words, loadConfig(), { input, output, notes });
  }
  if (area !== 'config' || words[0] !== 'schema') throw new Error(USAGE);
  process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
