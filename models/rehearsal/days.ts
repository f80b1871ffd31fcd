import { Temporal } from 'temporal-polyfill';
import {
  afterNext,
  afterSpan,
  calendarDay,
  type DayKind,
  day,
  dayOfMonthOnly,
  endOfMonth,
  endOfNamedMonth,
  endOfQuarter,
  endOfWeek,
  type Found,
  type Groups,
  inWeeksOn,
  MONTH,
  monthOf,
  PLACES,
  plainDate,
  readWeekday,
  slashed,
  WEEKDAY,
  weekdayAfterNextWeek,
  weekdayOfMonth,
  weeksAfter,
} from './day-arithmetic.js';
import { CLEAR_ORDINAL, NUMBER, numberOf, ORDINAL } from './numbers.js';
import { wordPattern } from './text.js';

export { WEEKDAY } from './day-arithmetic.js';

/**
 * A mention of a day. `day` and `weekday` have a date; `past` lies behind; `vague` names a span such as "next week";
 * `recurring` is "every Friday" or "Friday's"; `conflict` is a weekday and a date that contradict each other.
 */
export interface DayMention {
  readonly index: number;
  readonly end: number;
  readonly kind: DayKind;
  readonly date?: Temporal.PlainDate;
}

type Reader = (groups: Groups, today: Temporal.PlainDate) => Found;

/** What may follow “on the ninth” where it is a day and no ninth thing: a German “9.” takes any word in small letters. */
const AFTER_ORDINAL =
  '(?:(?<=\\d\\.)(?= \\p{Ll}| (?:das|die|der|den)(?!\\p{L}))|(?=$|[,.;!?)–]| (?:at|and|but|so|in|um|for|with|to|from|by|because|if|since|or|then|we|I|he|she|they|the|latest|morning|afternoon|evening|as|when|until|von|bis|mit|wir|ich|muss|soll|raus|fertig|früh|vormittags?|nachmittags?|abends?|ein|das|die|der|den|noch|per|bei|vor|wieder|statt|instead|again|ideally|please|not|that|which|together|over|via|on)(?!\\p{L})))';

/** Order decides where two readings start at the same place and are equally long. */
const READERS: readonly (readonly [RegExp, Reader])[] = [
  [
    wordPattern('(?<y>\\d{4})-(?<m>\\d{2})-(?<d>\\d{2})'),
    (g) => day(plainDate(Number(g['y']), Number(g['m']), Number(g['d']))),
  ],
  [
    wordPattern(`(?:the |den |dem )?(?<d>${ORDINAL})(?: day)?(?: of)? (?<mon>${MONTH})(?:,? (?<y>\\d{4}))?`),
    (g, t) => calendarDay(monthOf(g['mon']), numberOf(g['d']), g['y'], t),
  ],
  [
    wordPattern(`(?<mon>${MONTH})\\.? (?:the )?(?<d>${ORDINAL})(?:,? (?<y>\\d{4}))?`),
    (g, t) => calendarDay(monthOf(g['mon']), numberOf(g['d']), g['y'], t),
  ],
  [
    wordPattern('(?<d>\\d{1,2})\\.(?<m>\\d{1,2})\\.(?<y>\\d{4})?'),
    (g, t) => calendarDay(Number(g['m']), Number(g['d']), g['y'], t),
  ],
  [
    wordPattern('(?<=(?:bis zum|zum|am|vom|den|dem) )(?<d>\\d{1,2})\\.(?<m>\\d{1,2})(?!\\.?\\d| ?uhr)'),
    (g, t) => calendarDay(Number(g['m']), Number(g['d']), undefined, t),
  ],
  [wordPattern('(?<a>\\d{1,2})/(?<b>\\d{1,2})(?:/(?<y>\\d{4}))?'), slashed],
  [wordPattern('(?:the )?day after tomorrow|übermorgen'), (_g, t) => day(t.add({ days: 2 }))],
  [wordPattern("tomorrow(?! ?'s)|(?<!(?:am|guten|jeden|heute) )morgen"), (_g, t) => day(t.add({ days: 1 }))],
  [
    wordPattern(
      "today(?! ?'s)|tonight|this (?:afternoon|evening)|heute|(?:the )?end of (?:the )?(?:business )?day|EOD|ende des tages",
    ),
    (_g, t) => day(t),
  ],
  [
    wordPattern(
      '(?:the )?end of (?<which>(?:the |this |next |the next )?)week|ende (?<de>der|dieser|nächster|der nächsten) woche',
    ),
    (g, t) => endOfWeek(g['which'] ?? g['de'] ?? '', t),
  ],
  [
    wordPattern(
      '(?:the )?end of (?<which>(?:the |this |next |the next )?)month|ende (?<de>des|dieses|nächsten) monats',
    ),
    (g, t) => endOfMonth(g['which'] ?? g['de'] ?? '', t),
  ],
  [wordPattern(`(?:the )?(?:end of|ende) (?<mon>${MONTH})`), (g, t) => endOfNamedMonth(g['mon'], t)],
  [
    wordPattern(
      `(?<n>${NUMBER}|a fortnight) ?(?:weeks? )?(?:from|on) (?<from>today|now|tomorrow|${WEEKDAY})|(?:an?|one) (?<n3>week|fortnight) (?<from4>today|tomorrow)|(?<from2>${WEEKDAY}|heute|today|morgen) (?:in|über) (?<n2>${NUMBER}) (?:weeks?|wochen?|tagen)|(?<from3>${WEEKDAY}|today|tomorrow) (?<n4>week|fortnight)`,
    ),
    (g, t) =>
      weeksAfter(
        {
          n: g['n'] ?? g['n2'] ?? g['n3'] ?? g['n4'],
          from: g['from'] ?? g['from2'] ?? g['from3'] ?? g['from4'],
        },
        t,
      ),
  ],
  [
    wordPattern(
      `in (?<n>two|three|zwei|drei|a fortnight)(?: weeks?(?: time)?| weeks'(?: time)?| wochen)?,? (?:on |am )(?<wd>${WEEKDAY})`,
    ),
    inWeeksOn,
  ],
  [
    wordPattern(
      `(?<wd>${WEEKDAY})(?: of)? (?:the )?week after next|(?:the )?week after next(?: on)? (?<wd2>${WEEKDAY})|übernächste woche(?: am)? (?<wd3>${WEEKDAY})|(?<wd4>${WEEKDAY}) (?:in der )?übernächste[rn]? woche`,
    ),
    (g, t) => weekdayAfterNextWeek(g['wd'] ?? g['wd2'] ?? g['wd3'] ?? g['wd4'], t),
  ],
  [wordPattern('in a fortnight(?: time)?'), (_g, t) => day(t.add({ weeks: 2 }))],
  [
    wordPattern(`(?:the )?(?<wd>${WEEKDAY}) after next|(?:den |dem |am )?übernächste[nrm]? (?<wd2>${WEEKDAY})`),
    (g, t) => afterNext({ wd: g['wd'] ?? g['wd2'] }, t),
  ],
  // Counted from a day that was named before; whoever knows that day has to read it.
  [
    wordPattern(`(?:the )?(?:${WEEKDAY}|day|week) after(?! (?:next|tomorrow))|(?:den )?(?:${WEEKDAY}) darauf`),
    () => ({ kind: 'vague' }),
  ],
  [
    wordPattern(
      `(?:the |den |am )?(?<nth>${Object.keys(PLACES).join('|')}) (?<wd>${WEEKDAY}) (?:(?:of|in|im) (?:the )?(?<mon>${MONTH})|(?:of|in) (?<this>the|this|next) month|(?:des|dieses|im) (?<this2>nächsten )?monats?)`,
    ),
    weekdayOfMonth,
  ],
  [
    wordPattern(
      '(?:the )?end of (?:the )?(?<q>first |second |third |fourth |next |this )?quarter|(?:the )?end of q(?<q2>[1-4])|ende (?:des|dieses) (?<q3>ersten |zweiten |dritten |vierten |nächsten )?quartals',
    ),
    (g, t) => endOfQuarter({ q: g['q'] ?? g['q2'] ?? g['q3'] }, t),
  ],
  [
    wordPattern('(?:the )?end of (?:the |this )?year|(?:zum )?jahresende|ende (?:des|dieses) jahres'),
    (_g, t) => day(Temporal.PlainDate.from({ year: t.year, month: 12, day: 31 })),
  ],
  [
    wordPattern(
      `(?<wd>${WEEKDAY})(?: of)? next week|next week(?: on)? (?<wd2>${WEEKDAY})|(?<wd3>${WEEKDAY}) (?:in der )?nächste[rn]? woche|nächste woche(?: am)? (?<wd4>${WEEKDAY})`,
    ),
    (g, t) => readWeekday({ wd: g['wd'] ?? g['wd2'] ?? g['wd3'] ?? g['wd4'], lead: 'next' }, t),
  ],
  [
    wordPattern(
      `(?:(?<lead>next|this(?: coming)?|coming|last|past|every|each|nächsten|kommenden|diesen|letzten|jeden) )?(?<wd>${WEEKDAY})(?<many>s| ?'s)?`,
    ),
    readWeekday,
  ],
  [
    wordPattern(
      `(?:in|within) (?<n>${NUMBER}) (?<work>(?:business|working|work) )?(?<unit>days?|weeks?|months?|tage?n?|wochen?|monate?n?)(?: time)?`,
    ),
    afterSpan,
  ],
  [
    wordPattern(
      `(?<=(?:by|until|till|before|on|for|zum|am|den|is|ist|${WEEKDAY}|:),? )(?:the |den |der )?(?<d>${CLEAR_ORDINAL})${AFTER_ORDINAL}`,
    ),
    (g, t) => dayOfMonthOnly(numberOf(g['d']), t),
  ],
  [
    wordPattern(
      `yesterday|last (?:week|month|year|night|time)|(?:${NUMBER}) (?:days?|weeks?|months?|hours?) ago|this morning|gestern|vorgestern|letzte woche`,
    ),
    () => ({ kind: 'past' }),
  ],
  [
    wordPattern(
      '(?:early |late |later |sometime |(?:at )?(?:the )?(?:start|beginning|middle) of |mid )?(?:next|this) (?:week|month|quarter|year)|(?:the )?week after next|(?:the )?(?:middle|start|beginning) of the (?:week|month|year)|(?:anfang|mitte|ende)? ?(?:nächste[rn]?|diese[rn]?|übernächste[rn]?) woche|(?:anfang|mitte) (?:der woche|des monats)|in acht tagen|(?:the|this|next) weekend|am wochenende|at some point|soon',
    ),
    () => ({ kind: 'vague' }),
  ],
];

function scan(text: string, today: Temporal.PlainDate): DayMention[] {
  const found: DayMention[] = [];
  for (const [pattern, read] of READERS) {
    for (const match of text.matchAll(pattern)) {
      const mention = read(match.groups ?? {}, today);
      if (mention) found.push({ ...mention, index: match.index, end: match.index + match[0].length });
    }
  }
  return found;
}

function withoutOverlaps(mentions: readonly DayMention[]): DayMention[] {
  const kept: DayMention[] = [];
  for (const mention of [...mentions].sort((a, b) => b.end - b.index - (a.end - a.index))) {
    if (kept.every((other) => mention.end <= other.index || mention.index >= other.end)) kept.push(mention);
  }
  return kept.sort((a, b) => a.index - b.index);
}

/** "Friday, the 27th of November" is one mention; a weekday that contradicts its date is a conflict. */
function joined(first: DayMention, second: DayMention): DayMention {
  const span = { index: first.index, end: second.end };
  const [weekday, date] = first.kind === 'weekday' ? [first.date, second.date] : [second.date, first.date];
  if (weekday && date && weekday.dayOfWeek === date.dayOfWeek) return { ...span, kind: 'day', date };
  return { ...span, kind: 'conflict' };
}

/** All mentions of days in a text, in order, relative to `today`. */
export function findDays(text: string, today: Temporal.PlainDate): DayMention[] {
  const result: DayMention[] = [];
  for (const mention of withoutOverlaps(scan(text, today))) {
    const previous = result.at(-1);
    const gap = previous === undefined ? undefined : text.slice(previous.end, mention.index);
    const kinds = previous === undefined ? '' : `${previous.kind} ${mention.kind}`;
    if (
      previous &&
      gap !== undefined &&
      /^,? (?:on |the |den |dem |der |that's |that is |so |also |das ist )*$/.test(gap) &&
      /^(?:weekday day|day weekday)$/.test(kinds)
    ) {
      result[result.length - 1] = joined(previous, mention);
    } else {
      result.push(mention);
    }
  }
  return result;
}
