import { NAME } from '../clauses.js';
import type { Cast } from './cast.js';

/** Words for all who were there. */
export const EVERYBODY =
  /(?<!\p{L})(?:everybody|everyone|all of us|all (?:two|three|four|five|six|of them)|both of them|the whole (?:group|team|committee|board)|(?:the )?same (?:\p{L}+ )?(?:people|round|group|crowd|crew|team)|all together|alle(?: (?:zwei|drei|vier|fünf|sechs|zusammen|beide))?|dieselbe runde|gleiche runde|wieder alle)(?!\p{L})/iu;

/** A sentence that begins with a list of people. */
export const LISTS_PEOPLE =
  /^(?:(?:only |just |with )?\p{Lu}[\p{L}-]+(?: \p{Lu}[\p{L}-]+)?(?:, | and | und )+)+(?:me|I|ich|mir|\p{Lu}\p{L}+)(?=[,.]|$)/u;

const ABSENCE =
  "(?:can't|cannot|can not|couldn't|won't|will not|isn't|is not|are not|doesn't|does not|is out|is away|is off|sits (?:that|this|it) one out|sits out|drops out|is excused|kann (?:da |leider )?nicht|können nicht|ist (?:da |leider )?nicht|sind nicht|kommt (?:da |leider )?nicht|fehlt|muss nicht|ist (?:im urlaub|verhindert|krank))";
const ABSENT = new RegExp(
  `(?<who>${NAME}(?:,? (?:and|or|und|oder) ${NAME})*) (?:\\p{Ll}+ )?${ABSENCE}(?!\\p{L})`,
  'gu',
);
const WITHOUT = new RegExp(
  `(?<!\\p{L})(?:without|not|except|apart from|minus|ohne|außer|nicht) (?<who>${NAME}(?:,? (?:and|or|und|oder) ${NAME})*)`,
  'gu',
);
const PLACE = new RegExp(
  `(?<!\\p{L})(?:at|in|to|bei|zu|in der|im) (?:${NAME}'s|${NAME}s (?:Büro|Haus|Praxis|Werkstatt)|${NAME}(?=$|[,.;]| (?:im|in|zu) ))|\\p{Lu}\\p{L}+'s(?!\\p{L})`,
  'gu',
);
const PAIR = /(?<!\p{L})(?:just |only |nur )?(?:the two of us|zu zweit|wir beide|wir zwei)(?!\p{L})/iu;

/** The words without what they say of people who will not come, which does not deny the meeting itself. */
export function withoutAbsence(text: string): string {
  return text.replace(ABSENT, '').replace(WITHOUT, '');
}

/** Everybody of whom these sentences say that they will not come. */
export function absentIn(sentences: readonly string[], cast: Cast): string[] {
  const said = sentences.flatMap((sentence) => [...sentence.matchAll(ABSENT), ...sentence.matchAll(WITHOUT)]);
  return said.flatMap((match) =>
    cast
      .mentions(match.groups?.['who'] ?? '')
      .flatMap(({ meant }) => (meant.kind === 'one' ? [meant.name] : meant.kind === 'several' ? meant.candidates : [])),
  );
}

/** Who comes: those who are named, else all who were there; nobody who is said to stay away. */
export function invitedIn(text: string, absent: readonly string[], cast: Cast, present: readonly string[]): string[] {
  const own = cast.user === undefined ? [] : [cast.user];
  const named = cast.namesIn(withoutAbsence(text).replace(PLACE, ''));
  const others = EVERYBODY.test(text) ? [...present, ...named] : namedOr(named, text, present);
  return [...new Set([...own, ...others.filter((name) => !absent.includes(name))])];
}

function namedOr(named: readonly string[], text: string, present: readonly string[]): readonly string[] {
  if (named.length > 0) return named;
  return PAIR.test(text) && present.length !== 1 ? [] : present;
}
