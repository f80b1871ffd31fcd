import { type Call, callKey, optionalCall, type Outcome, type Step, together } from '../calls.js';
import { COMPANY_NAME } from './cast.js';
import { couldBeName, NAME, startsWithSubject } from '../clauses.js';
import { findDays } from '../days.js';
import type { JsonRecord } from '../json.js';
import { failureOf, listOf } from '../results.js';
import type { Setting } from '../setting.js';
import { contentWords } from '../text.js';
import type { Language } from './words.js';

const MOST_NAMES = 10;
const MOST_WORDS = 40;
const MOST_AGREEMENTS = 30;
const MOST_MEETINGS = 10;
const MOST_MAILS = 5;
const NO_PERSON =
  /^(?:(?:EU|US|UK|USA|API|IT|HR|ID|IDs|Open|Still|Two|One|Obviously|Short|Next|Last|Then|Review|Agenda|Topics|English|German|French|Spanish|Android|Pacific|Eastern|Central|Internal|Short|Decision|Decided|Question|Agenda|Okay|Client|Quick|Kick-off|Somebody|Someone|Anybody|Budget|Beschlossen|Offen|Nächster|Nächste|Notiz|Termin)(?: |$))/u;

/** Names that could be people's, those with a family name first. */
export function nameCandidates(sentences: readonly string[], user: string | undefined, language: Language): string[] {
  const lead = language === 'de' ? '(?:Herrn?|Frau|Dr\\.|Prof\\.|mit|und|von|an) ' : '';
  const inside = new RegExp(`(?<=${language === 'de' ? lead : "(?<![.!?]\\s)[\\p{L}\\d,'] "})(?:${NAME})`, 'gu');
  const found = sentences.flatMap((sentence) => {
    const first = new RegExp(`^${NAME}`, 'u').exec(sentence)?.[0];
    const opens = first !== undefined && (first.includes(' ') || startsWithSubject(sentence)) ? [first] : [];
    const starts = [...sentence.matchAll(new RegExp(`(?<=, |: )(?:${NAME})`, 'gu'))].map((match) => match[0]);
    return [...opens, ...starts, ...[...sentence.matchAll(inside)].map((match) => match[0])];
  });
  const bare = found
    .map((name) => name.replace(/^(?:(?:Dr|Mr|Mrs|Ms|Prof|Herrn?|Frau|Doktor)\.? )+/u, '').replace(/'s$/u, ''))
    .filter((name) => couldBeName(name) && !NO_PERSON.test(name) && name !== user && name.length > 1);
  const unique = [...new Set(bare)].filter((name) => !(user?.split(' ') ?? []).includes(name));
  const whole = unique.filter((name) => !unique.some((other) => other !== name && other.split(' ').includes(name)));
  return whole.toSorted((a, b) => b.split(' ').length - a.split(' ').length).slice(0, MOST_NAMES);
}

function spanOf(sentences: readonly string[], setting: Setting): JsonRecord | undefined {
  const today = setting.now?.toPlainDate();
  if (today === undefined) return undefined;
  const days = sentences.flatMap((sentence) => findDays(sentence, today).flatMap(({ date }) => date ?? []));
  const last = days.map(String).toSorted().at(-1);
  const far = today.add({ days: 60 }).toString();
  const until = last === undefined || last < today.toString() ? today.add({ days: 7 }).toString() : last;
  return { from: today.subtract({ days: 1 }).toString(), to: until > far ? far : until };
}

function wordsFor(sentences: readonly string[], names: readonly string[]): string {
  const text = sentences.join(' ');
  const proper = [...text.matchAll(/(?<=[\p{L},] )\p{Lu}\p{L}{2,}/gu)].map((match) => match[0].toLowerCase());
  const ordered = [...names.flatMap((name) => contentWords(name)), ...proper, ...contentWords(text)];
  return [...new Set(ordered)].slice(0, MOST_WORDS).join(' ').slice(0, 500);
}

/** Everything that is looked up before a note is filed, side by side in one turn, as far as the skills are offered. */
export function lookUps(sentences: readonly string[], language: Language, setting: Setting): Step {
  const names = nameCandidates(sentences, setting.user, language);
  const query = wordsFor(sentences, names);
  const inMeetings = setting.meetings === undefined ? {} : { space: setting.meetings };
  const [span, person] = [spanOf(sentences, setting), names.find((name) => !COMPANY_NAME.test(name))];
  return together(
    ...names.map((name) => optionalCall(setting, 'contacts_search', { query: name })),
    optionalCall(setting, 'tasks_list', {}),
    optionalCall(setting, 'space_search', {
      ...inMeetings,
      query,
      metadata: { kind: 'agreement' },
      limit: MOST_AGREEMENTS,
    }),
    optionalCall(setting, 'space_search', {
      ...inMeetings,
      query,
      metadata: { kind: 'meeting' },
      limit: MOST_MEETINGS,
    }),
    ...(span === undefined ? [] : [optionalCall(setting, 'calendar_list_events', span)]),
    ...(person === undefined
      ? []
      : [optionalCall(setting, 'email_search', { from: person.split(' ').at(-1), limit: MOST_MAILS })]),
  );
}

/** What the look-ups have brought. */
export interface Found {
  readonly contacts: readonly JsonRecord[];
  readonly tasks: readonly JsonRecord[];
  readonly agreements: readonly JsonRecord[];
  readonly meetings: readonly JsonRecord[];
  readonly events: readonly JsonRecord[];
  readonly mails: readonly JsonRecord[];
  readonly failures: readonly Outcome[];
}

function kindOf(outcome: Outcome): unknown {
  const metadata = outcome.input['metadata'];
  return typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'kind') : undefined;
}

/** Sorts the results of these very calls. */
export function foundBy(calls: readonly Call[], outcomes: readonly Outcome[]): Found {
  const keys = new Set(calls.map(callKey));
  const own = outcomes.filter((outcome) => keys.has(callKey(outcome)));
  const good = own.filter((outcome) => failureOf(outcome) === undefined);
  const of = (name: string, kind?: string) =>
    good
      .filter((outcome) => outcome.name === name && (kind === undefined || kindOf(outcome) === kind))
      .flatMap((outcome) => listOf(outcome));
  return {
    contacts: of('contacts_search'),
    tasks: of('tasks_list'),
    agreements: of('space_search', 'agreement'),
    meetings: of('space_search', 'meeting'),
    events: of('calendar_list_events'),
    mails: of('email_search'),
    failures: own.filter((outcome) => failureOf(outcome) !== undefined),
  };
}
