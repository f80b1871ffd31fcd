import { contentWords, isPointing, partsOf } from './slice-words.js';

/** What was said in one request of a conversation, and what was answered. */
interface Exchange {
  readonly said: string;
  readonly reply: string;
}

/** What tells a topic from the others of its conversation. */
interface Topic {
  /** The words of the reminder. */
  readonly text: string;
  readonly about?: string | undefined;
  /** What was said when it was set. */
  readonly said?: string | undefined;
  /** Places of exchanges that are known to belong to it. */
  readonly known?: readonly number[];
}

/** The most that a word counts by being rare, and the least. */
const RAREST = 1.5;
const COMMONEST = 0.3;
/** Exchanges with more than this share of what the best one has of the topic's words belong to it. */
const SEED_SHARE = 0.5;
/** What the words count that say what the reminder is about, next to those it was set with. */
const OWN_WORDS = 2;
/** Groups of exchanges less like each other than this are two topics; one shared word makes them less so. */
const SAME_TOPIC = 0.2;
/** How much more like the topic than like anything else a group must be to be put under it. */
const CLEARLY = 1.2;
/** What it counts more to have a word that the reminder names. */
const NAMED = 1.5;
const ONE_WORD = 0.6;
/** What a word counts against likeness that stands in one exchange alone. */
const LONELY = 0.25;
/** What it adds to stand next to each other, where topics come in blocks. */
const NEXT_TO = 0.5;
/** So many words of its own one that points at what stands before it may have. */
const MOST_POINTING = 2;

type Vector = Map<string, number>;

/** Exchanges that hang together, with all their words. */
interface Group {
  readonly members: readonly number[];
  readonly places: ReadonlySet<number>;
  /** Words that stand in other exchanges too, by how often. */
  readonly words: Vector;
  /** The same by how often and how rare, of length 1 together. */
  readonly vector: Vector;
  /** How many words stand here alone. */
  readonly lonely: number;
}

/**
 * Places of the exchanges that belong to a topic, in order. Every exchange goes where its words draw it most, so that one
 * which shares a name with the topic stays with its own; a word counts by how rare it is here. An exchange without words
 * of its own goes with the one before it. Pure; what cannot be told is left out.
 */
export function sliceOf(exchanges: readonly Exchange[], topic: Topic): number[] {
  const vectors = vectorsOf(exchanges, topic);
  const units = unitsOf(exchanges, vectors);
  const seeds = seedsOf(units, vectors);
  for (const place of topic.known ?? []) {
    const unit = units.findIndex((members) => members.includes(place));
    if (unit >= 0) seeds.add(unit);
  }
  if (seeds.size === 0) return [];
  const own = units.filter((_, place) => seeds.has(place)).flat();
  const others = units.filter((_, place) => !seeds.has(place));
  const groups = [own, ...others].map((members) => groupOf(members, vectors));
  const chosen = gathered(groups, {
    weights: vectors.weights,
    times: sumOf(vectors.exchanges),
    named: vectors.topic,
    inBlocks: blocksOf(vectors.exchanges),
  });
  return withSurrounded(chosen, vectors.exchanges);
}

interface Vectors {
  readonly exchanges: readonly Vector[];
  readonly topic: Vector;
  readonly weights: ReadonlyMap<string, number>;
  /** The topic has words of its own, whether they were said before or not. */
  readonly isNamed: boolean;
}

function vectorsOf(exchanges: readonly Exchange[], topic: Topic): Vectors {
  const words = exchanges.map(({ said, reply }) => contentWords(`${said}\n${reply}`));
  const named = [contentWords(`${topic.text}\n${topic.about ?? ''}`), contentWords(topic.said ?? '')] as const;
  const vocabulary = new Set([...words.flat(), ...named.flat()]);
  const counted = words.map((list) => countsOf(list, vocabulary, 1));
  const frequency = new Map<string, number>();
  for (const vector of counted) for (const word of vector.keys()) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const own = sumOf([countsOf(named[0], vocabulary, OWN_WORDS), countsOf(named[1], vocabulary, 1)]);
  const weights = new Map<string, number>();
  for (const [word, times] of frequency)
    if (times > 1 || own.has(word)) weights.set(word, Math.min(RAREST, COMMONEST + Math.log(exchanges.length / times)));
  return { exchanges: counted, topic: own, weights, isNamed: own.size > 0 };
}

function countsOf(words: readonly string[], vocabulary: ReadonlySet<string>, times: number): Vector {
  const counts: Vector = new Map();
  for (const word of words)
    for (const part of [word, ...partsOf(word, vocabulary)]) counts.set(part, (counts.get(part) ?? 0) + times);
  return counts;
}

function sumOf(vectors: readonly Vector[]): Vector {
  const sum: Vector = new Map();
  for (const vector of vectors) for (const [word, count] of vector) sum.set(word, (sum.get(word) ?? 0) + count);
  return sum;
}

/**
 * What says nothing by itself goes with the one before it, and so does what points there and begins nothing else; unless
 * the answer takes up something that was not said there.
 */
function unitsOf(exchanges: readonly Exchange[], { exchanges: vectors }: Vectors): number[][] {
  const units: number[][] = [];
  for (const [place, { said }] of exchanges.entries()) {
    const before = units.at(-1);
    const own = new Set(contentWords(said));
    const words = [...(vectors[place]?.keys() ?? [])];
    const last = before?.map((member) => vectors[member]) ?? [];
    const isTaken = words.some((word) => vectors.some((other, at) => at < place && other.has(word)));
    const isNear = words.some((word) => last.some((vector) => vector?.has(word)));
    const leans = own.size === 0 || (own.size <= MOST_POINTING && isPointing(said));
    if (before !== undefined && leans && (isNear || !isTaken)) before.push(place);
    else units.push([place]);
  }
  return units;
}

/** The units that have most of what the topic is called; the last one where it is called nothing. */
function seedsOf(units: readonly (readonly number[])[], vectors: Vectors): Set<number> {
  if (!vectors.isNamed) return new Set(units.length === 0 ? [] : [units.length - 1]);
  const scores = units.map((members) => {
    const words = sumOf(members.map((member) => vectors.exchanges[member] ?? new Map<string, number>()));
    return [...vectors.topic].reduce(
      (sum, [word, count]) =>
        sum + (words.has(word) ? (vectors.weights.get(word) ?? 0) * Math.min(count, OWN_WORDS) : 0),
      0,
    );
  });
  const best = Math.max(0, ...scores);
  return new Set(scores.flatMap((score, place) => (score > 0 && score > best * SEED_SHARE ? [place] : [])));
}

function groupOf(members: readonly number[], { exchanges, weights }: Vectors): Group {
  const all = sumOf(members.map((member) => exchanges[member] ?? new Map<string, number>()));
  const words = new Map([...all].filter(([word]) => weights.has(word)));
  const places = new Set(members);
  return { members, places, words, vector: weighed(words, weights), lonely: all.size - words.size };
}

/** What groups are compared by. */
interface Scale {
  readonly weights: ReadonlyMap<string, number>;
  /** How often each word stands in the whole conversation. */
  readonly times: Vector;
  /** How much topics come in blocks, from 0 to 1. */
  readonly inBlocks: number;
  /** Words of the reminder itself, which draw towards the first group. */
  readonly named: Vector;
}

/** How much more often exchanges that follow each other have a word in common than any two have. */
function blocksOf(vectors: readonly Vector[]): number {
  let [pairs, like, next] = [0, 0, 0];
  for (const [place, vector] of vectors.entries())
    for (let other = 0; other < place; other += 1) {
      pairs += 1;
      if (!isSharing(vector, vectors[other])) continue;
      like += 1;
      if (other === place - 1) next += 1;
    }
  const [usual, following] = [like / Math.max(1, pairs), next / Math.max(1, vectors.length - 1)];
  return Math.max(0, Math.min(1, (following - usual) * 2));
}

function isSharing(one: Vector, other: Vector | undefined): boolean {
  for (const word of one.keys()) if (other?.has(word) === true) return true;
  return false;
}

/** Joins what is most alike first, until only different topics are left; the places of the first group. */
function gathered(groups: Group[], scale: Scale): number[] {
  const alive = new Set(groups.keys());
  const likeness = groups.map((row, at) =>
    groups.slice(0, at).map((column, to) => (to === 0 ? likeTopic(column, row, scale) : alike(row, column, scale))),
  );
  for (;;) {
    const best = closest(alive, likeness);
    const [into, from] = [groups[best?.into ?? -1], groups[best?.from ?? -1]];
    if (best === undefined || into === undefined || from === undefined || best.like < SAME_TOPIC)
      return (groups[0]?.members ?? []).toSorted((a, b) => a - b);
    const joined = joinedGroup(into, from, scale.weights);
    groups[best.into] = joined;
    alive.delete(best.from);
    for (const other of alive) {
      const [line, group] = [likeness[Math.max(other, best.into)], groups[other]];
      if (other === best.into || line === undefined || group === undefined) continue;
      if (other === 0) line[0] = likeTopic(group, joined, scale);
      else if (best.into === 0) line[0] = likeTopic(joined, group, scale);
      else line[Math.min(other, best.into)] = alike(joined, group, scale);
    }
  }
}

function joinedGroup(one: Group, other: Group, weights: ReadonlyMap<string, number>): Group {
  const words = sumOf([one.words, other.words]);
  const members = [...one.members, ...other.members];
  return {
    members,
    places: new Set(members),
    words,
    vector: weighed(words, weights),
    lonely: one.lonely + other.lonely,
  };
}

interface Pair {
  readonly into: number;
  readonly from: number;
  readonly like: number;
}

/** The pair that is most alike; the first group takes in only what is not nearly as much like another one. */
function closest(alive: ReadonlySet<number>, likeness: readonly (readonly number[])[]): Pair | undefined {
  let best: Pair | undefined;
  const places = [...alive].toSorted((a, b) => a - b);
  const rivals = new Float64Array(likeness.length);
  for (const from of places) {
    const line = likeness[from] ?? [];
    for (const into of places) {
      if (into >= from) break;
      const like = into === 0 ? 0 : (line[into] ?? 0);
      if (like === 0) continue;
      rivals[from] = Math.max(like, rivals[from] ?? 0);
      rivals[into] = Math.max(like, rivals[into] ?? 0);
      if (like > (best?.like ?? 0)) best = { into, from, like };
    }
  }
  for (const from of places) {
    const like = likeness[from]?.[0] ?? 0;
    if (like > (best?.like ?? 0) && like >= CLEARLY * (rivals[from] ?? 0)) best = { into: 0, from, like };
  }
  return best;
}

function weighed(words: Vector, weights: ReadonlyMap<string, number>): Vector {
  const values = [...words].map(([word, count]) => [word, (weights.get(word) ?? 0) * Math.log(1 + count)] as const);
  const length = Math.hypot(...values.map(([, value]) => value));
  return new Map(values.map(([word, value]) => [word, value / length]));
}

/** By the words two groups share, by how much of the smaller one that is, and by where they stand. */
function alike(one: Group, other: Group, { weights, times, inBlocks }: Scale): number {
  const [small, large] = one.members.length < other.members.length ? [one, other] : [other, one];
  let [product, shared, common, all] = [0, 0, 0, small.lonely * LONELY * RAREST];
  let isOurs = true;
  for (const [word, value] of small.vector) {
    const weight = weights.get(word) ?? 0;
    all += weight;
    const second = large.vector.get(word);
    if (second === undefined) continue;
    product += value * second;
    shared += 1;
    common += weight;
    isOurs &&= (one.words.get(word) ?? 0) + (other.words.get(word) ?? 0) === times.get(word);
  }
  if (shared === 0) return 0;
  const words = ((shared === 1 && !isOurs ? ONE_WORD : 1) * (product + common / all)) / 2;
  return words * (1 + NEXT_TO * Math.min(1, inBlocks * besides(small, large)));
}

/** The same for the group of the topic: a word that the reminder names draws to it, said there before or not. */
function likeTopic(topic: Group, other: Group, scale: Scale): number {
  const isNamed = [...other.words.keys()].some((word) => scale.named.has(word));
  if (!isNamed) return alike(topic, other, scale);
  const words = new Map(topic.words);
  for (const word of scale.named.keys()) if (scale.weights.has(word) && !words.has(word)) words.set(word, 1);
  return NAMED * alike({ ...topic, words, vector: weighed(words, scale.weights) }, other, scale);
}

/** How often one of the larger group stands next to one of the smaller, for each of the smaller. */
function besides(small: Group, large: Group): number {
  let count = 0;
  for (const place of small.members) count += Number(large.places.has(place - 1)) + Number(large.places.has(place + 1));
  return count / small.members.length;
}

/** One that shares no word with any other stands with those around it, where both sides of it are of one topic. */
function withSurrounded(chosen: readonly number[], vectors: readonly Vector[]): number[] {
  const inside = new Set(chosen);
  const frequency = new Map<string, number>();
  for (const vector of vectors) for (const word of vector.keys()) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const isLonely = (vector: Vector): boolean => [...vector.keys()].every((word) => frequency.get(word) === 1);
  const added = vectors.flatMap((vector, place) =>
    !inside.has(place) && isLonely(vector) && [-2, -1, 1, 2].every((step) => inside.has(place + step)) ? [place] : [],
  );
  return [...chosen, ...added].toSorted((a, b) => a - b);
}
