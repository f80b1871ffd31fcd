import { MeetingSchema, type Meeting } from '../../contracts/meeting.js';
import { type Note, sharedNotes } from './notes.js';
import type { BoardTask, Outcome } from './outcome.js';

/** One of the shared notes. */
export function noteCalled(id: string): Note {
  const note = sharedNotes().find((one) => one.id === id);
  if (note === undefined) throw new Error(`no note is called ${id}`);
  return note;
}

/** What a product that makes no mistake does with a note: record, invitation, mail and board. */
export function perfectOutcome(note: Note): Outcome {
  const { expected, priorContext, contacts, speaker } = note;
  const next = expected.followUpMeeting;
  const tasksBefore = priorContext.openTasks.map((task) => ({ ...task }));
  const eventsBefore = (priorContext.calendar ?? []).map((event, index) => ({
    ...event,
    id: `known-${index}`,
    attendees: [],
  }));
  const addressOf = (name: string): string => contacts.find((person) => person.name === name)?.email ?? '';
  return {
    meeting: perfectMeeting(note),
    mails: [
      {
        to: contacts.map(({ email }) => email),
        subject: note.language === 'de' ? 'Wie besprochen' : 'As discussed',
        body: note.language === 'de' ? 'Danke für das Gespräch, und bis bald.' : 'Thank you for the talk.',
      },
    ],
    invitations:
      next === null
        ? []
        : [
            {
              title: 'Next meeting',
              start: next.start,
              end: next.end ?? undefined,
              attendees: next.attendees.filter((name) => name !== speaker.name).map(addressOf),
              description: next.agenda.join('\n'),
            },
          ],
    otherProposals: [],
    eventsBefore,
    eventsAfter: eventsBefore,
    tasksBefore,
    tasksAfter: [...tasksBefore.map((task) => settled(task, note)), ...newOnBoard(note)],
    questions: [],
    answer: 'All of it is filed.',
  };
}

function perfectMeeting({ title, speaker, contacts, expected }: Note): Meeting {
  const { followUpMeeting: next } = expected;
  return MeetingSchema.parse({
    title,
    attendees: [speaker, ...contacts].map(({ name }) => name),
    decisions: expected.decisions.map(({ text, keywords }) => ({ text: withKeywords(text, keywords) })),
    actionItems: expected.actionItems.map(({ id, text, keywords, owner, ownerStatus, due, existingTask }) => ({
      id: `given-${id}`,
      text: withKeywords(text, keywords),
      owner,
      ownerStatus,
      due,
      ...(existingTask === undefined ? {} : { existingTask }),
    })),
    openQuestions: expected.openQuestions.map(({ text, keywords }) => withKeywords(text, keywords)),
    dependencies: expected.dependencies.map(({ item, dependsOn }) => ({
      item: given(item),
      dependsOn: given(dependsOn),
    })),
    followUpMeeting:
      next === null
        ? null
        : {
            start: next.start,
            end: next.end,
            timeZone: next.timeZone,
            attendees: next.attendees,
            agenda: next.agenda,
            certainty: next.certainty,
          },
    contradictions: expected.contradictions.map(({ agreement, text }) => ({ agreement, text })),
    completedTasks: expected.completedTasks,
  });
}

const given = (id: string): string => (id === 'followUpMeeting' ? id : `given-${id}`);

/** The file's own text does not always have its keywords. */
function withKeywords(text: string, keywords: readonly (readonly string[])[]): string {
  const missing = keywords.filter((choices) => !choices.some((choice) => text.toLowerCase().includes(choice)));
  return [text, ...missing.map(([first]) => first)].join(' ');
}

function settled(task: BoardTask, { expected }: Note): BoardTask {
  const item = expected.actionItems.find(({ existingTask }) => existingTask === task.id);
  return {
    ...task,
    ...(item === undefined ? {} : { owner: item.owner, due: item.due }),
    status: expected.completedTasks.includes(task.id) ? 'done' : task.status,
  };
}

function newOnBoard({ expected }: Note): BoardTask[] {
  return expected.actionItems
    .filter(({ existingTask }) => existingTask === undefined)
    .map(({ id, text, keywords, owner, due }) => ({
      id: `new-${id}`,
      title: withKeywords(text, keywords),
      owner,
      due,
      status: 'open',
    }));
}
