import { zoneOfCity } from './zones.js';

const REGIONS: Readonly<Record<string, string>> = {
  pacific: 'America/Los_Angeles',
  mountain: 'America/Denver',
  central: 'America/Chicago',
  eastern: 'America/New_York',
  uk: 'Europe/London',
  german: 'Europe/Berlin',
  french: 'Europe/Paris',
  japanese: 'Asia/Tokyo',
  indian: 'Asia/Kolkata',
};

/** Cities after which no zone is named. */
const CITIES: Readonly<Record<string, string>> = {
  'san francisco': 'America/Los_Angeles',
  seattle: 'America/Los_Angeles',
  'san diego': 'America/Los_Angeles',
  portland: 'America/Los_Angeles',
  boston: 'America/New_York',
  miami: 'America/New_York',
  atlanta: 'America/New_York',
  washington: 'America/New_York',
  philadelphia: 'America/New_York',
  austin: 'America/Chicago',
  dallas: 'America/Chicago',
  houston: 'America/Chicago',
  montreal: 'America/Toronto',
  munich: 'Europe/Berlin',
  hamburg: 'Europe/Berlin',
  geneva: 'Europe/Zurich',
  basel: 'Europe/Zurich',
  barcelona: 'Europe/Madrid',
  milan: 'Europe/Rome',
  porto: 'Europe/Lisbon',
  manchester: 'Europe/London',
  edinburgh: 'Europe/London',
  mumbai: 'Asia/Kolkata',
  bangalore: 'Asia/Kolkata',
  delhi: 'Asia/Kolkata',
  osaka: 'Asia/Tokyo',
  beijing: 'Asia/Shanghai',
  'abu dhabi': 'Asia/Dubai',
  rio: 'America/Sao_Paulo',
};

function zoneOfPlace(place: string): string | undefined {
  return CITIES[place.toLowerCase()] ?? zoneOfCity(place);
}

const PLACE =
  '(?<city>(?!(?:Same|This|That|Next|Last|First|Every|Any|No|What|Our|Your|Which|Usual)(?!\\p{L}))\\p{Lu}[\\p{L}-]+(?: \\p{Lu}[\\p{L}-]+)?)';
const CLOCK_OF = new RegExp(`${PLACE}(?:'s)? time(?!\\p{L})`, 'u');
const REGION =
  /(?<!\p{L})(?<region>Pacific|Mountain|Central|Eastern)(?: (?:standard |daylight )?time)?(?![\p{L}-]| (?!time)\p{Lu})/u;
const NATION = /(?<!\p{L})(?<region>UK|German|French|Japanese|Indian) time(?!\p{L})/u;
const THEIRS =
  /(?<!\p{L})(?:their|his|her|your|local)(?: local)? (?:time|morning|afternoon|evening|side)(?!\p{L})|(?<!\p{L})(?:over there|(?:deren|ihrer|dortiger) (?:orts)?zeit)(?!\p{L})/iu;
const CODES = /(?<!\p{L})(?:[ECMP][SD]T|CES?T|EES?T|WES?T|BST|IST|JST|AES?T)(?!\p{L})|(?:UTC|GMT)[+-]\d/u;

/** The zone a time is said in, or undefined where it is foreign and unclear. `theirs` is where the other side lives. */
export function zoneSaid(text: string, own: string, theirs?: string): string | undefined {
  if (/(?<!\p{L})(?:UTC|GMT)(?!\p{L}|[+-]\d)/u.test(text)) return 'UTC';
  if (CODES.test(text)) return undefined;
  const region = (REGION.exec(text) ?? NATION.exec(text))?.groups?.['region']?.toLowerCase();
  if (region !== undefined) return REGIONS[region];
  if (THEIRS.test(text)) return theirs;
  const city = CLOCK_OF.exec(text)?.groups?.['city'];
  return city === undefined ? own : zoneOfPlace(city);
}

/** The one zone other than `own` whose city a text names; undefined where it names none or several. */
export function foreignZone(text: string, own: string): string | undefined {
  const places = [...text.matchAll(new RegExp(`(?<!\\p{L})(?:in|from|aus|of|at) ${PLACE}`, 'gu'))];
  const names = places.flatMap((match) => {
    const city = match.groups?.['city'] ?? '';
    return [city, city.split(' ')[0] ?? ''];
  });
  const zones = new Set(names.flatMap((name) => zoneOfPlace(name) ?? []).filter((zone) => zone !== own));
  return zones.size === 1 ? [...zones][0] : undefined;
}
