import type { Saying } from './mention.js';
import { words } from './words.js';

/** Cities and regions that no IANA zone is named after, or that German calls by another name. */
const PLACES: Readonly<Record<string, string>> = {
  pacific: 'America/Los_Angeles',
  mountain: 'America/Denver',
  central: 'America/Chicago',
  eastern: 'America/New_York',
  uk: 'Europe/London',
  british: 'Europe/London',
  german: 'Europe/Berlin',
  deutsche: 'Europe/Berlin',
  french: 'Europe/Paris',
  japanese: 'Asia/Tokyo',
  japanische: 'Asia/Tokyo',
  indian: 'Asia/Kolkata',
  indische: 'Asia/Kolkata',
  nyc: 'America/New_York',
  'san francisco': 'America/Los_Angeles',
  la: 'America/Los_Angeles',
  california: 'America/Los_Angeles',
  seattle: 'America/Los_Angeles',
  boston: 'America/New_York',
  miami: 'America/New_York',
  washington: 'America/New_York',
  austin: 'America/Chicago',
  dallas: 'America/Chicago',
  houston: 'America/Chicago',
  montreal: 'America/Toronto',
  munich: 'Europe/Berlin',
  münchn: 'Europe/Berlin',
  münchen: 'Europe/Berlin',
  hamburg: 'Europe/Berlin',
  köln: 'Europe/Berlin',
  frankfurt: 'Europe/Berlin',
  wien: 'Europe/Vienna',
  zürich: 'Europe/Zurich',
  zürch: 'Europe/Zurich',
  genf: 'Europe/Zurich',
  geneva: 'Europe/Zurich',
  mailand: 'Europe/Rome',
  milan: 'Europe/Rome',
  rom: 'Europe/Rome',
  römisch: 'Europe/Rome',
  lissabon: 'Europe/Lisbon',
  moskau: 'Europe/Moscow',
  barcelona: 'Europe/Madrid',
  warschau: 'Europe/Warsaw',
  prag: 'Europe/Prague',
  athen: 'Europe/Athens',
  tokio: 'Asia/Tokyo',
  singapur: 'Asia/Singapore',
  peking: 'Asia/Shanghai',
  beijing: 'Asia/Shanghai',
  mumbai: 'Asia/Kolkata',
  delhi: 'Asia/Kolkata',
  bangalore: 'Asia/Kolkata',
  kathmandu: 'Asia/Kathmandu',
  'ho chi minh city': 'Asia/Ho_Chi_Minh',
};

/** Short names with the zone they stand for and their offset in minutes; undefined where the place decides. */
const CODES: Readonly<Record<string, readonly [string, number | undefined]>> = {
  UTC: ['UTC', undefined],
  GMT: ['UTC', undefined],
  CET: ['Europe/Berlin', 60],
  CEST: ['Europe/Berlin', 120],
  MEZ: ['Europe/Berlin', 60],
  MESZ: ['Europe/Berlin', 120],
  BST: ['Europe/London', 60],
  WET: ['Europe/Lisbon', 0],
  WEST: ['Europe/Lisbon', 60],
  EET: ['Europe/Helsinki', 120],
  EEST: ['Europe/Helsinki', 180],
  ET: ['America/New_York', undefined],
  EST: ['America/New_York', -300],
  EDT: ['America/New_York', -240],
  CT: ['America/Chicago', undefined],
  CDT: ['America/Chicago', -300],
  MT: ['America/Denver', undefined],
  MST: ['America/Denver', -420],
  MDT: ['America/Denver', -360],
  PT: ['America/Los_Angeles', undefined],
  PST: ['America/Los_Angeles', -480],
  PDT: ['America/Los_Angeles', -420],
  JST: ['Asia/Tokyo', 540],
  AEST: ['Australia/Sydney', 600],
  AEDT: ['Australia/Sydney', 660],
  NZST: ['Pacific/Auckland', 720],
  NZDT: ['Pacific/Auckland', 780],
};
/** Short names that several countries use, with zones in which no question is needed. */
const SHARED: Readonly<Record<string, readonly [string, number, readonly string[]]>> = {
  CST: ['America/Chicago', -360, ['America/']],
  IST: ['Asia/Kolkata', 330, ['Asia/Kolkata', 'Asia/Calcutta']],
};

type Reader = readonly [
  RegExp,
  (groups: Readonly<Record<string, string | undefined>>, own: string, written: string) => Saying | undefined,
];

const NO_PLACE =
  'same|this|that|next|last|first|every|any|no|what|which|usual|the|our|my|your|their|his|her|local|of|at|long|some|and|all|dieselbe|gleiche|dieser|in|zur|um|diese|dieser|meiner|ihrer|seiner|am|pm';

const NAME = `(?!(?:${NO_PLACE}) )[\\p{L}-]{2,40}(?:'s)?`;
const CLOCK_OF = '(?:(?:standard |daylight |local )?time|(?:orts)?zeit)';

/** Zones that a sentence names: “New York time”, “9am PST”, “Londoner Zeit”, “UTC+2”. */
export const ZONE_READERS: readonly Reader[] = [
  [words('(?:utc|gmt)(?<sign>[+-])(?<h>\\d{1,2})(?::?(?<m>\\d{2}))?'), (g) => offsetZone(g)],
  [
    words(`(?:in )?(?:${[...Object.keys(CODES), ...Object.keys(SHARED)].join('|').toLowerCase()})`),
    (_g, own, written) => coded(written.replace(/^in /i, ''), own),
  ],
  [words(`(?:in |nach )?(?<place>${NAME} ${NAME}) ${CLOCK_OF}`), (g) => placed(g['place'] ?? '')],
  [words(`(?:in |nach )?(?<place>${NAME}) ${CLOCK_OF}`), (g) => placed(g['place'] ?? '')],
  [
    words('(?:their|his|her|local) (?:local )?time|(?:ihrer|seiner|dortiger|deren) (?:orts)?zeit|ortszeit'),
    () => unknownPlace(),
  ],
];

function zoneSaying(zone: string, shown: number | undefined): Saying {
  return { kind: 'zone', zone, ...(shown !== undefined && { shown }) };
}

function offsetZone(groups: Readonly<Record<string, string | undefined>>): Saying | undefined {
  const [hours, minutes] = [Number(groups['h']), groups['m'] ?? '00'];
  return hours > 14
    ? undefined
    : zoneSaying(`${groups['sign']}${String(hours).padStart(2, '0')}:${minutes}`, undefined);
}

function coded(code: string, own: string): Saying | undefined {
  if (code !== code.toUpperCase()) return undefined;
  const known = CODES[code];
  if (known) return zoneSaying(...known);
  const [zone, shown, clear] = SHARED[code] ?? ['UTC', 0, []];
  if (clear.some((start) => own.startsWith(start))) return zoneSaying(zone, shown);
  return doubtful(
    `${code} is the time of several countries: which city's time do you mean, ${cityOf(zone)}'s or another?`,
  );
}

/** The city an IANA zone is named after, in words. */
export function cityOf(zone: string): string {
  return (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ');
}

function unknownPlace(): Saying {
  return doubtful('Which city’s time do you mean? Say it like “9:00 New York time”, or leave it out for your own.');
}

function doubtful(question: string): Saying {
  return { kind: 'doubt', question: { doubt: 'ambiguous', question } };
}

function placed(name: string): Saying | undefined {
  const zone = zoneOfPlace(name.replace(/'s$/i, ''));
  return zone === undefined ? undefined : zoneSaying(zone, undefined);
}

let zonesByCity: ReadonlyMap<string, string> | undefined;

function zoneOfPlace(name: string): string | undefined {
  zonesByCity ??= new Map(Intl.supportedValuesOf('timeZone').map((zone) => [plain(cityOf(zone)), zone]));
  const said = name.toLowerCase().replaceAll('-', ' ');
  const forms = [
    said,
    said.replace(/er$/, ''),
    said.replace(/r$/, ''),
    said.replace(/n?er$/, 'n'),
    said.replace(/ter$/, ''),
  ];
  for (const form of forms) {
    const zone = PLACES[form] ?? zonesByCity.get(plain(form));
    if (zone !== undefined) return zone;
  }
  return undefined;
}

function plain(name: string): string {
  return name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
