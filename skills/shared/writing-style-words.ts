/** What the words of one mail show of how it is written. Everything here is deterministic and takes any text. */

type Language = 'de' | 'en';
type Formality = 'du' | 'Sie';

const MOST_CHARACTERS = 200_000;
const LONGEST_LINE = 200;
const LONGEST_OPENING = 80;
/** How much of a mail tells its language and form of address. */
const TELLING_CHARACTERS = 5_000;

const QUOTED = /^\s*>/;
const ATTRIBUTION = /^\s*(?:On|Am|Le)\s.{1,300}(?:wrote|schrieb|a écrit)(?:\s.{1,100})?\s?:\s*$/u;
const FORWARDED = /^\s*-{2,}\s*(?:Original Message|Forwarded message|Ursprüngliche Nachricht|Weitergeleitete)/iu;
const HEADER_FROM = /^\s*\*?(?:From|Von):/u;
const HEADER_NEXT = /^\s*\*?(?:Sent|Date|To|Gesendet|Datum|An):/u;

/** The lines the sender wrote, trimmed at their ends: no quotes, nothing of the mail that is answered, no signature block. */
export function ownLines(body: string): string[] {
  const lines = body
    .slice(0, MOST_CHARACTERS)
    .replaceAll(/\r\n?/g, '\n')
    .split('\n')
    .map((line) => line.trimEnd());
  const own: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (QUOTED.test(line)) continue;
    if (line === '--' || FORWARDED.test(line)) break;
    if (HEADER_FROM.test(line) && HEADER_NEXT.test(lines[index + 1] ?? '')) break;
    const length = attributionAt(lines, index);
    if (length === 0) own.push(line);
    else if (QUOTED.test(lines.slice(index + length).find((next) => next !== '') ?? '')) index += length - 1;
    else break;
  }
  return own;
}

/** How many lines from here say who wrote what follows; mail programs wrap them. */
function attributionAt(lines: readonly string[], index: number): 0 | 1 | 2 {
  const line = lines[index] ?? '';
  if (line.length > 2 * LONGEST_LINE) return 0;
  if (line.endsWith(':')) return ATTRIBUTION.test(line) ? 1 : 0;
  const next = lines[index + 1] ?? '';
  const isWrapped = next.endsWith(':') && next.length <= LONGEST_LINE && ATTRIBUTION.test(`${line} ${next}`);
  return isWrapped ? 2 : 0;
}

const GREETER =
  /^(?:dear|hi|hello|hey|greetings|good (?:morning|afternoon|evening|day)|hallo|liebe[rs]?|werte[rs]?|sehr geehrte[rs]?|guten (?:tag|morgen|abend)|moin(?: moin)?|servus|grüezi|grüß (?:dich|euch|sie|gott)|salut|bonjour|ciao|hola)(?![\p{L}\p{N}])/iu;
const ABBREVIATION = /(?:^|\s)(?:Dr|Prof|Mr|Mrs|Ms|Hr|Fr|St|Dipl|Ing)$/u;
/** Words of a greeting that stand for nobody in particular, or go before any name. */
const NO_NAMES = new Set(
  'all alle allerseits zusammen team everyone everybody folks friends freunde sir madam damen herren herr herrn frau mr mrs ms dr prof there both beide colleagues kollegen kolleginnen kollege kollegin again liebe lieber liebes dear und and sehr geehrte geehrter an euch dich sie gott'.split(
    ' ',
  ),
);

/** Parts of the addresses' local parts, in lower case: what a recipient may be called by. */
export function namesIn(addresses: readonly string[]): Set<string> {
  const parts = addresses.flatMap((address) => address.slice(0, address.lastIndexOf('@')).split(/[^\p{L}]+/u));
  return new Set(parts.filter((part) => part.length > 1).map((part) => part.toLowerCase()));
}

/** The greeting with `{name}` for whom it greets; undefined where the mail begins without one. */
export function greetingOf(lines: readonly string[], names: ReadonlySet<string>): string | undefined {
  const first = lines.find((line) => line.trim() !== '')?.trim() ?? '';
  const opening = openingOf(first.slice(0, LONGEST_LINE));
  if (opening === undefined) return undefined;
  const greeter = GREETER.exec(opening)?.[0];
  if (greeter !== undefined) return greeter + withoutNames(opening.slice(greeter.length), isName(names));
  // Any other word greets where it stands on a line of its own with the recipient's name.
  const isGreeting = opening === first && /[,!]$/.test(opening) && opening.split(/\s+/).length <= 4;
  const named = withoutNames(opening, (word) => names.has(word.toLowerCase()));
  return isGreeting && named.includes('{name}') ? named : undefined;
}

/** Known ones, and any with a capital letter that are no form of address. */
function isName(names: ReadonlySet<string>): (word: string) => boolean {
  return (word) => !NO_NAMES.has(word.toLowerCase()) && (names.has(word.toLowerCase()) || /^\p{Lu}/u.test(word));
}

/** The line up to the mark that ends a greeting, where that is short enough to be one. */
function openingOf(line: string): string | undefined {
  let end = -1;
  for (const mark of line.matchAll(/[,!:;.–—]/g)) {
    if (mark[0] === '.' && ABBREVIATION.test(line.slice(0, mark.index))) continue;
    end = mark.index;
    break;
  }
  const opening =
    end < 0 ? line : /[,!:]/.test(line[end] ?? '') ? line.slice(0, end + 1) : line.slice(0, end).trimEnd();
  const words = opening.split(/\s+/).length;
  return opening !== '' && opening.length <= LONGEST_OPENING && words <= (end < 0 ? 5 : 8) ? opening : undefined;
}

function withoutNames(text: string, isAName: (word: string) => boolean): string {
  return text
    .replaceAll(/[\p{L}\p{M}'’]+(?:-[\p{L}\p{M}'’]+)*/gu, (word) => (isAName(word) ? '{name}' : word))
    .replaceAll(/\{name\}(?:,? (?:(?:und|and|&) )?\{name\})+/g, '{name}');
}

const SIGN_OFF = [
  '(?:(?:with )?(?:(?:my|kind|kindest|warm|warmest|best) )+)?regards',
  'best(?: wishes)?|warmly|all the best|cheers|sincerely(?: yours)?|yours(?: (?:sincerely|faithfully|truly))?',
  '(?:many )?thanks(?: (?:again|a lot|so much|in advance))?|thank you(?: (?:again|very much|so much|in advance))?',
  'take care|talk soon|see you(?: (?:soon|then|there|tomorrow))?|have a (?:nice|good|great|lovely) \\p{L}+|br',
  '(?:mit )?(?:(?:viele|vielen|freundliche|freundlichen|freundlichem|herzliche|herzlichen|herzlichem|beste|besten|bestem|liebe|lieben|liebem|schöne|schönen|sonnige|sonnigen) )*(?:grüße|grüßen|gruß|grüsse|grüssen|gruss)',
  'lg|vg|mfg|bg|bis (?:bald|dann|morgen|später|\\p{L}+tag)|alles gute|tschüss?|ciao|servus',
  '(?:vielen |besten |herzlichen )?dank(?: (?:vorab|im voraus))?|danke(?: (?:dir|ihnen|euch|schön|sehr|vorab|im voraus))?',
].join('|');
const SIGNED_OFF = new RegExp(`^[—–-]*\\s*(?:${SIGN_OFF})(?![\\p{L}\\p{N}])`, 'iu');
/** What may stand behind a sign-off: a place, marks, a name. */
const AFTER_SIGN_OFF = /^(?: (?:from|aus) \p{L}+)?(?:[,.!…]*|,? \p{Lu}[\p{L}'’-]*\.?(?: \p{Lu}[\p{L}'’-]*){0,2})$/u;
const SIGNATURE = /^[—–-]*\s*\p{Lu}[\p{L}.'’-]*(?: \p{Lu}[\p{L}.'’-]*){0,2}$/u;
const SEARCHED_LINES = 5;
const MOST_CLOSING_LINES = 4;

/** The lines that end the mail, joined by line breaks; undefined where it just stops. */
export function closingOf(lines: readonly string[]): string | undefined {
  const filled = lines.map((line) => line.trim()).filter((line) => line !== '');
  // The first line greets or says all there is.
  const last = filled.slice(1).slice(-SEARCHED_LINES);
  const start = last.findIndex((line, index) => isSignOff(line) && last.slice(index + 1).every(isBelowSignOff));
  if (start >= 0) return last.slice(start, start + MOST_CLOSING_LINES).join('\n');
  return lastWords(filled.at(-1) ?? '') ?? signature(lines, filled.length);
}

function isSignOff(line: string): boolean {
  const signOff = line.length <= LONGEST_OPENING ? SIGNED_OFF.exec(line) : null;
  return signOff !== null && AFTER_SIGN_OFF.test(line.slice(signOff[0].length));
}

function isBelowSignOff(line: string): boolean {
  const words = line.split(/\s+/).length;
  return line.length <= LONGEST_OPENING && words <= (/[.?!]$/.test(line) ? 2 : 6);
}

/** A line that is no more than a name. */
export function isSignature(line: string): boolean {
  return line.length <= LONGEST_OPENING && SIGNATURE.test(line);
}

/** A closing at the end of a line that says more. */
function lastWords(line: string): string | undefined {
  const piece = line
    .slice(-LONGEST_LINE)
    .split(/\s[—–-]\s|(?<=[.!?])\s+/u)
    .at(-1);
  return piece !== undefined && piece !== line && isSignOff(piece) ? piece : undefined;
}

/** A name that stands alone below an empty line. */
function signature(lines: readonly string[], filled: number): string | undefined {
  const at = lines.findLastIndex((line) => line.trim() !== '');
  const line = lines[at]?.trim() ?? '';
  const isAlone = filled > 1 && (lines[at - 1] ?? 'x').trim() === '';
  return isAlone && isSignature(line) ? line : undefined;
}

const MARKERS: Readonly<Record<Language, ReadonlySet<string>>> = {
  en: new Set(
    'the and you your for is are to with please thanks thank regards dear hi hello we our shall will would have of this that it on'.split(
      ' ',
    ),
  ),
  de: new Set(
    'und der das ist sind nicht wir ich bitte danke dank grüße gruß hallo moin liebe lieber mit für sie ihnen du dir dich euch den dem ein eine uns auf zu wird werden kann können auch noch'.split(
      ' ',
    ),
  ),
};

/** The language that more of the telling words belong to; undefined where nothing tells. */
export function languageOf(lines: readonly string[]): Language | undefined {
  const found = { de: 0, en: 0 };
  for (const word of telling(lines)
    .toLowerCase()
    .split(/[^\p{L}]+/u)) {
    if (MARKERS.de.has(word) || /[äöüß]/u.test(word)) found.de += 1;
    if (MARKERS.en.has(word)) found.en += 1;
  }
  if (found.de === found.en) return undefined;
  return found.de > found.en ? 'de' : 'en';
}

/** How a German mail addresses its reader; undefined where it does not. */
export function formalityOf(lines: readonly string[]): Formality | undefined {
  const text = telling(lines);
  const close =
    text.match(/(?<!\p{L})(?:du|dich|dir|dein(?:e[mnrs]?)?|euch|euer|eure[mnrs]?)(?!\p{L})/giu)?.length ?? 0;
  // At the beginning of a sentence it may be another word.
  const polite = text.match(/(?<=[\p{L}\p{N},;] )(?:Sie|Ihnen|Ihre?[mnrs]?)(?!\p{L})/gu)?.length ?? 0;
  if (polite === 0 && close === 0) return /sehr geehrte/iu.test(text) ? 'Sie' : undefined;
  return polite >= close ? 'Sie' : 'du';
}

/** Number of words. */
export function wordsIn(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + (line.match(/\S+/g)?.length ?? 0), 0);
}

function telling(lines: readonly string[]): string {
  return lines.join('\n').slice(0, TELLING_CHARACTERS);
}
