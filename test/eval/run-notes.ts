import type { PrivateInstallation } from './installation.js';
import type { Note } from './notes.js';
import { type NoteRun, type RunOptions, runNote } from './run-note.js';
import { type NoteScore, scoreNote } from './score.js';

export interface ScoredRun {
  readonly note: Note;
  readonly run: NoteRun;
  readonly score: NoteScore;
}

/** Runs notes, `width` at a time, each as a person of its own; results in the order of the notes. The first failure ends it. */
export async function runNotes(
  installation: PrivateInstallation,
  notes: readonly Note[],
  options: RunOptions & { readonly width: number },
): Promise<ScoredRun[]> {
  const results = new Map<Note, ScoredRun>();
  const waiting = [...notes];
  const lane = async (): Promise<void> => {
    for (let note = waiting.shift(); note !== undefined; note = waiting.shift()) {
      const run = await runNote(installation, note, options);
      results.set(note, { note, run, score: scoreNote(note, run.outcome) });
    }
  };
  await Promise.all(Array.from({ length: options.width }, lane));
  return notes.flatMap((note) => results.get(note) ?? []);
}
