import { couldBeName, NAME, readClause } from '../clauses.js';
import { numberOf } from '../numbers.js';
import { capitalise, shorten, tidy } from '../text.js';
import { zoneOfCity } from '../zones.js';
import type { Cast } from './cast.js';
import type { Language } from './words.js';

/** What was held, and who was there. */
export interface Occasion {
  readonly title: string;
  /** Everybody but the user. */
  readonly others: readonly string[];
  readonly isInternal: boolean;
}

const LISTING =
  /^(?:with|there were|present|attendees|in the room|dabei(?: waren)?|teilgenommen|anwesend|it was|that was|mit)(?!\p{L})/iu;
const TOOK_PART =
  /(?<!\p{L})(?:(?:was|were|are|is) (?:there|on|present|with me|in|at the table|also there)|joined|took part|on the (?:line|call)|at the table|(?:war|waren|sind|ist) (?:da|dabei|dort|auch da|mit dabei|anwesend)|kam dazu|nahm teil|nahmen teil)(?!\p{L})/iu;
const WITH_PEOPLE = new RegExp(`(?<!\\p{L})(?:with|mit)\\s+(?<who>${NAME}(?:(?:,| and| und|, and) ${NAME})*)`, 'gu');
const KIND =
  'call|meeting|conversation|chat|session|sync|interview|workshop|demo|kick-?off|review|steering|round|lunch|visit|termin|telefonat|gespräch|besprechung|treffen|runde|call';
const HEADED = new RegExp(
  `(?<what>(?:[\\p{L}-]+ )?(?:${KIND}))(?<with> (?:with|mit|bei|at|for|zu) (?:the |der |dem |den |our |unserem )?(?:\\p{Ll}+ )?\\p{Lu}[^,.;:]{1,80})`,
  'iu',
);
const INTERNAL =
  /(?<!\p{L})(?:internal(?:ly)?|intern\p{L}*|team (?:meeting|round|call)|in-house|unter uns kollegen|jour fixe im team)(?!\p{L})/iu;
const OPENING = 4;

function opening(sentences: readonly string[], cast: Cast): string[] {
  const first = sentences.slice(0, OPENING).find((sentence) => cast.namesIn(sentence).length > 0);
  return sentences
    .slice(0, OPENING)
    .filter((sentence) => sentence === first || LISTING.test(sentence) || TOOK_PART.test(sentence));
}

/** Names after “with” that no contact has but that the note treats as people. */
export function strangersIn(sentences: readonly string[], cast: Cast): string[] {
  const text = sentences.join(' ');
  const names = sentences
    .slice(0, OPENING)
    .flatMap((sentence) =>
      [...sentence.matchAll(WITH_PEOPLE)].flatMap((match) =>
        (match.groups?.['who'] ?? '').split(/,? (?:and|und) |, /u),
      ),
    );
  return names.filter((name) => {
    const isKnown = cast.resolve(name).kind !== 'nobody' || cast.isCompany(name);
    const acts = new RegExp(`(?<![\\p{L}])${name} (?:will |\\p{Ll}+(?:s|t) |and |und )`, 'u').test(text);
    return (
      !isKnown &&
      zoneOfCity(name) === undefined &&
      couldBeName(name) &&
      (acts || /^(?:Herr|Frau|Mr|Mrs|Ms|Dr)/u.test(name))
    );
  });
}

function isEverybody(sentences: readonly string[], names: readonly string[]): boolean {
  const said = /(?<!\p{L})(?<n>\p{L}+|\d+) of us|wir waren zu (?<de>\p{L}+)/iu.exec(
    sentences.slice(0, OPENING).join(' '),
  )?.groups;
  return numberOf(said?.['n'] ?? said?.['de']) === names.length + 1;
}

function titleOf(sentences: readonly string[], names: readonly string[], language: Language): string {
  for (const sentence of sentences.slice(0, 3)) {
    const found = HEADED.exec(sentence)?.groups;
    if (found)
      return `${found['what']}${found['with']}`.replace(/^(?:(?:the|a|an|my|our|just|zum|vom|der|das|off) )+/iu, '');
  }
  const first =
    sentences.find((sentence) => /\p{Lu}\p{L}+/u.test(sentence.slice(1)) || names.length > 0) ?? sentences[0] ?? '';
  const head = (first.split(/[,.;:]/u)[0] ?? '').replace(
    /^(?:(?:just|came|got|okay|so|off|out of|the|phone|from|with) )+/iu,
    '',
  );
  const isHeading = head.split(/\s+/).length <= 8 && readClause(head) === undefined;
  if (isHeading && /(?<!^)\p{Lu}|^\p{Lu}\p{L}+(?: \p{Lu}|$)/u.test(head)) return head;
  const people = new Intl.ListFormat(language === 'de' ? 'de-DE' : 'en-GB').format(names);
  if (people === '') return language === 'de' ? 'Besprechung' : 'Meeting';
  return language === 'de' ? `Besprechung mit ${people}` : `Meeting with ${people}`;
}

/** Reads from the first sentences what kind of meeting it was and who took part. */
export function readOccasion(sentences: readonly string[], cast: Cast, language: Language): Occasion {
  const listed = cast.namesIn(opening(sentences, cast).join(' '));
  const all = cast.namesIn(sentences.join(' '));
  const others = isEverybody(sentences, all) ? all : listed;
  return {
    title: capitalise(shorten(tidy(titleOf(sentences, others, language)), 200)),
    others,
    isInternal: INTERNAL.test(sentences.slice(0, OPENING).join(' ')),
  };
}
