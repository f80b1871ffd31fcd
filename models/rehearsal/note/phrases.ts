import { Temporal } from 'temporal-polyfill';
import type { Setting } from '../setting.js';
import { clockText, dayText } from '../time-text.js';
import type { Language } from './words.js';

/** The one of two wordings that is in the note's language. */
export function inWords(language: Language, english: string, german: string): string {
  return language === 'de' ? german : english;
}

function dayWords(day: Temporal.PlainDate, language: Language): string {
  return language === 'de'
    ? day.toLocaleString('de-DE', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
    : dayText(day);
}

/** A day or an instant in words, in the given zone; anything else as it is. */
export function dateWords(value: string, setting: Pick<Setting, 'timeZone'>, language: Language): string {
  try {
    if (!value.includes('T')) return dayWords(Temporal.PlainDate.from(value), language);
    const time = Temporal.Instant.from(value).toZonedDateTimeISO(setting.timeZone);
    return `${dayWords(time.toPlainDate(), language)}, ${clockText(time)}`;
  } catch {
    return value;
  }
}

/** Names in a row, as the language joins them. */
export function namesInWords(names: readonly string[], language: Language): string {
  return new Intl.ListFormat(language === 'de' ? 'de-DE' : 'en-GB').format(names);
}
