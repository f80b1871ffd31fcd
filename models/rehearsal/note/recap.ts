import type { Outcome } from '../calls.js';
import { isRecord, type JsonRecord, stringOf } from '../json.js';
import { describeOutcome } from '../report.js';
import { failureOf, textOf } from '../results.js';
import type { Setting } from '../setting.js';
import { shorten } from '../text.js';
import { answerIn, questionFor } from './actions.js';
import { recipientsOf } from './mail.js';
import { dateWords, inWords, namesInWords } from './phrases.js';
import { type NoteReading, nextTitle, presentIn } from './reading.js';
import { contradictionText } from './record.js';

type Words = (english: string, german: string) => string;

function list(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `- ${line}`)];
}

function itemLine({ items, setting, draft }: NoteReading, id: string, word: Words): string {
  const item = items.find((candidate) => candidate.id === id);
  if (item === undefined) return word('the next meeting', 'der nächste Termin');
  const { owner, candidates } = item.owner;
  const may = candidates.length === 0 ? '' : `: ${candidates.join(word(' or ', ' oder '))}?`;
  const who = owner ?? `${word('no owner', 'niemand zuständig')}${may}`;
  const due =
    item.due === null
      ? word('no date', 'kein Datum')
      : `${word('due', 'bis')} ${dateWords(item.due, setting, draft.language)}`;
  return `${item.text} (${who}, ${due})`;
}

function recapLines(reading: NoteReading, word: Words): string[] {
  const { items, statements, dependencies, occasion, draft } = reading;
  const textOfPart = (id: string) =>
    items.find((item) => item.id === id)?.text ?? word('The next meeting', 'Der nächste Termin');
  const present = namesInWords(presentIn(reading), draft.language);
  return [
    `${occasion.title}${present === '' ? '' : ` (${present})`}`,
    ...list(word('Decided:', 'Beschlossen:'), statements.decisions),
    ...list(
      word('Action items:', 'Aufgaben:'),
      items.map(({ id }) => itemLine(reading, id, word)),
    ),
    ...(items.length === 0
      ? [word('I found no explicit action item in it.', 'Ich habe keine ausdrückliche Aufgabe darin gefunden.')]
      : []),
    ...list(word('Open questions:', 'Offene Fragen:'), statements.questions),
    ...list(
      word('Dependencies:', 'Abhängigkeiten:'),
      dependencies.map(
        ({ item, dependsOn }) => `“${textOfPart(item)}” ${word('waits for', 'wartet auf')} “${textOfPart(dependsOn)}”`,
      ),
    ),
  ];
}

function nextLines(reading: NoteReading, word: Words): string[] {
  const { next, draft, setting } = reading;
  const { meeting } = next;
  if (meeting === undefined) {
    const vague = next.vague.map(({ said, why }) =>
      word(
        `No event entered for “${shorten(said, 160)}”: ${why}.`,
        `Kein Termin eingetragen für „${shorten(said, 160)}“: Tag und Uhrzeit stehen nicht fest.`,
      ),
    );
    const none = word(
      'No next meeting is fixed in it, so I made no event.',
      'Darin steht kein fester nächster Termin, also habe ich keinen eingetragen.',
    );
    return [
      ...vague,
      none,
      ...(vague.length > 0
        ? [word('When should it be? Then I enter it.', 'Wann soll er sein? Dann trage ich ihn ein.')]
        : []),
    ];
  }
  const there =
    meeting.timeZone === setting.timeZone
      ? ''
      : `; ${dateWords(meeting.start, meeting, draft.language)} ${meeting.timeZone}`;
  const length = meeting.hasLength
    ? ''
    : word(
        ' No length was said; I took half an hour.',
        ' Eine Dauer wurde nicht genannt; ich habe eine halbe Stunde genommen.',
      );
  return [
    `${word('Next', 'Als Nächstes')}: ${nextTitle(meeting, reading)}, ${dateWords(meeting.start, setting, draft.language)} (${setting.timeZone}${there}), ${namesInWords(meeting.attendees, draft.language)}.${length}`,
    ...list(word('Agenda:', 'Themen:'), meeting.agenda),
  ];
}

function valueOf(outcome: Outcome): JsonRecord {
  return isRecord(outcome.value) ? outcome.value : {};
}

function isWaiting(outcome: Outcome): boolean {
  return stringOf(valueOf(outcome), 'status')?.startsWith('waiting') ?? false;
}

function routeLine(outcomes: readonly Outcome[], word: Words): string[] {
  const first = (names: RegExp, field: string) =>
    outcomes.filter(({ name }) => names.test(name)).flatMap((outcome) => stringOf(valueOf(outcome), field) ?? [])[0];
  const [board, calendar] = [first(/^tasks_/, 'board') ?? first(/^tasks_/, 'route'), first(/^calendar_/, 'route')];
  return [
    ...(board === undefined ? [] : [`${word('Board', 'Board')}: ${board}.`]),
    ...(calendar === undefined ? [] : [`${word('Calendar', 'Kalender')}: ${calendar}.`]),
  ];
}

function doneLines(outcomes: readonly Outcome[], reading: NoteReading, word: Words): string[] {
  const good = outcomes.filter((outcome) => failureOf(outcome) === undefined && !isWaiting(outcome));
  const titles = new Map(reading.found.tasks.map((task) => [stringOf(task, 'id') ?? '', textOf(task)]));
  const nameOf = ({ input, value }: Outcome) =>
    stringOf(input, 'title') ?? titles.get(stringOf(input, 'task', 'id') ?? '') ?? textOf(isRecord(value) ? value : {});
  return good.flatMap((outcome) => {
    const isHeld = isRecord(valueOf(outcome)['held'])
      ? word(' (held until you have answered)', ' (ruht, bis du geantwortet hast)')
      : '';
    if (outcome.name === 'record_meeting') return [word('The meeting is filed.', 'Die Besprechung ist abgelegt.')];
    if (outcome.name === 'tasks_create')
      return [`${word('Task made', 'Aufgabe angelegt')}: ${nameOf(outcome)}${isHeld}`];
    if (outcome.name === 'tasks_update') {
      const done = outcome.input['status'] === 'done';
      return [
        `${done ? word('Task done', 'Aufgabe erledigt') : word('Task changed', 'Aufgabe geändert')}: ${nameOf(outcome)}${isHeld}`,
      ];
    }
    if (outcome.name !== 'calendar_create_event')
      return outcome.name === 'email_send' ? [describeOutcome(outcome, reading.setting)] : [];
    return [
      `${word('Entered in the calendar', 'Im Kalender eingetragen')}: ${nameOf(outcome)}, ${dateWords(stringOf(outcome.input, 'start') ?? '', reading.setting, reading.draft.language)}`,
    ];
  });
}

function waitingText(outcome: Outcome, setting: Setting, word: Words): string {
  const { to, attendees, title, subject } = outcome.input;
  const people = [to, attendees].flatMap((list) => (Array.isArray(list) ? list.map(String) : [])).join(', ');
  const what =
    outcome.name === 'email_send'
      ? `Mail an ${people}: ${String(subject)}`
      : `Einladung an ${people}: ${String(title)}`;
  const approval = stringOf(valueOf(outcome), 'approval') ?? '';
  return word(describeOutcome(outcome, setting), `${what} (${approval}). Es ist noch nichts hinausgegangen.`);
}

function waitingLines(outcomes: readonly Outcome[], setting: Setting, word: Words): string[] {
  const waiting = outcomes.filter((outcome) => failureOf(outcome) === undefined && isWaiting(outcome));
  return list(
    word('Waiting for your approval:', 'Wartet auf deine Freigabe:'),
    waiting.map((outcome) => waitingText(outcome, setting, word)),
  );
}

function unclearLines(reading: NoteReading, word: Words): string[] {
  const { items, cast, draft, dropped, next } = reading;
  const open = items.filter(({ owner }) => owner.status !== 'explicit');
  const several = cast
    .mentions(draft.sentences.join(' '))
    .flatMap(({ meant }) => (meant.kind === 'several' ? [meant.candidates.join(word(' or ', ' oder '))] : []));
  const silent = [...new Set(next.meeting?.attendees ?? [])].filter(
    (name) => name !== cast.user && cast.contact(name)?.email === undefined,
  );
  return list(word('Unclear:', 'Unklar:'), [
    ...open.map(({ text }) => word(`Who does “${text}”?`, `Wer macht „${text}“?`)),
    ...[...new Set(several)].map((who) => word(`Who is meant: ${who}?`, `Wer ist gemeint: ${who}?`)),
    ...silent.map((name) =>
      word(
        `I know no address of ${name}, so no invitation goes there.`,
        `Von ${name} kenne ich keine Adresse, also geht keine Einladung dorthin.`,
      ),
    ),
    ...dropped.map(({ title }) =>
      word(
        `The task “${title}” may not be needed any more; I left it as it is. Shall I close it?`,
        `Die Aufgabe „${title}“ ist vielleicht überholt; ich habe sie gelassen. Soll ich sie schließen?`,
      ),
    ),
  ]);
}

function basisLines({ agreements, found, tasks, draft, setting }: NoteReading, word: Words): string[] {
  const day = (value: string | undefined) =>
    value === undefined ? '' : `, ${dateWords(value.slice(0, 10), setting, draft.language)}`;
  return list(word('Based on:', 'Grundlage:'), [
    ...agreements
      .slice(0, 5)
      .map(({ text, date }) => `${word('agreement', 'Vereinbarung')}${day(date)}: “${shorten(text, 160)}”`),
    ...found.meetings
      .slice(0, 3)
      .map(
        (meeting) =>
          `${word('earlier meeting', 'frühere Besprechung')}${day(stringOf(meeting, 'at', 'updatedAt'))}: ${shorten(textOf(meeting), 120)}`,
      ),
    ...[...tasks.values()].map(({ title }) => `${word('task', 'Aufgabe')}: ${shorten(title, 120)}`),
    ...found.mails
      .slice(0, 3)
      .map(
        (mail) =>
          `Mail ${word('from', 'von')} ${stringOf(mail, 'from') ?? '?'}${day(stringOf(mail, 'date'))}: “${shorten(stringOf(mail, 'subject') ?? '', 120)}”`,
      ),
  ]);
}

function conflictLines(reading: NoteReading, outcomes: readonly Outcome[], setting: Setting, word: Words): string[] {
  const { contradictions, draft } = reading;
  const answer = answerIn(questionFor(reading, setting).calls, outcomes);
  const open = word(
    'Which holds? Until you say so, nothing about it changes.',
    'Was gilt? Bis du es sagst, ändert sich daran nichts.',
  );
  return contradictions.length === 0
    ? []
    : [
        ...list(
          word('Contradiction:', 'Widerspruch:'),
          contradictions.map((one) => contradictionText(one, draft.language)),
        ),
        answer === undefined
          ? open
          : word(`You answered: “${shorten(answer, 300)}”`, `Deine Antwort: „${shorten(answer, 300)}“`),
      ];
}

/** The whole answer to a note, in its language. */
export function recap(reading: NoteReading, outcomes: readonly Outcome[], setting: Setting): string[] {
  const word: Words = (english, german) => inWords(reading.draft.language, english, german);
  const forwarded = reading.draft.isForwarded
    ? [
        word(
          'This was forwarded: somebody else’s words, filed as information. “I” in it is not you, and I did nothing else with it.',
          'Das wurde weitergeleitet: Worte von jemand anderem, als Information abgelegt. „Ich“ bist darin nicht du, und ich habe sonst nichts damit getan.',
        ),
      ]
    : [];
  const failed = outcomes
    .filter((outcome) => failureOf(outcome) !== undefined)
    .map((outcome) => describeOutcome(outcome, setting));
  const noMail =
    recipientsOf(reading).length > 0 || reading.draft.isForwarded
      ? []
      : [
          word(
            'No follow-up mail: nobody outside with a known address was there.',
            'Keine Mail danach: Niemand von außen mit bekannter Adresse war dabei.',
          ),
        ];
  return [
    ...forwarded,
    ...recapLines(reading, word),
    ...nextLines(reading, word),
    ...conflictLines(reading, outcomes, setting, word),
    ...doneLines(outcomes, reading, word),
    ...waitingLines(outcomes, setting, word),
    ...noMail,
    ...failed,
    ...unclearLines(reading, word),
    ...basisLines(reading, word),
    ...routeLine(outcomes, word),
  ];
}
