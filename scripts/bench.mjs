// Measures what ships: compiles product and benches together, takes the built workflow bundle, and runs bench/run.ts.
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const run = (...args) => {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: path('') });
  if (status !== 0) process.exit(status ?? 1);
};

run('scripts/build.mjs');
run('node_modules/typescript/lib/tsc.js', '-p', 'tsconfig.bench.json');
copyFileSync(path('dist/workflow-bundle.js'), path('.cache/bench/workflow-bundle.js'));
run('.cache/bench/bench/run.js', ...process.argv.slice(2));
