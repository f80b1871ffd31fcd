import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { needs } from '../helpers/needs.js';
import { ROOT } from '../helpers/source-files.js';
import { isPerson } from './matching.js';
import { loadNotes, type Note, peopleOf, SHARED_NOTES, sharedNotes, UNSEEN_NOTES, unseenNotes } from './notes.js';

const FILES = { shared: SHARED_NOTES, unseen: UNSEEN_NOTES };

describe('the notes', () => {
  test('that are shared are those of the shared folder, byte for byte', (context) => {
    const folder = process.env.RETINUE_SHARED ?? path.join(ROOT, '..', 'shared');
    const original = path.join(folder, 'data', 'voice-notes.json');
    needs(context, 'the shared voice notes', existsSync(original));
    expect(readFileSync(SHARED_NOTES).equals(readFileSync(original))).toBe(true);
  });

  test('are ten a file, in two languages, and no two have the same id or text', () => {
    expect(sharedNotes()).toHaveLength(10);
    expect(unseenNotes().filter(({ language }) => language === 'en')).toHaveLength(7);
    expect(unseenNotes().filter(({ language }) => language === 'de')).toHaveLength(3);
    const all = [...sharedNotes(), ...unseenNotes()];
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(new Set(all.map(({ transcript }) => transcript)).size).toBe(all.length);
  });

  test('in both files follow the same rules', () => {
    const policyOf = (file: string): unknown =>
      (JSON.parse(readFileSync(file, 'utf8')) as { _meta: { policy: unknown } })._meta.policy;
    expect(policyOf(UNSEEN_NOTES)).toEqual(policyOf(SHARED_NOTES));
  });

  describe.each(Object.entries(FILES))('%s', (_name, file) => {
    test.each(loadNotes(file).map((note) => [note.id, note] as const))('%s names only what it has', (_id, note) => {
      expect(unknownNames(note)).toEqual([]);
      expect(outsideExample(note)).toEqual([]);
    });
  });
});

/** References of the expected facts that lead nowhere. */
function unknownNames(note: Note): string[] {
  const { expected, priorContext } = note;
  const tasks = new Set(priorContext.openTasks.map(({ id }) => id));
  const agreements = new Set(priorContext.agreements.map(({ id }) => id));
  const items = new Set(['followUpMeeting', ...expected.actionItems.map(({ id }) => id)]);
  const people = [
    ...expected.actionItems.flatMap(({ owner, ownerCandidates = [] }) => [owner ?? [], ownerCandidates].flat()),
    ...(expected.followUpMeeting?.attendees ?? []),
  ];
  return [
    ...people.filter((name) => !isPerson(name, name, note)),
    ...expected.actionItems.flatMap(({ existingTask }) => existingTask ?? []).filter((id) => !tasks.has(id)),
    ...expected.completedTasks.filter((id) => !tasks.has(id)),
    ...expected.contradictions.map(({ agreement }) => agreement).filter((id) => !agreements.has(id)),
    ...expected.dependencies.flatMap(({ item, dependsOn }) => [item, dependsOn]).filter((id) => !items.has(id)),
  ];
}

function outsideExample(note: Note): string[] {
  return peopleOf(note)
    .map(({ email }) => email)
    .filter((email) => !email.endsWith('.example'));
}
