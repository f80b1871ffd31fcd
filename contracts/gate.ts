import { EFFECT_CLASSES, type EffectClass, type Label, type Verdict } from './effect-class.js';

/** How the place that text goes to was chosen; only `chosen` by the model is a way for content to leave. */
export type Destination = 'allowed' | 'typed' | 'found' | 'chosen';

/** Among the destinations of a call, the search service that the configuration names. */
export const SEARCH_SERVICE = 'search-service:';

/** What is known of the places that a call may reach. */
export interface KnownPlaces {
  /** What the user has typed in the request. */
  readonly typed: readonly string[];
  /** Addresses that searches of the request have found. */
  readonly found: readonly string[];
  /** The configuration allows the host. */
  readonly allows: (url: string) => boolean;
}

export interface GateQuestion {
  readonly effect: EffectClass;
  readonly labels: readonly Label[];
  /** A standing policy of the user covers this skill and every recipient. */
  readonly relaxed?: boolean;
  /**
   * For `egress`: the host is allow-listed, the user typed the address, it stood verbatim in an answer of the search
   * endpoint, or the model chose it (the default).
   */
  readonly destination?: Destination;
}

/**
 * Whether a call may run. The one rule for all skills, asked when the model has chosen a call and again when it runs.
 * Reading and the user's own workspace are free; text that leaves the house is free to a place the model did not choose,
 * or from an agent that has seen nothing private; what other people see and what cannot be undone waits for a person,
 * who may have settled it beforehand for outward calls of agents that have read nobody else's words.
 */
export function gate({ effect, labels, relaxed = false, destination = 'chosen' }: GateQuestion): Verdict {
  switch (effect) {
    case 'read':
    case 'internal':
      return 'run';
    case 'egress':
      return destination !== 'chosen' || !labels.includes('private') ? 'run' : 'approve';
    case 'outward':
      return relaxed && !labels.includes('untrusted') ? 'run' : 'approve';
    case 'destructive':
      return 'approve';
    default:
      return unknownClass(effect);
  }
}

const FROM_SAFEST: readonly Destination[] = ['allowed', 'typed', 'found', 'chosen'];

/** How the places of a call came to be chosen; of several the one that counts most. Without any, the model chose. */
export function destinationOf(urls: readonly string[], places: KnownPlaces): Destination {
  const typed = new Set(places.typed.flatMap(addressesIn));
  const found = new Set(places.found.flatMap((url) => addressOf(url) ?? []));
  const ways = urls.map((url): Destination => {
    const address = addressOf(url);
    if (url === SEARCH_SERVICE || places.allows(url)) return 'allowed';
    if (address === undefined) return 'chosen';
    return typed.has(address) ? 'typed' : found.has(address) ? 'found' : 'chosen';
  });
  return FROM_SAFEST.findLast((way) => ways.includes(way)) ?? 'chosen';
}

const LONGEST_ADDRESS = 2_000;
const ADDRESS = /https?:\/\/[^\s<>"]+/giu;
/** As people write it: without `https://`. */
const BARE_ADDRESS = /(?<![\w@:./-])(?:[a-z0-9-]+\.)+[a-z]{2,}(?![\w@-]|\.\w)(?:[/?#][^\s<>"]*)?/giu;
const PUNCTUATION = /[.,;:!?)\]}'’”»*_`]+$/u;

/** Every address that stands in a text, also without the punctuation that may belong to the sentence. */
function addressesIn(text: string): string[] {
  const bare = text.replace(ADDRESS, ' ').match(BARE_ADDRESS) ?? [];
  const written = [...(text.match(ADDRESS) ?? []), ...bare.map((address) => `https://${address}`)];
  return written
    .filter((address) => address.length <= LONGEST_ADDRESS)
    .flatMap((address) => [address, address.replace(PUNCTUATION, '')])
    .flatMap((address) => addressOf(address) ?? []);
}

/** One form for all ways to write an address that ask a server for the same: no fragment, https before http. */
function addressOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  url.hash = '';
  if (url.protocol === 'http:' && url.port === '') url.protocol = 'https:';
  return url.href;
}

/** A class that this version does not know, as a row of a newer one may hold, never runs. */
function unknownClass(_effect: never): Verdict {
  return 'refuse';
}

const STRICTNESS: readonly Verdict[] = ['run', 'approve', 'refuse'];

/** Of two verdicts on one call, the one that counts. */
export function stricter(a: Verdict, b: Verdict): Verdict {
  return STRICTNESS.indexOf(a) >= STRICTNESS.indexOf(b) ? a : b;
}

/** A skill may raise its class for one input, never lower it. */
export function raised(declared: EffectClass, classified: EffectClass): EffectClass {
  return EFFECT_CLASSES.indexOf(classified) > EFFECT_CLASSES.indexOf(declared) ? classified : declared;
}
