import type { Temporal } from 'temporal-polyfill';
import { NAME, startsWithSubject } from '../clauses.js';
import { WEEKDAY } from '../days.js';
import { tidy } from '../text.js';
import { findDue } from '../when.js';

/** Somebody, by name or as a list of names. */
const SOMEBODY = `(?:I|me|mine|ich|mir|${NAME})(?:(?: or | and | oder | und |, )(?:I|me|ich|mir|${NAME}))*`;

const OWNED: readonly RegExp[] = [
  new RegExp(
    `^(?<who>${SOMEBODY}) (?:am|is|are) on (?:it|that|this)(?: one)?(?: already)?(?<rest>(?:,.*| by .*| until .*)?)$`,
    'u',
  ),
  new RegExp(
    `^(?<who>${SOMEBODY}) (?:has|have|got|have got|has got|hat|habe) (?:that|this|it|those|them|das|es)(?: one)?(?: covered| in hand| on (?:his|her|my) (?:list|desk))?(?<rest>(?:,.*| by .*| until .*)?)$`,
    'u',
  ),
  new RegExp(
    `^(?:[Ll]eave|[Pp]ut|[Pp]ark) (?:that|it|this|those|them)(?: one)? (?:with|on|to|down to|for) (?<who>${SOMEBODY})(?<rest>(?:[ ,].*)?)$`,
    'u',
  ),
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
const IN_CHARGE: readonly RegExp[] = [
  new RegExp(
    `^(?<who>${SOMEBODY}) (?:am|is|are|ist|bin) (?:responsible for|in charge of|verantwortlich für|zuständig für) (?<what>.+)$`,
    'u',
  ),
  new RegExp(
    `^(?<who>${SOMEBODY}) (?:am|is|are) on (?<what>(?:the|our) (?!(?:board|phone|line|call|train|road|way|committee|team|list|move|other|same|market|ground|safe|panel|case|mend)(?!\\p{L})).+)$`,
    'u',
  ),
  new RegExp(`^(?<who>${SOMEBODY}) (?:owns?|took on|takes on|take on) (?<what>(?:the|our|a|an|all) .+)$`, 'u'),
  new RegExp(`^(?:[Ll]eave|[Pp]ut) (?<what>(?:the|our) .{2,60}?) (?:with|to|on|down to) (?<who>${SOMEBODY})$`, 'u'),
  new RegExp(
    `^[Vv]on (?<who>mir|${NAME}) (?:kommt|kommen|gibt es|bekommen wir|kriegen wir|erhalten wir)(?: noch)? (?<what>(?:der|die|das|den|ein|eine|einen) .+)$`,
    'u',
  ),
  new RegExp(
    `^(?<who>${SOMEBODY}) (?:still )?owes? (?:him|her|them|us|me|\\p{Lu}[\\p{L}-]+(?: \\p{Lu}[\\p{L}-]+)?) (?<what>.+)$`,
    'u',
  ),
];
const NEEDS_DOING =
  /^(?<what>(?:[Tt]he|[Oo]ur|[Aa]n?) .{2,60}?) (?:still )?(?:needs?) (?:\p{Ll}+ing|to be (?!in |at |there|here|ready)\p{Ll}+|somebody|someone|an owner|a volunteer)(?!\p{L})/u;
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
  const given = [ASSIGNED, ...IN_CHARGE].map((pattern) => pattern.exec(clause)?.groups).find(Boolean);
  if (given?.['who'] !== undefined && given['what'] !== undefined)
    return { kind: 'assigned', who: given['who'], what: `${given['what']}${given['rest'] ?? ''}` };
  const open = (INDEFINITE.exec(clause) ?? NEEDS_DOING.exec(clause))?.groups?.['what'];
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
  /^(?:and|also|und|auch|but|he|she|they|we|i|er|sie|wir|ich|said|says|promised|reckons|reckoned|thinks|hopes|has|have|had|got|gets?|wants?|needs?|needed|wanted|expected|until|till|by|on|at|the|latest|let|let's|me|us|him|them|her|say|some|time|sometime|before|it|will|must|should|can|be|is|are|that|that's|this|for|deadline|due|target|ideally|please|now|first|thing|close|of|business|end|done|finished|ready|complete|completed|signed|sorted|sent|out|back|over|sagt|sagte|meint|meinte|hat|habe|bis|am|spätestens|möglichst|idealerweise|zum|dann|die|der|das|es|frist|ist|would|asked|agreed|to|then|Christmas|holidays|raus|fertig|da|sein|muss|müssen|soll|sollen|geht|gehen|alles|beides|besten|mache|erledige|kommt|noch)$/iu;
/** “She is back on Monday” dates nobody's work. */
const WHEREABOUTS =
  /^(?:and |but |und |aber )?(?:he|she|they|we|I|er|sie|wir|ich) (?:am|is|are|will be|ist|sind|bin|has|have|can|could|kann|hat|habe|geht|gehen|kommt|muss)(?: \p{Ll}+)? ?(?:back|in|out|there|over|off|away|here|time|da|weg|noch|dann|wieder)?(?= (?:on|am|at|from|by|until|bis|\p{Lu}))/iu;
const HAS_TO_BE =
  /^(?:and |but |und |aber )?(?:(?:it|that|this|which|these|those|everything|both) (?:really |all |both |then )?|they (?:really |all |both )?)(?:has to|have to|needs? to|must|should|shall|ought to|(?:has|have) got to) be (?<state>(?:\p{L}+ ){0,5})/iu;

/** The due date of a clause that says nothing but when; such a clause belongs to the item beside it. */
export function onlyWhen(
  clause: string,
  now: Temporal.ZonedDateTime | undefined,
  theirZone?: string,
): string | undefined {
  const due = findDue(clause, now, theirZone);
  if (due === undefined || clause.split(/\s+/).length > 14) return undefined;
  const hasDeadline = /(?<!\p{L})(?:by|until|till|before|deadline|due|bis|spätestens)(?!\p{L})/iu.test(clause);
  if (HAS_TO_BE.test(clause) && hasDeadline) return due.due;
  if (WHEREABOUTS.test(clause) && !hasDeadline) return undefined;
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
    const isList = ONLY_NAMES.test(left.trim()) && assignmentIn(right.split(/[,;]/u)[0] ?? right) === undefined;
    if (isInside || left.trim() === '' || isList || REPORTED.test(left) || !opens(right, now)) continue;
    clauses.push(left);
    start = from;
  }
  return [...clauses, sentence.slice(start)].map(tidy).filter((clause) => clause !== '');
}
