/** Longer documents are cut before they are looked at. */
const MAX_HTML = 2_000_000;
/** What these elements hold is not text. */
const SILENT = new Set(['script', 'style', 'template', 'title', 'svg', 'iframe']);
const BLOCKS = new Set(
  'address article aside blockquote br dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul'.split(
    ' ',
  ),
);
const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  shy: '\u00AD',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  bull: '•',
  middot: '·',
  copy: '©',
  reg: '®',
  euro: '€',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  szlig: 'ß',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  ccedil: 'ç',
};

/**
 * The readable text of an HTML mail: blocks become lines, links keep their address behind their text, scripts, styles and
 * comments are left out. One pass over the text, whatever is broken in it.
 */
export function htmlToText(html: string): string {
  const text = html.slice(0, MAX_HTML);
  const pieces: string[] = [];
  let link: string | undefined;
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf('<', at);
    pieces.push(decodeEntities(text.slice(at, open === -1 ? undefined : open).replace(/\s+/g, ' ')));
    if (open === -1) break;
    const tag = readTag(text, open);
    if (BLOCKS.has(tag.name)) pieces.push(tag.name === 'p' ? '\n\n' : '\n');
    if (tag.name === 'li' && !tag.isEnd) pieces.push('- ');
    if (tag.name === 'td' || tag.name === 'th') pieces.push(' ');
    if (tag.name === 'a') {
      if (tag.isEnd && link !== undefined) pieces.push(` <${link}>`);
      link = tag.isEnd ? undefined : tag.link;
    }
    if (tag.name === '' && tag.end === open + 1) pieces.push('<');
    at = tag.end;
  }
  return tidy(pieces.join(''));
}

interface Tag {
  /** Lower case; empty for comments, declarations and a lone `<`. */
  readonly name: string;
  readonly isEnd: boolean;
  readonly link: string | undefined;
  /** Where the text goes on; for silent elements behind what they hold. */
  readonly end: number;
}

function readTag(text: string, open: number): Tag {
  const nothing = { name: '', isEnd: false, link: undefined };
  if (text.startsWith('<!--', open)) return { ...nothing, end: after(text, '-->', open + 4) };
  if (!/[a-z/!?]/i.test(text.charAt(open + 1))) return { ...nothing, end: open + 1 };
  const end = after(text, '>', open);
  const inside = text.slice(open + 1, Math.min(end, open + 4000));
  const name = /^\/?([a-z][a-z0-9]*)/i.exec(inside)?.[1]?.toLowerCase() ?? '';
  const isEnd = inside.startsWith('/');
  if (!isEnd && SILENT.has(name) && !inside.endsWith('/>')) return { ...nothing, name, end: skip(text, name, end) };
  return { name, isEnd, link: name === 'a' ? linkIn(inside) : undefined, end };
}

/** Where the text goes on behind `mark`; its end where the mark does not come. */
function after(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length : found + mark.length;
}

function skip(text: string, name: string, from: number): number {
  const closing = new RegExp(`</${name}[^a-z0-9]`, 'gi');
  closing.lastIndex = from;
  const found = closing.exec(text);
  return found === null ? text.length : after(text, '>', found.index);
}

/** Only addresses that lead somewhere else are worth showing. */
function linkIn(inside: string): string | undefined {
  const [, double, single, bare] = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(inside) ?? [];
  const link = decodeEntities(double ?? single ?? bare ?? '').trim();
  return /^(https?:|mailto:)\S{1,2000}$/i.test(link) ? link : undefined;
}

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? whole) : whole;
    return character(typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16)) ?? whole;
  });
}

function character(code: number): string | undefined {
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : undefined;
}

function tidy(text: string): string {
  return text
    .replace(/[ \t]+/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
