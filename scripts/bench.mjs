// Measures what ships: compiles product and benches together, takes the built workflow bundle, and runs bench/run.ts.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const run = (...args) => {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: path('') });
  if (status !== 0) process.exit(status ?? 1);
};

run('scripts/build.mjs');
run('node_modules/typescript/lib/tsc.js', '-p', 'tsconfig.bench.json');
copyFileSync(path('dist/workflow-bundle.js'), path('.cache/bench/workflow-bundle.js'));
// What the compiler leaves alone: entries of threads and of child processes.
cpSync(path('dist'), path('.cache/bench'), {
  recursive: true,
  filter: (file) => statSync(file).isDirectory() || file.endsWith('.mjs'),
});
run('.cache/bench/bench/run.js', ...process.argv.slice(2));
