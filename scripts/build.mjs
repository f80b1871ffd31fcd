// Builds dist/ and the workflow bundle when sources are newer than the last build; `--force` builds always.
// Runs before every start, so the check that nothing changed must stay far below 100 ms.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = path.join(ROOT, 'dist');
const STAMP = path.join(DIST, '.built');
const LOCK = path.join(ROOT, '.cache', 'build.lock');
const BUNDLE = path.join(DIST, 'workflow-bundle.js');
const WORKFLOWS = path.join(DIST, 'workflows', 'index.js');
const MAX_BUNDLE_BYTES = 2_500_000;
const CONFIGURATION = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];
const COMPILED = /\.tsx?$/;

/** The source folders, as the compiler is told them. */
function sourceFolders() {
  const { include } = JSON.parse(readFileSync(path.join(ROOT, 'tsconfig.build.json'), 'utf8'));
  return include.filter((folder) => existsSync(path.join(ROOT, folder)));
}

/** Files of a folder, with every folder itself: a removed file shows only in its folder's time. */
function walk(folder) {
  const found = [{ file: folder, directory: true }];
  for (const entry of readdirSync(path.join(ROOT, folder), { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) found.push(...walk(file));
    else found.push({ file, directory: false });
  }
  return found;
}

function newestSource(sources) {
  const files = [
    ...sources.map(({ file }) => file),
    ...CONFIGURATION.filter((file) => existsSync(path.join(ROOT, file))),
  ];
  return Math.max(0, ...files.map((file) => statSync(path.join(ROOT, file)).mtimeMs));
}

function isComplete() {
  return existsSync(STAMP) && (existsSync(BUNDLE) || !existsSync(WORKFLOWS));
}

/** An image that holds only dist/ has nothing to compare with: what was built is what runs. */
function isFresh(sources) {
  if (!isComplete()) return false;
  return sources.length === 0 || newestSource(sources) <= statSync(STAMP).mtimeMs;
}

function compile() {
  const compiler = findCompiler();
  const run = spawnSync(process.execPath, [compiler, '-p', path.join(ROOT, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  if (run.status !== 0) throw new Error('The compiler found errors; dist/ is not usable.');
}

function findCompiler() {
  try {
    return createRequire(import.meta.url).resolve('typescript/lib/tsc.js');
  } catch {
    throw new Error('The sources are newer than dist/, and the compiler is not installed. Run `npm ci` first.');
  }
}

/** Whatever the compiler leaves aside (SQL, YAML, plain modules, texts) is needed beside the code. */
function copyOtherFiles(sources) {
  for (const { file, directory } of sources) {
    if (directory || COMPILED.test(file)) continue;
    mkdirSync(path.dirname(path.join(DIST, file)), { recursive: true });
    copyFileSync(path.join(ROOT, file), path.join(DIST, file));
  }
}

/** Output whose source is gone would still be loaded. */
function removeLeftovers(sources) {
  const wanted = new Set(sources.flatMap(({ file }) => outputsOf(file)));
  for (const entry of readdirSync(DIST, { withFileTypes: true, recursive: true })) {
    const file = path.relative(DIST, path.join(entry.parentPath, entry.name));
    if (entry.isFile() && file.includes(path.sep) && !wanted.has(file)) rmSync(path.join(DIST, file));
  }
}

function outputsOf(file) {
  if (!COMPILED.test(file)) return [file];
  const output = file.replace(COMPILED, '.js');
  return [output, `${output}.map`];
}

async function bundle() {
  if (!existsSync(WORKFLOWS)) {
    rmSync(BUNDLE, { force: true });
    say('no workflows to bundle yet');
    return;
  }
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger: quietLogger() });
  checkBundle(code);
  writeFileSync(`${BUNDLE}.new`, code);
  renameSync(`${BUNDLE}.new`, BUNDLE);
  say(`workflow bundle: ${(Buffer.byteLength(code) / 1e6).toFixed(2)} MB`);
}

/** The bundler notes every module's path; a schema library in there costs each workflow task a sixth of its speed. */
function checkBundle(code) {
  if (/node_modules\/zod\//.test(code)) {
    throw new Error('The workflow bundle contains zod: some module that workflows/ import as a value imports it.');
  }
  const size = Buffer.byteLength(code);
  if (size > MAX_BUNDLE_BYTES) throw new Error(`The workflow bundle has ${size} bytes, more than ${MAX_BUNDLE_BYTES}.`);
}

function quietLogger() {
  const nothing = () => {};
  const print = (message) => console.error(message);
  return { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: print, error: print };
}

/** Two starts at once build one after the other; the second finds the work done. */
async function takeLock() {
  mkdirSync(path.dirname(LOCK), { recursive: true });
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned()) rmSync(LOCK, { force: true });
    else await delay(100);
  }
}

function isAbandoned() {
  try {
    const owner = Number(readFileSync(LOCK, 'utf8'));
    if (owner > 0) process.kill(owner, 0);
    return owner === 0 && Date.now() - statSync(LOCK).mtimeMs > 5000;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

async function build() {
  const startedAt = new Date();
  rmSync(STAMP, { force: true });
  const sources = sourceFolders().flatMap(walk);
  compile();
  copyOtherFiles(sources);
  removeLeftovers(sources);
  await bundle();
  writeFileSync(STAMP, `${startedAt.toISOString()}\n`);
  // A source saved while the build ran is newer than the stamp.
  utimesSync(STAMP, startedAt, startedAt);
  say(`done in ${((Date.now() - startedAt.getTime()) / 1000).toFixed(1)} s`);
}

function say(text) {
  console.log(`build: ${text}`);
}

async function main() {
  const force = process.argv.includes('--force');
  const isNeeded = () => force || !isFresh(sourceFolders().flatMap(walk));
  if (!isNeeded()) return;
  await takeLock();
  try {
    if (isNeeded()) await build();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
}
