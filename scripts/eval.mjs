// Scores meeting notes with what the sources say now, through test/eval/run.ts; arguments go on to it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const run = fileURLToPath(new URL('../test/eval/run.ts', import.meta.url));
const { status } = spawnSync(process.execPath, ['--import', 'tsx', run, ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: fileURLToPath(new URL('../', import.meta.url)),
});
process.exit(status ?? 1);
