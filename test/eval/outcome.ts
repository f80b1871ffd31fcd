import type { Meeting } from '../../contracts/meeting.js';

/** An event or an invitation; `start` and `end` are instants with offset, or days. */
export interface CalendarEntry {
  readonly id?: string;
  readonly title: string;
  readonly start: string;
  readonly end?: string | undefined;
  /** Addresses or names. */
  readonly attendees: readonly string[];
  readonly description?: string | undefined;
}

/** A task on the board; `id` is the file's id where the task was seeded from it. */
export interface BoardTask {
  readonly id: string;
  readonly title: string;
  readonly owner: string | null;
  readonly due: string | null;
  readonly status: string;
}

export interface Mail {
  /** All recipients, in lower case. */
  readonly to: readonly string[];
  readonly subject: string;
  readonly body: string;
}

/** What the product did with one note. Ids of seeded tasks and agreements are those of the notes' file. */
export interface Outcome {
  /** The recorded meeting, if one was recorded. */
  readonly meeting: Meeting | undefined;
  /** Mails that wait for approval, and saved drafts. */
  readonly mails: readonly Mail[];
  /** Events with other people that wait for approval. */
  readonly invitations: readonly CalendarEntry[];
  /** Titles of all other proposals, such as a message to a chat. */
  readonly otherProposals: readonly string[];
  readonly eventsBefore: readonly CalendarEntry[];
  readonly eventsAfter: readonly CalendarEntry[];
  readonly tasksBefore: readonly BoardTask[];
  /** Without those that were withdrawn. */
  readonly tasksAfter: readonly BoardTask[];
  /** What the user was asked. */
  readonly questions: readonly string[];
  readonly answer: string;
}

/** Events that came into being with the note. */
export function newEvents({ eventsBefore, eventsAfter }: Outcome): CalendarEntry[] {
  const known = new Set(eventsBefore.map(({ id }) => id));
  return eventsAfter.filter(({ id }) => id === undefined || !known.has(id));
}

/** Tasks that came onto the board with the note. */
export function newTasks({ tasksBefore, tasksAfter }: Outcome): BoardTask[] {
  const known = new Set(tasksBefore.map(({ id }) => id));
  return tasksAfter.filter(({ id }) => !known.has(id));
}

/** Tasks that stood on the board before, with what became of them; undefined when withdrawn. */
export function keptTasks({
  tasksBefore,
  tasksAfter,
}: Outcome): { readonly before: BoardTask; readonly after: BoardTask | undefined }[] {
  return tasksBefore.map((before) => ({ before, after: tasksAfter.find(({ id }) => id === before.id) }));
}
