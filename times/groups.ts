import type { Mention } from './mention.js';

/** Mentions that stand together and so speak of one time; the end is excluded. */
export interface Group {
  readonly mentions: readonly Mention[];
  readonly index: number;
  readonly end: number;
}

/** How a sentence asks to be reminded, English and German. */
const COMMAND =
  /(?<!\p{L})(?:(?:could|can|would|will) you |please |bitte |i(?:'d| would) like (?:you )?to |i want (?:you )?to |kannst du |könntest du )*(?:(?:remind|ping|nudge|notify|alert|message|text|wake|tell|buzz) (?:me|us)(?: (?:again|up|please))?|(?:set|create|make|add|schedule)(?: me| up)? (?:a |an |another |the )?(?:reminder|alarm|timer)(?: for me)?|(?:a )?reminder|(?:let me know)|(?:erinnere?|weck|wecke|benachrichtige)(?:st du| du)? (?:mich|uns)(?: bitte| dann| nochmal)*|(?:mich|uns) (?:zu )?erinnern|(?:sag|gib) mir (?:bitte )?(?:bescheid|kurz bescheid)|(?:kannst|könntest|würdest|willst) du (?:mich|uns)|erinnern(?=[.!?]*$)|sag mir|(?:stell|setz)e? (?:mir )?(?:bitte )?(?:einen |eine )?(?:wecker|erinnerung|timer)(?: auf| für)?|erinnerung)(?:,? (?:please|bitte))?(?!\p{L})/giu;

/** Words between two mentions of one time. */
const GLUE = new Set(
  (
    'at on by around about roughly in for of and then so the um am an gegen ca circa ungefähr etwa so jeweils immer always und dann bitte please im zur zum den dem der ' +
    'each every approximately exactly sharp punkt genau local from between zwischen von vom is it that day or oder starting once again wieder noch later'
  ).split(' '),
);
/** What may stand before a time and belongs to it. */
const LEAD =
  /(?:^|[\s,(–-])(?:(?:at|on|by|around|about|roughly|approximately|in|for|um|am|an|gegen|ca\.|circa|ungefähr|etwa|so|immer|always|jeweils|from|between|zwischen|von|ab|starting|the|every|sometime|punkt|genau|exactly|due|@) )+$/iu;
const TAIL = /^(?: ?(?:sharp|or so|-?ish|rum|herum|punkt|please|bitte|exactly|genau)(?!\p{L}))+/iu;

/** “an hour before the 5 pm stand-up to …”: what begins then, where something else follows that it is about. */
const EVENT = /^(?: [\p{L}'-]+){1,5}?(?=,| to )/u;

/** The places of the words with which a sentence asks to be reminded. */
export function commandsIn(text: string): { index: number; end: number }[] {
  return [...text.matchAll(COMMAND)].map((match) => ({ index: match.index, end: match.index + match[0].length }));
}

/** Joins mentions between which nothing but small words, or the request itself, stands. */
export function groupsIn(text: string, mentions: readonly Mention[]): Group[] {
  const groups: Mention[][] = [];
  for (const mention of mentions) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (group && last && isGlue(text.slice(last.end, mention.index), group, mention)) group.push(mention);
    else groups.push([mention]);
  }
  return groups.map((members) => groupOf(text, members));
}

function groupOf(text: string, mentions: readonly Mention[]): Group {
  const [first, last] = [mentions[0]?.index ?? 0, mentions.at(-1)?.end ?? 0];
  const lead = LEAD.exec(text.slice(0, first));
  const tail = TAIL.exec(text.slice(last));
  const index = lead === null ? first : lead.index + (/^[\s,(–-]/.test(lead[0]) ? 1 : 0);
  const event = mentions.some(({ kind }) => kind === 'offset') ? EVENT.exec(text.slice(last)) : null;
  return { mentions, index, end: last + ((event ?? tail)?.[0].length ?? 0) };
}

/** After “an hour before” the words for what begins then may stand in between: “my three o'clock call tomorrow”. */
function isGlue(between: string, group: readonly Mention[], next: Mention): boolean {
  const text = between.replace(COMMAND, ' ').trim();
  if (group.at(-1)?.kind === 'clock' && next.kind === 'clock' && text === 'to') return true;
  if (group.some(({ kind }) => kind === 'offset') && /^(?:(?!to |um |zu )[\p{L}'-]+ ?){0,4}$/u.test(text)) return true;
  return text.split(/[\s,;:()–—-]+/u).every((word) => word === '' || GLUE.has(word.toLowerCase().replace(/\.$/, '')));
}
