import { contentWords } from '../text.js';

export type Language = 'en' | 'de';

const GERMAN =
  /(?<!\p{L})(?:der|die|das|und|ist|nicht|wir|ich|mit|bis|für|den|dem|ein|eine|noch|auch|auf|zum|zur|wird|haben|sind|von)(?!\p{L})/giu;
const ENGLISH =
  /(?<!\p{L})(?:the|and|is|not|we|i|with|by|for|that|to|of|it|in|will|they|are|have|was|on|a)(?!\p{L})/giu;

/** English unless the little words are mostly German. */
export function languageOf(text: string): Language {
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  return count(GERMAN) > count(ENGLISH) ? 'de' : 'en';
}

const WEAK = new Set(
  (
    'send sends sent get gets got make makes do does take takes put give gives write writes new first one two three last final for from with into out off up down by ' +
    'task tasks todo week month day next before after project client customer call meeting open check prepare finish ' +
    'schicken schickt senden machen macht schreiben schreibt neue neuen neues erste prüfen klären termin kunde projekt woche'
  ).split(' '),
);

function stem(word: string): string {
  const bare = word.replace(/'s$/, '');
  return bare.length > 4 ? bare.replace(/(?:ing|ed|es|s|en|e)$/u, '') : bare;
}

/** Words that tell one piece of work from another, brought to their stems. */
export function decisive(text: string, without: readonly string[] = []): string[] {
  const names = new Set(without.flatMap((name) => contentWords(name)));
  const words = contentWords(text.replaceAll('-', ' ')).filter((word) => !WEAK.has(word) && !names.has(word));
  return [...new Set(words.filter((word) => word.length > 2 || /\d/.test(word)).map(stem))];
}

/** How many decisive words two texts share. */
export function sharedWords(a: readonly string[], b: readonly string[]): number {
  return a.filter((word) => b.some((other) => alike(word, other))).length;
}

function alike(a: string, b: string): boolean {
  if (a === b) return true;
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= 5 && long.startsWith(short) && long.length - short.length <= 3;
}
