import type { Temporal } from 'temporal-polyfill';
import { NAME, startsWithSubject } from '../clauses.js';
import { WEEKDAY } from '../days.js';
import { tidy } from '../text.js';
import { findDue } from '../when.js';

/** Somebody, by name or as a list of names. */
const SOMEBODY = `(?:I|me|mine|ich|mir|${NAME})(?:(?: or | and | oder | und |, )(?:I|me|ich|mir|${NAME}))*`;

const OWNED: readonly RegExp[] = [
  new RegExp(
    `^(?:that|this|it|which)(?: one)?(?:'s| is| goes| stays| falls)(?: (?:then|all|clearly|still|going))* (?:on |with |for |up to |down to |to )?(?<who>${SOMEBODY})(?:'s (?:job|task|part))?(?<rest>(?:[ ,].*)?)$`,
    'u',
  ),
  new RegExp(
    `^(?<who>${SOMEBODY}) (?:will |shall |then )*(?:own|owns|take|takes|do|does|handle|handles|cover|covers|own up to|sort out|sorts out|look after|looks after|take care of|takes care of) (?:that|it|this|those|these|them|both)(?: one)?(?<rest>(?:[ ,].*)?)$`,
    'u',
  ),
  new RegExp(
    `^(?:das|dies|es|darum|die|den) (?:mache?t?|übernehme|übernimmt|erledigt?e?|klärt?e?|kümmere?t?(?: sich)?|liegt bei|ist bei|geht an) (?<who>${SOMEBODY})(?: mich)?(?<rest>(?:[ ,].*)?)$`,
    'iu',
  ),
  new RegExp(
    `^(?<who>${SOMEBODY}) (?:mache?t?|übernehme|übernimmt|erledigt?e?|kümmere?t? (?:mich|sich)) (?:das|es|darum|dies|beides)(?<rest>(?:[ ,].*)?)$`,
    'u',
  ),
];

const ASSIGNED = new RegExp(
  `^(?<what>(?:[Tt]he|[Oo]ur|[Dd]ie|[Dd]er|[Dd]as) .{2,80}?) (?:is|are|goes|go|stays|stay|liegt|liegen|bleibt) (?:on|to|with|bei) (?<who>${SOMEBODY})(?<rest>(?:[ ,].*)?)$`,
  'u',
);
const IN_CHARGE = new RegExp(
  `^(?<who>${SOMEBODY}) (?:am|is|are|ist|bin) (?:responsible for|in charge of|verantwortlich für|zuständig für) (?<what>.+)$`,
  'u',
);
const OWED = /^I (?:still )?owe (?:him|her|them|\p{Lu}[\p{L}-]+(?: \p{Lu}[\p{L}-]+)?) (?<what>.+)$/u;
const INDEFINITE =
  /^(?:[Ss]omebody|[Ss]omeone|[Aa]nybody|[Oo]ne of us|[Jj]emand|[Ii]rgendwer|[Ii]rgendjemand|[Ee]iner von uns)(?: \p{Ll}+)? (?:has to|needs to|must|should|will|ought to|muss|müsste|sollte|soll|wird)(?: still| noch)? (?<what>.+)$/u;
const DUE =
  /^(?:the |our |der |die |das )?(?<what>\p{L}[^,]{2,60}?) (?:is|are|ist|sind|will be) (?:then )?(?:due|fällig)(?!\p{L})/iu;

/** What a clause says about who does what, apart from a plain subject and verb. */
export type Assignment =
  /** “Ellen owns that”: the work was named before. */
  | { readonly kind: 'owned'; readonly who: string; readonly rest: string }
  /** “The slides are with Tom”. */
  | { readonly kind: 'assigned'; readonly who: string; readonly what: string }
  /** “Somebody has to call the landlord”. */
  | { readonly kind: 'nobody'; readonly what: string }
  /** “The prototype is due on Thursday”. */
  | { readonly kind: 'due'; readonly what: string };

/** Reads such a clause; undefined for any other. */
export function assignmentIn(clause: string): Assignment | undefined {
  for (const pattern of OWNED) {
    const groups = pattern.exec(clause)?.groups;
    if (groups?.['who'] !== undefined) return { kind: 'owned', who: groups['who'], rest: tidy(groups['rest'] ?? '') };
  }
  const given = (ASSIGNED.exec(clause) ?? IN_CHARGE.exec(clause))?.groups;
  if (given?.['who'] !== undefined && given['what'] !== undefined)
    return { kind: 'assigned', who: given['who'], what: `${given['what']}${given['rest'] ?? ''}` };
  const owed = OWED.exec(clause)?.groups?.['what'];
  if (owed !== undefined) return { kind: 'assigned', who: 'I', what: owed };
  const open = INDEFINITE.exec(clause)?.groups?.['what'];
  if (open !== undefined) return { kind: 'nobody', what: open };
  const due = DUE.exec(clause)?.groups?.['what'];
  return due === undefined ? undefined : { kind: 'due', what: due };
}

const PERSON = `(?:I|we|he|she|they|it|ich|wir|er|sie|${NAME})`;
const NEEDS: readonly RegExp[] = [
  /(?:^|(?<=, )|(?<=[;.] ))(?:and |und )?(?:for that|for this|for which|dafür|dazu|hierfür) (?<y>.+)$/iu,
  /^(?:that|this|it|which|das|dies) (?:needs|depends on|requires|waits for|braucht|hängt (?:\p{L}+ )?(?:an|von)|setzt voraus) (?<y>.+)$/iu,
];
const NEEDED_FOR = new RegExp(
  `^${PERSON} (?:\\p{Ll}+ )?(?:needs?|brauche?t?) (?:that|this|it|those|them|das|es|die)(?: \\p{Ll}+)? (?:for|to|für|um) (?<x>.+)$`,
  'iu',
);
const BLOCKED = new RegExp(
  `^${PERSON} (?:\\p{Ll}+ )?(?:cannot|can't|can not|can only|couldn't|kann|können)(?: \\p{Ll}+)?(?<x>.*?) (?:without|before|until|once|after|when|ohne|bevor|erst wenn|sobald) (?<y>.+)$`,
  'iu',
);
const RELIES = /^(?<x>.{3,80}?) (?:depends? on|waits? for|hängt (?:\p{L}+ )?(?:an|von)|wartet auf) (?<y>.+)$/iu;
const BEFORE_MEETING =
  /^(?:so |and |also |und )*(?<y>.{3,80}?) (?:has to|have to|must|needs to|should|muss|müssen|soll) (?:be )?(?:finished|done|ready|complete|there|fertig|erledigt)?(?: sein)? ?(?:before|by|until|bis|vor|davor) ?(?:that|then|the (?:call|meeting|review)|dahin)?$/iu;

/** What waits for what; `x` may be `followUpMeeting`. An empty `x` is the item just spoken of; an empty `y` the one before. */
export interface Need {
  readonly x: string;
  readonly y: string;
}

/** A clause that says that one piece of work waits for another. */
export function needIn(clause: string): Need | undefined {
  for (const pattern of NEEDS) {
    const y = pattern.exec(clause)?.groups?.['y'];
    if (y !== undefined) return { x: '', y };
  }
  const wanted = NEEDED_FOR.exec(clause)?.groups?.['x'];
  if (wanted !== undefined) return { x: wanted, y: '' };
  const before = BEFORE_MEETING.exec(clause)?.groups?.['y'];
  if (before !== undefined) return { x: 'followUpMeeting', y: before };
  const groups = (BLOCKED.exec(clause) ?? RELIES.exec(clause))?.groups;
  if (groups?.['y'] === undefined) return undefined;
  return { x: tidy(groups['x'] ?? ''), y: groups['y'] };
}

const ONLY_WHEN =
  /^(?:and|also|und|auch|but|he|she|they|we|i|er|sie|wir|ich|said|says|promised|has|have|had|got|wants?|needs?|until|till|by|on|at|the|latest|let's|say|some|time|sometime|before|it|will|be|is|that|that's|for|deadline|due|ideally|sagt|sagte|hat|habe|bis|am|spätestens|zum|dann|die|der|das|frist|ist|would|asked|agreed|to|then|Christmas|holidays)$/iu;

/** The due date of a clause that says nothing but when; such a clause belongs to the item beside it. */
export function onlyWhen(
  clause: string,
  now: Temporal.ZonedDateTime | undefined,
  theirZone?: string,
): string | undefined {
  const due = findDue(clause, now, theirZone);
  if (due === undefined || clause.split(/\s+/).length > 12) return undefined;
  const words = due.rest.split(/[\s,.;]+/u).filter((word) => word !== '');
  return words.every((word) => ONLY_WHEN.test(word)) ? due.due : undefined;
}

const JOINT =
  /\s*[;–]\s*|,\s*(?:(?:and|but|so|then|also|while|und|aber|dann|also|sowie|obviously)\s+)*|\s+(?:and|but|so|while|then|und|aber)\s+(?:(?:then|also|that|dann|auch|so)\s+)*/gu;
const REPORTED =
  /(?<!\p{L})(?:said|says|asked|asks|replied|thinks?|hopes?|believes?|sagte|sagt|meinte|meint)[\s:,"]*$/iu;
const SUBORDINATED = /(?<!\p{L})(?:that|whether|if|dass|ob|who|which)\s*$/iu;
const ONLY_NAMES = new RegExp(`^(?:${NAME}|I|me|ich)(?:, (?:${NAME}|I|me|ich))*$`, 'u');
const LOOK_AHEAD = 300;

function opens(right: string, now: Temporal.ZonedDateTime | undefined): boolean {
  const chunk = right.split(/[,;]/u)[0] ?? right;
  return (
    startsWithSubject(right) ||
    assignmentIn(chunk) !== undefined ||
    needIn(chunk) !== undefined ||
    (chunk.split(/\s+/).length > 1 &&
      onlyWhen(chunk, now) !== undefined &&
      !new RegExp(`^(?:${WEEKDAY})$`, 'iu').test(chunk))
  );
}

/** The clauses of a sentence: it is cut where a new subject, an assignment, a need or a date of its own begins. */
export function noteClauses(sentence: string, now: Temporal.ZonedDateTime | undefined): string[] {
  const clauses: string[] = [];
  let start = 0;
  for (const joint of sentence.matchAll(JOINT)) {
    const left = sentence.slice(start, joint.index);
    const from = joint.index + joint[0].length;
    const right = sentence.slice(from, from + LOOK_AHEAD);
    const isInside = !joint[0].includes(',') && SUBORDINATED.test(left);
    if (isInside || left.trim() === '' || ONLY_NAMES.test(left.trim()) || REPORTED.test(left) || !opens(right, now))
      continue;
    clauses.push(left);
    start = from;
  }
  return [...clauses, sentence.slice(start)].map(tidy).filter((clause) => clause !== '');
}
