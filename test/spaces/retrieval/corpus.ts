import type { JsonValue } from '../../../contracts/space.js';
import { CONVENTIONS } from '../../../spaces/conventions/index.js';
import { type Note, sharedNotes, unseenNotes } from '../../eval/notes.js';
import { type CorpusAtom, DISTRACTORS } from './distractors.js';

/** Everything that is searched: the sample notes with what was known before and what follows, conventions, distractors. */
export function corpus(): CorpusAtom[] {
  return [...conventionAtoms(), ...DISTRACTORS, ...[...sharedNotes(), ...unseenNotes()].flatMap(noteAtoms)];
}

function noteAtoms({ id, transcript, contacts, priorContext, expected, now }: Note): CorpusAtom[] {
  const inNote = (name: string): string => `${id}/${name}`;
  const fact = (kind: string) => (item: { id: string; text: string }) =>
    atom(inNote(item.id), 'meetings', { text: item.text }, kind);
  const task = (taskId: string, title: string, owner: string | null, due: string | null): CorpusAtom => ({
    id: taskId,
    space: 'tasks',
    payload: { title, ...(owner === null ? {} : { owner }), ...(due === null ? {} : { due }) },
    metadata: { status: 'open' },
  });
  const { followUpMeeting, decisions, openQuestions, actionItems } = expected;
  return [
    ...contacts.map(({ name, email, role }) => atom(email, 'contacts', { name, email, role: role ?? '' }, 'contact')),
    ...priorContext.agreements.map((item) =>
      atom(item.id, 'meetings', { text: item.text, date: item.date }, 'agreement'),
    ),
    ...priorContext.openTasks.map(({ id: taskId, title, owner, due }) => task(taskId, title, owner, due)),
    ...actionItems.map(({ id: item, text, owner, due }) => task(inNote(item), text, owner, due)),
    ...decisions.map(fact('decision')),
    ...openQuestions.map(fact('question')),
    ...(followUpMeeting === null
      ? []
      : [
          atom(
            inNote('meeting'),
            'meetings',
            {
              title: followUpMeeting.agenda.join(', '),
              start: followUpMeeting.start,
              attendees: followUpMeeting.attendees,
            },
            'meeting',
          ),
        ]),
    atom(id, 'notes', { text: transcript, said: now }, 'note'),
  ];
}

function conventionAtoms(): CorpusAtom[] {
  return CONVENTIONS.flatMap(({ name, description, recipes, examples }) => [
    atom(name, 'conventions', { title: name, text: description }, 'convention'),
    ...recipes.map(({ title, text }, index) =>
      atom(`${name}/recipe-${index + 1}`, 'conventions', { title, text }, 'recipe'),
    ),
    ...examples.map(({ key, payload, metadata }) => ({
      id: `${name}/${key}`,
      space: 'conventions' as const,
      payload,
      metadata: { ...metadata, kind: 'example' },
    })),
  ]);
}

function atom(id: string, space: CorpusAtom['space'], payload: JsonValue, kind: string): CorpusAtom {
  return { id, space, payload, metadata: { kind } };
}
