import { type Call, fittingCall, optionalCall, type Outcome, type Step, together } from '../calls.js';
import { findDays } from '../days.js';
import type { JsonRecord } from '../json.js';
import { stringOf } from '../json.js';
import { failureOf, recordOf } from '../results.js';
import type { Setting } from '../setting.js';
import { followUpMail } from './mail.js';
import { inWords } from './phrases.js';
import { type NoteReading, nextTitle } from './reading.js';
import { contradictionText } from './record.js';

/** Tasks that must not change before the user has said what holds. */
function heldTasks(reading: NoteReading): ReadonlySet<string> {
  const { contradictions, tasks } = reading;
  return new Set(
    contradictions.flatMap(({ task, item }) =>
      [task, item === undefined ? undefined : tasks.get(item)?.id].filter((id) => id !== undefined),
    ),
  );
}

function taskSteps(reading: NoteReading, setting: Setting): Step[] {
  const held = heldTasks(reading);
  const steps = reading.items.flatMap(({ id, text, owner, due }): Step[] => {
    const task = reading.tasks.get(id);
    const owned = owner.owner === null ? {} : { owner: owner.owner };
    if (task === undefined)
      return [
        fittingCall(setting, 'tasks_create', { title: text, ...owned, ...(due === null ? {} : { due }) }, ['title']),
      ];
    const changes = {
      ...(owner.owner === null || owner.owner === task.owner ? {} : owned),
      ...(due === null || due === task.due ? {} : { due }),
    };
    if (held.has(task.id) || Object.keys(changes).length === 0) return [];
    return [fittingCall(setting, 'tasks_update', { task: task.id, ...changes }, ['task'])];
  });
  const finished = reading.finished.filter(({ id }) => !held.has(id));
  return [
    ...steps,
    ...finished.map(({ id }) => fittingCall(setting, 'tasks_update', { task: id, status: 'done' }, ['task', 'status'])),
  ];
}

function eventFields(reading: NoteReading): JsonRecord | undefined {
  const meeting = reading.next.meeting;
  if (meeting === undefined) return undefined;
  const { cast, draft } = reading;
  const others = meeting.attendees.filter((name) => name !== cast.user);
  const attendees = [...new Set(others.flatMap((name) => cast.contact(name)?.email ?? []))];
  const agenda = meeting.agenda.map((topic) => `- ${topic}`);
  const lines = [
    ...(meeting.medium === null ? [] : [meeting.medium]),
    ...(agenda.length === 0 ? [] : [inWords(draft.language, 'Agenda:', 'Themen:'), ...agenda]),
  ];
  return {
    title: nextTitle(meeting, reading),
    start: meeting.start,
    end: meeting.end,
    timeZone: meeting.timeZone,
    attendees,
    ...(lines.length === 0 ? {} : { description: lines.join('\n') }),
  };
}

/** What follows from a note on board, calendar and mail, in one turn. Somebody else's words lead to nothing. */
export function actionsFor(reading: NoteReading, setting: Setting): Step {
  if (reading.draft.isForwarded) return { calls: [], notes: [] };
  const [event, mail] = [eventFields(reading), followUpMail(reading)];
  return together(
    ...taskSteps(reading, setting),
    ...(event === undefined ? [] : [fittingCall(setting, 'calendar_create_event', event, ['title', 'start', 'end'])]),
    ...(mail === undefined ? [] : [optionalCall(setting, 'email_send', mail)]),
  );
}

/** The one question about everything that goes against an agreement. */
export function questionFor(reading: NoteReading, setting: Setting): Step {
  const { contradictions, draft } = reading;
  if (contradictions.length === 0) return { calls: [], notes: [] };
  const texts = contradictions.map((contradiction) => contradictionText(contradiction, draft.language));
  const ask = inWords(
    draft.language,
    'Which holds? Until you say so, nothing about it changes on the board.',
    'Was gilt? Bis du es sagst, ändert sich daran auf dem Board nichts.',
  );
  return optionalCall(setting, 'ask_user', { question: [...texts, ask].join('\n').slice(0, 3900) });
}

/** What the user said to that question. */
export function answerIn(question: readonly Call[], outcomes: readonly Outcome[]): string | undefined {
  const wanted = question[0]?.input['question'];
  const asked = outcomes.find(
    (outcome) => outcome.name === 'ask_user' && Object.values(outcome.input).includes(wanted),
  );
  return asked && failureOf(asked) === undefined ? stringOf(recordOf(asked), 'answer', 'text') : undefined;
}

/** The answer carried out, only where it names the new day itself: then that day is what the held task gets. */
export function afterAnswer(answer: string | undefined, reading: NoteReading, setting: Setting): Step {
  const today = setting.now?.toPlainDate();
  if (answer === undefined || today === undefined) return { calls: [], notes: [] };
  const days = findDays(answer, today).flatMap(({ date }) => (date === undefined ? [] : [date.toString()]));
  const chosen = reading.contradictions.filter(
    ({ day, task }) => task !== undefined && day !== undefined && days.length === 1 && days[0] === day,
  );
  return together(...chosen.map(({ task, day }) => fittingCall(setting, 'tasks_update', { task, due: day }, ['task'])));
}
