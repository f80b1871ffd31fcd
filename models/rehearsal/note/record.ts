import type { JsonRecord } from '../json.js';
import { shorten } from '../text.js';
import type { Contradiction } from './contradictions.js';
import type { Item } from './items.js';
import { dateWords, inWords } from './phrases.js';
import { type NoteReading, nextTitle, presentIn } from './reading.js';
import type { Language } from './words.js';

function dayIn(date: string | undefined, language: Language): string {
  if (date === undefined) return '';
  const day = dateWords(date.slice(0, 10), { timeZone: 'UTC' }, language);
  return inWords(language, ` of ${day}`, ` vom ${day}`);
}

/** What does not fit, in a sentence a person can decide on. */
export function contradictionText({ agreement, sentence }: Contradiction, language: Language): string {
  const [said, agreed] = [shorten(sentence, 300), shorten(agreement.text, 300)];
  return language === 'de'
    ? `Gesagt wurde: „${said}“ Das passt nicht zur Vereinbarung${dayIn(agreement.date, language)}: „${agreed}“`
    : `It was said: “${said}” That does not fit the agreement${dayIn(agreement.date, language)}: “${agreed}”`;
}

function itemRecord(item: Item, reading: NoteReading): JsonRecord {
  const task = reading.tasks.get(item.id);
  const { owner, status, candidates } = item.owner;
  return {
    id: item.id,
    text: item.text,
    owner,
    ownerStatus: status,
    ...(candidates.length > 0 ? { ownerCandidates: candidates } : {}),
    due: item.due,
    ...(task === undefined ? {} : { existingTask: task.id }),
  };
}

function decisionText(text: string, reading: NoteReading): string {
  const held = reading.contradictions.find(({ sentence }) => sentence.includes(text.slice(1, 60)));
  if (held === undefined) return text;
  const date = dayIn(held.agreement.date, reading.draft.language);
  return reading.draft.language === 'de'
    ? `${text} (passt nicht zur Vereinbarung${date})`
    : `${text} (does not fit the agreement${date})`;
}

/** The input of `record_meeting`: what was said, and what it has to do with what is known. */
export function meetingRecord(reading: NoteReading): JsonRecord {
  const { next, occasion, statements, contradictions, draft } = reading;
  const meeting = next.meeting;
  return {
    title: occasion.title,
    attendees: presentIn(reading),
    decisions: statements.decisions.map((text, index) => ({ id: `d${index + 1}`, text: decisionText(text, reading) })),
    actionItems: reading.items.map((item) => itemRecord(item, reading)),
    openQuestions: statements.questions.map((text, index) => ({ id: `q${index + 1}`, text })),
    dependencies: reading.dependencies,
    followUpMeeting:
      meeting === undefined
        ? null
        : {
            title: nextTitle(meeting, reading),
            start: meeting.start,
            end: meeting.hasLength ? meeting.end : null,
            timeZone: meeting.timeZone,
            attendees: meeting.attendees,
            agenda: meeting.agenda,
            certainty: 'confirmed',
            medium: meeting.medium,
          },
    contradictions: contradictions.map((contradiction) => ({
      agreement: contradiction.agreement.id,
      ...(contradiction.item === undefined ? {} : { item: contradiction.item }),
      ...(contradiction.task === undefined ? {} : { task: contradiction.task }),
      text: contradictionText(contradiction, draft.language),
    })),
    completedTasks: reading.finished.map(({ id }) => id),
  };
}
