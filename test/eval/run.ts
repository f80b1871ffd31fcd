/**
 * Scores what a model makes of meeting notes, on a private installation that is removed afterwards.
 *   npm run eval                                all notes
 *   npm run eval -- --only vn-03 --json out.json
 * With ANTHROPIC_API_KEY or ANTHROPIC_BASE_URL that endpoint answers, otherwise the rehearsal model. A low score is no
 * error: the exit code says only whether everything ran.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pino from 'pino';
import { installTemporalRuntime } from '../../workers/worker.js';
import { openPrivateInstallation, type PrivateInstallation } from './installation.js';
import { loadNotes, type Note, SHARED_NOTES, UNSEEN_NOTES } from './notes.js';
import { reportOf } from './report.js';
import { runNotes, type ScoredRun } from './run-notes.js';
import { totalScore } from './score.js';

const WIDTH = 2;
const NOTE_LIMIT_MS = 600_000;
/** All other states mean that the note was not dealt with. */
const SOUND = new Set<ScoredRun['run']['status']>(['completed', 'waiting_approval', 'waiting_user']);

interface NoteSet {
  readonly file: string;
  readonly notes: readonly Note[];
}

const { values: options } = parseArgs({
  options: {
    notes: { type: 'string', multiple: true, default: [SHARED_NOTES, UNSEEN_NOTES] },
    only: { type: 'string', multiple: true, default: [] },
    model: { type: 'string' },
    json: { type: 'string' },
  },
});

const sets = chosenNotes(options.notes, options.only);
installTemporalRuntime(pino({ level: 'silent' }));
const installation = await openPrivateInstallation({ environment: process.env });
process.once('SIGINT', () => void installation.close().finally(() => process.exit(130)));
const broken: string[] = [];
try {
  announce(installation, sets, options.model);
  const results: { set: NoteSet; runs: ScoredRun[] }[] = [];
  for (const set of sets) {
    const runs = await runNotes(installation, set.notes, {
      model: options.model,
      limitMs: NOTE_LIMIT_MS,
      width: WIDTH,
    });
    console.log(`${reportOf(path.basename(set.file), runs)}\n`);
    results.push({ set, runs });
    broken.push(
      ...runs.filter(({ run }) => !SOUND.has(run.status)).map(({ note, run }) => `${note.id} (${run.status})`),
    );
  }
  console.log(`answered by: ${modelsOf(results.flatMap(({ runs }) => runs)).join(', ') || 'nobody'}`);
  if (options.json !== undefined) writeJson(options.json, results);
} finally {
  await installation.close();
}
if (broken.length > 0) console.error(`not run to an end: ${broken.join(', ')}`);
process.exit(broken.length > 0 ? 1 : 0);

/** The notes of each file, without those that were not asked for. Throws when one that was asked for is nowhere. */
function chosenNotes(files: readonly string[], only: readonly string[]): NoteSet[] {
  const found = files.map((file) => ({ file, notes: loadNotes(file) }));
  const known = new Set(found.flatMap(({ notes }) => notes.map(({ id }) => id)));
  const unknown = only.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new Error(`no note is called ${unknown.join(' or ')}`);
  return found
    .map(({ file, notes }) => ({ file, notes: notes.filter(({ id }) => only.length === 0 || only.includes(id)) }))
    .filter(({ notes }) => notes.length > 0);
}

function announce({ isRehearsing }: PrivateInstallation, chosen: readonly NoteSet[], model: string | undefined): void {
  const count = chosen.reduce((sum, { notes }) => sum + notes.length, 0);
  const who = isRehearsing
    ? 'on the rehearsal model: it costs nothing'
    : `on the endpoint of the environment${model === undefined ? '' : ` with ${model}`}: this costs money there`;
  console.log(`${count} notes ${who}. Nothing is sent to anybody.\n`);
}

function modelsOf(runs: readonly ScoredRun[]): string[] {
  return [...new Set(runs.flatMap(({ run }) => run.models))];
}

/** Scores, sums and everything the product did, for a closer look. */
function writeJson(file: string, results: readonly { set: NoteSet; runs: readonly ScoredRun[] }[]): void {
  const content = results.map(({ set, runs }) => ({
    file: path.basename(set.file),
    models: modelsOf(runs),
    total: totalScore(runs.map(({ score }) => score)),
    notes: runs.map(({ note, run, score }) => ({ id: note.id, score, run })),
  }));
  writeFileSync(file, `${JSON.stringify(content, null, 1)}\n`);
}
