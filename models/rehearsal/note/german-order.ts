import type { Temporal } from 'temporal-polyfill';
import { NAME, readClause } from '../clauses.js';
import { findDays } from '../days.js';

const SUBJECT_AFTER_VERB = new RegExp(
  `^(?<lead>(?:(?:bis|am|ab|spätestens|vor) )?.{2,80}?) (?<verb>\\p{Ll}+(?:e|t|et)|soll|muss|wird|werde) (?<who>ich|wir|(?:Herr|Frau) ${NAME}|${NAME})(?<rest>(?: .*)?)$`,
  'u',
);
const LEAD_AFTER = /^(?: (?:morning|afternoon|evening|at the latest|früh|abend|vormittag|nachmittag))?[,:]?\s+/iu;

/** "By Friday Eva sends it" and "Bis Freitag schickt Eva das Angebot" in the order subject, verb, object, date. */
export function straightened(clause: string, now: Temporal.ZonedDateTime | undefined): string {
  const opensWithObject = /^(?:den|dem|das|die|eine?n?) /iu.test(clause);
  if (now === undefined || (!opensWithObject && readClause(clause) !== undefined)) return clause;
  const groups = SUBJECT_AFTER_VERB.exec(clause)?.groups;
  if (groups !== undefined) {
    const turned = `${groups['who']} ${groups['verb']} ${groups['lead']}${groups['rest'] ?? ''}`;
    const isObject =
      /^(?:den|die|das|der|dem|eine?n?|bis|am|spätestens|morgen|übermorgen|heute|dann|danach|außerdem|ab) ?/iu.test(
        groups['lead'] ?? '',
      );
    if (isObject && readClause(turned) !== undefined) return turned.replace(/ (?:dann|danach|außerdem)(?= |$)/iu, '');
  }
  if (readClause(clause) !== undefined) return clause;
  const first = findDays(clause, now.toPlainDate())[0];
  if (!first || !/^(?:on |by |until |before |am |bis (?:zum )?)?$/iu.test(clause.slice(0, first.index))) return clause;
  const rest = clause.slice(first.end).replace(LEAD_AFTER, '');
  return readClause(rest)
    ? `${rest} ${clause.slice(0, first.end).replace(/^\p{Lu}/u, (letter) => letter.toLowerCase())}`
    : clause;
}
