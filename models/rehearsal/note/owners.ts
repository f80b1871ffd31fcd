import type { Subject } from '../clauses.js';
import type { Cast } from './cast.js';

/** Who does a piece of work: one person who was named, or whom it may be. */
export interface Owner {
  readonly owner: string | null;
  readonly status: 'explicit' | 'ambiguous' | 'unassigned';
  readonly candidates: readonly string[];
}

export const UNASSIGNED: Owner = { owner: null, status: 'unassigned', candidates: [] };

const DEPARTMENT =
  /^(?:the )?(?:Legal|Marketing|Sales|Finance|IT|HR|Support|Procurement|Accounting|Engineering|Management|Operations|Design|Purchasing|Einkauf|Vertrieb|Buchhaltung|Technik|Personal|Rechtsabteilung|Recht)$/iu;

function explicit(owner: string): Owner {
  return { owner, status: 'explicit', candidates: [] };
}

function oneOf(candidates: readonly string[]): Owner {
  return candidates.length === 0
    ? UNASSIGNED
    : { owner: null, status: 'ambiguous', candidates: [...new Set(candidates)] };
}

/** The owner that some words name; a name that no contact has counts as said where `asSaid` allows it. */
function named(words: string, cast: Cast, asSaid: boolean): Owner {
  const meant = cast.resolve(words);
  if (meant.kind === 'one') return explicit(meant.name);
  if (meant.kind === 'several') return oneOf(meant.candidates);
  // Where contacts are known, a name that is none of them may be a company or a place.
  const isPerson = asSaid && cast.contacts.length === 0 && !DEPARTMENT.test(words) && !cast.isCompany(words);
  return isPerson ? explicit(words) : UNASSIGNED;
}

/** The owner where one or several people are named. */
export function ownerNamed(who: string, cast: Cast, asSaid: boolean): Owner {
  const names = who.split(/,? (?:and|or|&|und|oder) |, /u).filter((name) => name !== '');
  const [only, ...more] = names;
  if (only !== undefined && more.length === 0) return named(only, cast, asSaid);
  const all = names.flatMap((name) => {
    const { owner, candidates } = named(name, cast, asSaid);
    return owner === null ? candidates : [owner];
  });
  return oneOf(all);
}

/** What was said before a pronoun. */
export interface Before {
  /** The same sentence up to the pronoun. */
  readonly sentence: string;
  /** The sentence before it. */
  readonly previous: string;
  /** Everybody named in the note but the user. */
  readonly everybody: readonly string[];
}

/** Whom “he” or “she” means: the one person named just before, otherwise one of several. */
function meantBy({ sentence, previous, everybody }: Before, cast: Cast): Owner {
  for (const text of [sentence, previous]) {
    const mentions = cast.mentions(text);
    const names = mentions.flatMap(({ meant }) =>
      meant.kind === 'one' ? [meant.name] : meant.kind === 'several' ? meant.candidates : [],
    );
    const [only] = names;
    // “Marco's colleague … He …” is not Marco; further off, only who opens the sentence is meant.
    const isOther = /\p{Lu}\p{L}+'s(?!\p{L})/u.test(text) || (text === previous && (mentions[0]?.index ?? 0) > 12);
    if (only !== undefined && isOther) return oneOf(names);
    if (only !== undefined) return new Set(names).size === 1 ? explicit(only) : oneOf(names);
  }
  const [single] = everybody;
  return single !== undefined && everybody.length === 1 ? explicit(single) : oneOf(everybody);
}

/** The owner of what a subject does. */
export function ownerOf(subject: Subject, before: Before, cast: Cast, asSaid: boolean): Owner {
  if (subject.kind === 'self') return cast.user === undefined ? UNASSIGNED : explicit(cast.user);
  if (subject.kind === 'third') return /^(?:they|sie)$/iu.test(subject.words) ? UNASSIGNED : meantBy(before, cast);
  return subject.kind === 'names' ? ownerNamed(subject.names.join(' or '), cast, asSaid) : UNASSIGNED;
}
