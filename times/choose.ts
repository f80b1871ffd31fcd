import { commandsIn, type Group, groupsIn } from './groups.js';
import type { Mention } from './mention.js';

/** The mentions that say when, and the places of the text that are no part of what to be reminded of. */
interface Chosen {
  readonly mentions: readonly Mention[];
  readonly spans: readonly { readonly index: number; readonly end: number }[];
  /** Another time in the text that may have been meant just as well. */
  readonly rival: boolean;
}

const DETERMINER =
  /(?<!\p{L})(?:the|a|an|my|our|your|his|her|their|its|\p{L}+'s|das|die|der|den|dem|des|mein\p{L}{0,2}|unser\p{L}{0,2}|sein\p{L}{0,2}|ihr\p{L}{0,2}|eine?[nmrs]?|zum|zur|beim|vom) $/iu;
/** Words that may follow a time without being what the time describes. */
const NO_NOUN =
  /^(?:[^\p{L}]|(?:to|before|vor|and|und|remind|ping|please|bitte|so|that|dass|about|at|on|um|am|in|an|for|für|we|i|ich|wir|erinner\p{L}*|is|are|ist|sind|because|weil|when|wenn|until|bis|by|daran)(?!\p{L}))/iu;
/** “the notes of Friday”, “since Monday”: the time belongs to a thing. */
const OF_A_THING =
  /(?<!\p{L})(?:about|of|from|since|for|before|after|über|vom|von|vor|nach|seit|für|beim|zum)(?: the| my| our| den| dem| der)?\s*$/iu;

/** “remind me about Friday”: the day is the matter. */
const ABOUT_DAY = /(?<!\p{L})about(?: the)? $/iu;

/** Words with which a time is taken back. */
const CORRECTION =
  /(?<!\p{L})(?:no|nope|sorry|i mean|i meant|actually|rather|scratch that|make that|wait|instead of|nein|quatsch|sondern|doch lieber|stattdessen)(?!\p{L})/iu;

/** The rank of a time that stands beside the words that ask to be reminded. */
const BESIDE = 3;

/** Decides which mentions of a text say when to remind, and which belong to what to remind of. */
export function chooseTime(text: string, mentions: readonly Mention[]): Chosen {
  const commands = commandsIn(text);
  const described = mentions.filter((mention, index) => !describesThing(text, mention, mentions[index - 1]));
  const ranked = groupsIn(text, described)
    .map((group) => ({ group, rank: rankOf(text, group, commands) }))
    .filter(({ rank }) => rank > 0)
    .toSorted((a, b) => b.rank - a.rank);
  const [best, ...others] = ranked;
  if (best === undefined) return { mentions: [], spans: commands, rival: false };
  const groups = [best.group];
  let rival = hasExceptionAlone(best.group);
  for (const { group, rank } of others) {
    if (completes(groups, group)) groups.push(group);
    else rival ||= (best.rank < BESIDE || rank === best.rank || CORRECTION.test(text)) && !isVague(group);
  }
  return {
    mentions: groups.flatMap((group) => group.mentions).toSorted((a, b) => a.index - b.index),
    spans: [...commands, ...groups],
    rival,
  };
}

/** “the 3 pm notes”, “my Friday call”; not where “an hour before” leads there. */
function describesThing(text: string, mention: Mention, previous: Mention | undefined): boolean {
  if (!['clock', 'day', 'part', 'repeat'].includes(mention.kind)) return false;
  if (previous?.kind === 'offset' && text.slice(previous.end, mention.index).trim() === '') return false;
  const after = text.slice(mention.end);
  return DETERMINER.test(text.slice(0, mention.index)) && /^ \p{L}/u.test(after) && !NO_NOUN.test(after.slice(1));
}

function rankOf(text: string, group: Group, commands: readonly { index: number; end: number }[]): number {
  const first = group.mentions[0];
  if (first?.kind === 'day' && ABOUT_DAY.test(text.slice(0, first.index))) return 0;
  const isBeside = commands.some(
    ({ index, end }) =>
      (index >= group.end && isNothing(text.slice(group.end, index))) ||
      (end <= group.index && isNothing(text.slice(end, group.index))),
  );
  if (isBeside || commands.some(({ index }) => index > group.index && index < group.end)) return BESIDE;
  const isOfThing =
    OF_A_THING.test(text.slice(0, first?.index ?? 0)) || (first?.kind === 'limit' && first.limit === 'from');
  const repeats = group.mentions.some(({ kind }) => kind === 'repeat');
  if (isOfThing && !repeats && !isNothing(text.slice(0, group.index))) return 0;
  return isNothing(text.slice(0, group.index)) || isNothing(text.slice(group.end)) ? 2 : 1;
}

function isNothing(text: string): boolean {
  return /^(?:[\s,.;:!?()–—-]|(?<!\p{L})(?:and|und|then|dann|please|bitte|so|also|hey|hi|ok|okay|doch|mal|für|for|that|thanks|danke)(?!\p{L}))*$/iu.test(
    text,
  );
}

function kindsOf(mentions: readonly Mention[]): Set<string> {
  return new Set(
    mentions.map(({ kind }) => (kind === 'elapsed' || kind === 'calendar' || kind === 'repeat' ? 'day' : kind)),
  );
}

/** A day here and a time of day there make one time; two days do not. */
function completes(groups: readonly Group[], other: Group): boolean {
  const has = kindsOf(groups.flatMap((group) => group.mentions));
  const adds = kindsOf(other.mentions);
  if (
    isVague(other) ||
    has.has('doubt') ||
    groups.some(({ mentions }) => mentions.some(({ kind }) => kind === 'elapsed'))
  )
    return false;
  const isUseful = ['day', 'clock', 'part', 'zone', 'limit', 'except', 'lasting', 'count'].some((kind) =>
    adds.has(kind),
  );
  return (
    isUseful && [...adds].every((kind) => !has.has(kind)) && !(has.has('part') && adds.has('clock') && adds.has('day'))
  );
}

/** “not tomorrow but Friday”: an exception needs something that comes round. */
function hasExceptionAlone({ mentions }: Group): boolean {
  return mentions.some(({ kind }) => kind === 'except') && !mentions.some(({ kind }) => kind === 'repeat');
}

function isVague(group: Group): boolean {
  return group.mentions.every(({ kind }) => kind === 'doubt');
}
