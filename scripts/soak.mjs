// Runs the long tests of test/soak. SOAK_SEED repeats a run, SOAK_CALLS and SOAK_SEQUENCES set its length; arguments go on to vitest.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/soak/vitest.config.ts',
    '--root',
    '.',
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', cwd: fileURLToPath(new URL('../', import.meta.url)) },
);
process.exit(status ?? 1);
