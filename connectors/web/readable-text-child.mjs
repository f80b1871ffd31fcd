// Own process for pages that somebody else made: reads HTML from standard input and prints `{title, text}` as JSON. The
// arguments are the page's address and its charset, where the server named one. Plain JavaScript, so that sources and
// build start the same file.
import { buffer } from 'node:stream/consumers';
import { isProbablyReaderable, Readability } from '@mozilla/readability';
import { parseHTML } from 'linkedom';

const MOST_TITLE = 300;
/** Characters of text; what follows is left out. */
const MOST_TEXT = 1_000_000;
/** An article that holds less than this part of the page is not what the page says. */
const LEAST_PART = 1 / 3;
const MOST_DEPTH = 1_000;
/** Looking for the article takes time that grows faster than the page. */
const MOST_ELEMENTS = 10_000;
const DROPPED = new Set(
  'script style noscript template svg math iframe object embed canvas audio video button input select textarea dialog head'.split(
    ' ',
  ),
);
const ASIDE = new Set(['nav', 'footer', 'aside']);
const PARAGRAPHS = new Set('p blockquote ul ol dl table pre figure h1 h2 h3 h4 h5 h6 hr'.split(' '));
const LINES = new Set(
  'address article body caption dd div dt fieldset figcaption form header li main section summary details tr'.split(
    ' ',
  ),
);
const INVISIBLE =
  /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0*)?\s*(?:;|$|!)|font-size\s*:\s*0)/i;

const [, , address, charset] = process.argv;
const html = decoded(await buffer(process.stdin), charset);
process.stdout.write(JSON.stringify(readable(html)));

function decoded(bytes, named) {
  const head = bytes.subarray(0, 2_048).toString('latin1');
  const label = named || /<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(head)?.[1] || 'utf-8';
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}

function readable(source) {
  const { document } = parseHTML(withBody(source));
  const elements = document.querySelectorAll('*');
  for (const element of elements) if (isDropped(element)) element.remove();
  const title = (document.querySelector('title')?.textContent ?? '').replace(/\s+/g, ' ').trim();
  const base = baseOf(document);
  const whole = textOf(document, base);
  const hasArticle = elements.length <= MOST_ELEMENTS && isProbablyReaderable(document);
  const article = hasArticle ? articleOf(document, base) : '';
  const text = article.length >= whole.length * LEAST_PART ? article : whole;
  return { title: title.slice(0, MOST_TITLE), text: text.slice(0, MOST_TEXT) };
}

/** Pages may leave these tags out; the parser does not put them there. */
function withBody(source) {
  return /<body[\s>]/i.test(source) ? source : `<html><body>${source}</body></html>`;
}

/** Nothing that a person would not see may reach a model. */
function isDropped(element) {
  const name = element.localName;
  if (name === 'head' || name === 'title') return false;
  return (
    DROPPED.has(name) ||
    element.hasAttribute('hidden') ||
    element.getAttribute('aria-hidden') === 'true' ||
    INVISIBLE.test(element.getAttribute('style') ?? '')
  );
}

function baseOf(document) {
  const named = document.querySelector('base[href]')?.getAttribute('href');
  try {
    return new URL(named ?? '', address).href;
  } catch {
    return address;
  }
}

function articleOf(document, base) {
  const found = new Readability(document, { serializer: (element) => element }).parse();
  return found?.content == null ? '' : textOf(found.content, base);
}

/** Headings with `#`, items with `-` or numbers, cells with `|`, links as `text (address)`. */
function textOf(root, base) {
  const parts = [];
  let last = '\n';
  /** Nothing stands behind the sign of an item or a heading yet. */
  let isLed = false;
  const push = (text) => {
    if (text === '') return;
    parts.push(text);
    last = text.at(-1);
    isLed = false;
  };
  const words = (text) => {
    const collapsed = text.replace(/\s+/g, ' ');
    push(last === ' ' || last === '\n' ? collapsed.trimStart() : collapsed);
  };
  const apart = (gap) => {
    if (isLed) return;
    if (gap === ' ') words(gap);
    else if (gap !== '\n' || last !== '\n') push(gap);
  };
  const lead = (text) => {
    push(text);
    isLed ||= text !== '';
  };

  function inside(node, place) {
    if (place.depth > MOST_DEPTH) return;
    let number = 0;
    for (const child of node.childNodes) {
      if (child.nodeType === 3) {
        if (place.pre) push(child.data);
        else words(child.data);
      }
      if (child.nodeType !== 1) continue;
      if (child.localName === 'li') number += 1;
      element(child, { ...place, depth: place.depth + 1, number });
    }
  }

  function element(node, place) {
    const name = node.localName;
    if (name === 'title' || DROPPED.has(name) || ASIDE.has(name)) return;
    const gap = gapOf(name, place);
    apart(gap);
    if (name === 'br') push(place.cell ? ' ' : '\n');
    const sign = leadOf(node, name, place);
    if (sign === '| ') words(' ');
    lead(sign);
    if (name === 'a') link(node, place);
    else inside(node, within(name, place));
    apart(gap);
  }

  function link(node, place) {
    const before = parts.length;
    inside(node, place);
    const said = parts.slice(before).join('').trim();
    const target = absolute(node.getAttribute('href'), base);
    if (said !== '' && target !== undefined && target !== said) push(` (${target})`);
  }

  inside(root, { depth: 0, level: 0, number: 0, ordered: false, pre: false, cell: false });
  return parts
    .join('')
    .replace(/[^\S\n]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** What parts an element from what stands before and behind it. */
function gapOf(name, { cell, level }) {
  if (!PARAGRAPHS.has(name) && !LINES.has(name)) return '';
  if (cell) return ' ';
  return PARAGRAPHS.has(name) && level === 0 ? '\n\n' : '\n';
}

function leadOf(node, name, place) {
  if (/^h[1-6]$/.test(name)) return place.cell ? '' : `${'#'.repeat(Number(name[1]))} `;
  if (name === 'li') return `${'  '.repeat(Math.max(0, place.level - 1))}${place.ordered ? `${place.number}.` : '-'} `;
  if ((name === 'td' || name === 'th') && node.previousElementSibling !== null) return '| ';
  if (name === 'img') return imageOf(node.getAttribute('alt'));
  return '';
}

function imageOf(alt) {
  const said = (alt ?? '').replace(/\s+/g, ' ').trim();
  return said === '' ? '' : `[image: ${said}]`;
}

function within(name, place) {
  if (name === 'ul' || name === 'ol') return { ...place, level: place.level + 1, ordered: name === 'ol' };
  if (name === 'pre') return { ...place, pre: true };
  if (name === 'td' || name === 'th') return { ...place, cell: true };
  return place;
}

/** Where a link leads; undefined for what leads nowhere else or is no page. */
function absolute(href, base) {
  if (href === null || href.startsWith('#')) return undefined;
  try {
    const url = new URL(href, base);
    return /^https?:$/.test(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}
