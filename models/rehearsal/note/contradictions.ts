import { Temporal } from 'temporal-polyfill';
import { findDays } from '../days.js';
import { type JsonRecord, stringOf } from '../json.js';
import { textOf } from '../results.js';
import type { BoardTask } from './board.js';
import type { Item } from './items.js';
import { decisive, sharedWords } from './words.js';

/** What was agreed before, as the space of meetings has it. */
export interface Agreement {
  readonly id: string;
  readonly text: string;
  readonly date: string | undefined;
}

export interface Contradiction {
  readonly agreement: Agreement;
  /** The sentence that does not fit. */
  readonly sentence: string;
  readonly item: string | undefined;
  readonly task: string | undefined;
  /** The day that was said instead, where it is a day. */
  readonly day: string | undefined;
}

const EARLIEST =
  /(?<!\p{L})(?:not before|no earlier than|not earlier than|earliest(?: on)?|nicht vor(?: dem)?|frühestens(?: am| ab)?)(?!\p{L})/iu;
const LATEST =
  /(?<!\p{L})(?:no later than|not later than|at the latest by|by|until|spätestens(?: am| bis)?|bis(?: zum| spätestens)?)(?!\p{L})/iu;
const UNCHANGED =
  /(?<!\p{L})(?:stays?|remains?|as agreed|unchanged|still|confirmed|bleibt|bleiben|wie vereinbart|unverändert|nach wie vor)(?!\p{L})/iu;
const UNSURE =
  /(?<!\p{L})(?:maybe|perhaps|might|could|would|if|whether|vielleicht|ob|wenn|könnte|würde)(?!\p{L})|\?$/iu;
const PRICE = /(?<!\p{L})(?:price|fee|rate|budget|cost|preis|honorar|satz|budget\p{L}*|kosten)(?!\p{L})/iu;
const AMOUNT =
  /(?:(?:EUR|USD|CHF|€|\$|£)\s?(?<a>\d[\d.,']*\d|\d)|(?<b>\d[\d.,']*\d|\d)\s?(?:EUR|euros?|dollars?|USD|CHF|francs?|franken|€|\$|£))/iu;

/** Agreements of a search, without what was withdrawn. */
export function agreementsIn(records: readonly JsonRecord[]): Agreement[] {
  return records.flatMap((record) => {
    const id = stringOf(record, 'id');
    const kind = stringOf(record, 'kind');
    if (id === undefined || record['deprecated'] === true || (kind !== undefined && kind !== 'agreement')) return [];
    return [{ id, text: textOf(record), date: stringOf(record, 'date', 'at') }];
  });
}

/** The agreement as of its day: “by 1 March” was meant from there. */
function dayOf(text: string, since: Temporal.PlainDate): Temporal.PlainDate | undefined {
  return findDays(text.slice(0, 60), since)[0]?.date;
}

function asOf(agreement: Agreement, today: Temporal.PlainDate): Temporal.PlainDate {
  try {
    return Temporal.PlainDate.from((agreement.date ?? '').slice(0, 10));
  } catch {
    return today;
  }
}

interface Limit {
  readonly topic: readonly string[];
  readonly isBroken: (day: Temporal.PlainDate) => boolean;
}

function limitOf(agreement: Agreement, today: Temporal.PlainDate): Limit | undefined {
  const { text } = agreement;
  const [earliest, latest] = [EARLIEST.exec(text), LATEST.exec(text)];
  const found = earliest ?? latest;
  if (!found) return undefined;
  const limit = dayOf(text.slice(found.index + found[0].length), asOf(agreement, today));
  if (limit === undefined) return undefined;
  const sign = earliest ? -1 : 1;
  const topic = decisive(text.slice(0, found.index)).filter(
    (word) => !/^(?:agre|project|custom|client|want|finish)/.test(word),
  );
  return { topic, isBroken: (day) => Temporal.PlainDate.compare(day, limit) === sign };
}

/** Names in an agreement that say whose it is; one of another client must never be held against this note. */
function isOfTheseParties(agreement: Agreement, note: string): boolean {
  const names = [...agreement.text.matchAll(/(?<=[\p{Ll},] )\p{Lu}[\p{L}-]{2,}/gu)].map((match) => match[0]);
  const own = names.filter(
    (name) =>
      !/^(?:EUR|USD|CHF|Januar|Februar|March|April|May|June|July|Monday|Tuesday|Wednesday|Thursday|Friday|January|February|August|September|October|November|December|Dezember|Oktober|Juni|Juli|März|Mai)$/u.test(
        name,
      ),
  );
  return own.length === 0 || own.some((name) => note.toLowerCase().includes(name.toLowerCase()));
}

function amountIn(text: string): number | undefined {
  const groups = AMOUNT.exec(text)?.groups;
  const digits = (groups?.['a'] ?? groups?.['b'])?.replace(/[.,'](?=\d{3}(?!\d))/g, '').replace(',', '.');
  return digits === undefined ? undefined : Number(digits);
}

function breaksDate(agreement: Agreement, sentence: string, today: Temporal.PlainDate): Temporal.PlainDate | undefined {
  const limit = limitOf(agreement, today);
  if (limit === undefined || limit.topic.length === 0) return undefined;
  const shared = sharedWords(limit.topic, decisive(sentence).concat(sentence.toLowerCase().match(/\p{L}{2,}/gu) ?? []));
  if (shared < limit.topic.length && shared < 2) return undefined;
  const days = findDays(sentence, today).filter(
    ({ date, kind }) => date !== undefined && (kind === 'day' || kind === 'weekday'),
  );
  const [only] = days;
  return days.length === 1 && only?.date && limit.isBroken(only.date) ? only.date : undefined;
}

function breaksPrice(agreement: Agreement, sentence: string): boolean {
  const [agreed, said] = [amountIn(agreement.text), amountIn(sentence)];
  const bothSpeakOfPrice = PRICE.test(agreement.text) && PRICE.test(sentence);
  const shared = sharedWords(decisive(agreement.text.replace(AMOUNT, '')), decisive(sentence.replace(AMOUNT, '')));
  return bothSpeakOfPrice && agreed !== undefined && said !== undefined && agreed !== said && shared >= 2;
}

/** What a note says against an earlier agreement, only where dates or amounts leave no doubt. */
export function findContradictions(
  sentences: readonly string[],
  agreements: readonly Agreement[],
  items: readonly Item[],
  tasks: readonly BoardTask[],
  today: Temporal.PlainDate | undefined,
): Contradiction[] {
  if (today === undefined) return [];
  const note = sentences.join(' ');
  return agreements.flatMap((agreement): Contradiction[] => {
    if (!isOfTheseParties(agreement, note)) return [];
    for (const sentence of sentences) {
      if (UNCHANGED.test(sentence) || UNSURE.test(sentence)) continue;
      const day = breaksDate(agreement, sentence, today);
      if (day === undefined && !breaksPrice(agreement, sentence)) continue;
      const about = (words: readonly string[]) => sharedWords(limitOf(agreement, today)?.topic ?? [], words);
      const item = items.find((candidate) => candidate.said === sentence && about(decisive(candidate.text)) > 0);
      const wanted = limitOf(agreement, today)?.topic.length ?? 0;
      const task = tasks.find((candidate) => wanted > 0 && about(candidate.words) >= Math.min(2, wanted));
      return [{ agreement, sentence, item: item?.id, task: task?.id, day: day?.toString() }];
    }
    return [];
  });
}
