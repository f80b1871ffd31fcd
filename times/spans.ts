import { Temporal } from 'temporal-polyfill';
import type { Saying } from './mention.js';
import { NUMBER, numberOf, words } from './words.js';

type Groups = Readonly<Record<string, string | undefined>>;
type Reader = readonly [RegExp, (groups: Groups) => Saying | undefined];

const HOURS = 'hours?|hrs?|stunden?|std\\.?';
const MINUTES = 'minutes?|mins?|minuten?|min\\.?';
const AMOUNT = `(?:\\d{1,4}(?:[.,]\\d{1,2})?|${NUMBER})`;
const HALVES = `half an hour|a half[- ]hour|half[- ]hour|(?:einer |eine |ner )?halben?(?: |-)?stunde`;
const LENGTH =
  `(?<half>${HALVES})|(?<three>three[- ]quarters of an hour|(?:einer |eine )?dreiviertelstunde)|` +
  `(?<quarter>(?:a )?quarter(?: of an)?[- ]hour|(?:einer |eine )?viertelstunde)|` +
  `(?<one>(?:an|one|1) hour and a half|(?:one|1) and a half hours?|anderthalb stunden?|eineinhalb stunden?)|` +
  `(?<n>${NUMBER}) and a half hours|(?<nh>zwei|drei|vier)einhalb stunden|` +
  `(?<h>${AMOUNT}) ?(?:${HOURS})(?:,? (?:and |und )?(?<m>${NUMBER}) ?(?:${MINUTES})| (?:and a |und eine )(?<hh>half|quarter|halbe|viertelstunde))?|` +
  `(?<mm>${AMOUNT}) ?(?:${MINUTES})|(?<s>${NUMBER}) ?(?:seconds?|secs?|sekunden?)|(?<ch>\\d{1,2})h(?<cm>\\d{2})|(?<xh>\\d{1,2})h|(?<xm>\\d{1,3})m`;
const UNIT = '(?<unit>days?|weeks?|months?|years?|fortnights?|tage?n?|wochen?|monate?n?|jahre?n?)';

const THE_EVENT = '(?: (?:the|my|our|der|dem|den|meinem|meiner|unserem|unserer))?';

/** Lengths of time from now or before something: “in 20 minutes”, “in zwei Wochen”, “an hour before”. */
export const SPAN_READERS: readonly Reader[] = [
  [words(`in (?:about |roughly |etwa |ca\\. |exactly |genau )?(?:${LENGTH})(?:'s)?(?: time| from now)?`), elapsed],
  [words(`(?:${LENGTH}) from now`), elapsed],
  [words(`(?:${LENGTH}) (?:before|vor|ahead of|prior to)${THE_EVENT}`), (g) => offset(g, -1)],
  [words(`(?:${LENGTH}) (?:after|nach)${THE_EVENT}`), (g) => offset(g, 1)],
  [
    words(
      `(?<n>${NUMBER}) (?<unit>days?|weeks?|tage?n?|wochen?) (?<way>before|ahead of|prior to|vor|after|nach)${THE_EVENT}`,
    ),
    dayOffset,
  ],
  [
    words(
      `(?:(?:on )?the|am|der|den) (?:day|tag) (?<way>before|vor)${THE_EVENT}|(?<=(?:evening|night|morning|afternoon|abend|nacht) )(?<way2>before|vor)${THE_EVENT}`,
    ),
    dayOffset,
  ],
  [
    words(
      `in (?:about |etwa )?(?<n>${NUMBER}) (?<work>business |working |work )days?(?:' time)?|in (?<n2>${NUMBER}) (?:werk|arbeits)tagen?`,
    ),
    workdays,
  ],
  [words(`in (?:about |etwa )?(?<n>${NUMBER}) ${UNIT}(?:'s?)?(?: time| from now| from today)?`), calendar],
  [
    words(
      `(?<n>${NUMBER}) ${UNIT} from (?:now|today)|(?:heute|today) in (?<n2>${NUMBER}) (?<unit2>wochen?|weeks?|tagen?|days?)`,
    ),
    calendar,
  ],
  [
    words(
      `in (?:a few|some|several|ein paar|einigen|wenigen) (?:${HOURS}|${MINUTES}|days|weeks|months|tagen|wochen|monaten|stunden)`,
    ),
    vague,
  ],
  [
    words(
      'in a (?:while|bit|moment)|later|sometime|some time|soon|shortly|sp[äa]ter|bald|irgendwann|demnächst|gleich|nachher|when i have time|asap',
    ),
    vague,
  ],
  [
    words(
      '(?:at )?(?:the )?same time|(?:at )?this time(?= tomorrow| next| on| in)|(?:zur|um die) (?:gleichen?|selben?) (?:zeit|uhrzeit)|(?:um )?(?:dieselbe|diese) (?:zeit|uhrzeit)|gleiche (?:zeit|uhrzeit)',
    ),
    () => ({ kind: 'same-time' }),
  ],
  [
    words(
      `for (?:the next )?(?<n>${NUMBER}) (?<unit>days?|weeks?|months?|years?)|(?:für (?:die nächsten )?)?(?<n2>${NUMBER}) (?<unit2>tage|wochen?|monate?|jahre?) lang|für (?:die nächsten )?(?<n3>${NUMBER}) (?<unit3>tage|wochen?|monate?|jahre?)`,
    ),
    lasting,
  ],
  [
    words(
      `(?<n>${NUMBER}) times(?! (?:an?|per|daily|weekly|each|every)(?!\\p{L}))|(?<n2>${NUMBER})[- ]?mal(?! (?:am|pro|im|in|täglich|wöchentlich|monatlich))`,
    ),
    count,
  ],
  [
    words(
      `(?:${NUMBER}|a few) (?:${HOURS}|${MINUTES}|days?|weeks?|months?|years?) ago|vor (?:${NUMBER}|ein paar) (?:${HOURS}|${MINUTES}|tagen?|wochen?|monaten?|jahren?)`,
    ),
    () => ({
      kind: 'doubt',
      question: {
        doubt: 'past',
        question: 'That time is past: when should it be instead, for example in an hour or tomorrow at 9?',
      },
    }),
  ],
];

function secondsOf(groups: Groups): number | undefined {
  const amount = (text: string | undefined) =>
    text === undefined ? undefined : /[.,]/.test(text) ? Number(text.replace(',', '.')) : numberOf(text);
  if (groups['half']) return 1800;
  if (groups['three']) return 2700;
  if (groups['quarter']) return 900;
  if (groups['one']) return 5400;
  if (groups['s']) return numberOf(groups['s']);
  const whole = numberOf(groups['n'] ?? groups['nh']);
  if (whole !== undefined) return whole * 3600 + 1800;
  const more = /^h/i.test(groups['hh'] ?? '') ? 30 : groups['hh'] ? 15 : 0;
  const hours = amount(groups['h'] ?? groups['ch'] ?? groups['xh']) ?? 0;
  const minutes = amount(groups['mm'] ?? groups['m'] ?? groups['cm'] ?? groups['xm']) ?? more;
  return Math.round((hours * 60 + minutes) * 60);
}

function elapsed(groups: Groups): Saying | undefined {
  const seconds = secondsOf(groups);
  return seconds === undefined || seconds === 0 ? undefined : { kind: 'elapsed', seconds };
}

function offset(groups: Groups, sign: number): Saying | undefined {
  const seconds = secondsOf(groups);
  return seconds === undefined ? undefined : { kind: 'offset', minutes: (sign * seconds) / 60, days: 0 };
}

function dayOffset(groups: Groups): Saying | undefined {
  const count = groups['n'] === undefined ? 1 : numberOf(groups['n']);
  const sign = /^(?:after|nach)$/.test(groups['way'] ?? '') ? 1 : -1;
  if (count === undefined || count === 0) return undefined;
  return { kind: 'offset', minutes: 0, days: sign * count * ((groups['unit'] ?? '').startsWith('w') ? 7 : 1) };
}

function workdays(groups: Groups): Saying | undefined {
  const count = numberOf(groups['n'] ?? groups['n2']);
  return count === undefined ? undefined : { kind: 'calendar', duration: new Temporal.Duration(), workdays: count };
}

function durationOf(groups: Groups): Temporal.Duration | undefined {
  const count = numberOf(groups['n'] ?? groups['n2'] ?? groups['n3']);
  const unit = (groups['unit'] ?? groups['unit2'] ?? groups['unit3'] ?? '').toLowerCase();
  if (count === undefined) return undefined;
  if (unit.startsWith('fortnight')) return Temporal.Duration.from({ weeks: 2 * count });
  if (unit.startsWith('w')) return Temporal.Duration.from({ weeks: count });
  if (unit.startsWith('mo')) return Temporal.Duration.from({ months: count });
  if (/^[yj]/.test(unit)) return Temporal.Duration.from({ years: count });
  return Temporal.Duration.from({ days: count });
}

function calendar(groups: Groups): Saying | undefined {
  const duration = durationOf(groups);
  return duration && { kind: 'calendar', duration, workdays: 0 };
}

function lasting(groups: Groups): Saying | undefined {
  const duration = durationOf(groups);
  return duration && { kind: 'lasting', duration };
}

function count(groups: Groups): Saying | undefined {
  const times = numberOf(groups['n'] ?? groups['n2']);
  return times === undefined || times < 1 ? undefined : { kind: 'count', count: times };
}

function vague(): Saying {
  return {
    kind: 'doubt',
    question: {
      doubt: 'ambiguous',
      question: 'That leaves the time open: should it be in an hour, this evening at 19:00, or tomorrow at 09:00?',
    },
  };
}
