import { z } from 'zod';
import type { JsonValue } from '../../contracts/space.js';
import { shortened } from '../../contracts/text.js';
import { changedLines, type LineChange } from './writing-style-diff.js';
import {
  closingOf,
  formalityOf,
  greetingOf,
  isSignature,
  languageOf,
  namesIn,
  ownLines,
  wordsIn,
} from './writing-style-words.js';

/** The group of all recipients. It keeps no examples: what was written to one is not for another. */
export const EVERYONE = 'everyone';
const MOST_GROUPS = 10;
const MOST_EDITS = 5;
const MOST_SOURCES = 20;
const MOST_RECENT = 20;
const LONGEST_CHANGE = 300;
const LONGEST_TEXT = 2_000;
/** Marks what a person has written into the atom itself. */
const BY_HAND = 'by hand';

/** Everybody may have an address there, so the domain says nothing of who is written to. */
const PUBLIC_PROVIDERS = new Set(
  [
    'gmail.com googlemail.com live.com msn.com web.de icloud.com me.com mac.com proton.me protonmail.com pm.me',
    'aol.com t-online.de freenet.de posteo.de mailbox.org mail.com mail.ru qq.com 163.com fastmail.com zoho.com hey.com',
    'tutanota.com tuta.com arcor.de bluewin.ch orange.fr laposte.net libero.it',
  ].flatMap((line) => line.split(' ')),
);
/** Those that have many endings. */
const PUBLIC_FAMILIES = /^(?:gmx|yahoo|outlook|hotmail|yandex)\.(?:[a-z]{2,4}|com?\.[a-z]{2})$/;

/** The groups a mail belongs to, at most ten and everybody: each domain once, the whole address at a public provider. */
export function groupsOf({
  to,
  cc = [],
}: {
  readonly to: readonly string[];
  readonly cc?: readonly string[] | undefined;
}): string[] {
  const groups = [...to, ...cc].map((given) => {
    const address = given.toLowerCase();
    const domain = address.slice(address.lastIndexOf('@') + 1);
    return PUBLIC_PROVIDERS.has(domain) || PUBLIC_FAMILIES.test(domain) ? address : domain;
  });
  return [...[...new Set(groups)].slice(0, MOST_GROUPS), EVERYONE];
}

const shortenedTo = (most: number) => z.string().transform((text) => shortened(text, most));
const optional = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

const FEATURES = {
  /** With `{name}` for the recipient. '' says that none is wanted. */
  greeting: optional(shortenedTo(120)),
  /** May have several lines. */
  closing: optional(shortenedTo(400)),
  language: optional(shortenedTo(40)),
  /** `du` or `Sie`, where the language knows the difference. */
  formality: optional(shortenedTo(40)),
};

const EditSchema = z.object({
  from: shortenedTo(LONGEST_CHANGE),
  to: shortenedTo(LONGEST_CHANGE),
  /** RFC 3339. */
  at: shortenedTo(40),
  source: shortenedTo(100),
});

const RecentSchema = z.object({
  source: shortenedTo(100),
  edited: z.boolean(),
  words: optional(z.int().min(0)),
  ...FEATURES,
});

/** The payload of a style atom. A person may have changed any of it, so what is no such thing counts as not there. */
const StyleSchema = z.object({
  /** For people; what they write here instead stays. */
  text: shortenedTo(LONGEST_TEXT).catch(''),
  ...FEATURES,
  /** Median length in words. */
  words: optional(z.int().min(0)),
  mails: z.int().min(0).catch(0),
  /** Newest first. */
  edits: z.array(EditSchema).catch([]),
  /** What it was learned from, such as `approval:apr_x`; newest first. */
  sources: z.array(shortenedTo(100)).catch([]),
  /** What the newest mails showed; newest first. */
  recent: z.array(RecentSchema).catch([]),
  /** What was put into the fields above when something was last learned: what differs by now is a person's word. */
  learned: optional(z.object({ text: optional(shortenedTo(LONGEST_TEXT)), ...FEATURES })),
});

export type Style = z.infer<typeof StyleSchema>;
type Features = Partial<Pick<Style, 'greeting' | 'closing' | 'language' | 'formality'>>;
type Feature = keyof Features;
type Recent = Style['recent'][number];
type Edit = Style['edits'][number];

/** What one mail teaches. */
interface StyleLesson {
  readonly shown: Recent;
  readonly edits: readonly Edit[];
}

/** A style as it stands in a payload, however a person has left it. */
export function readStyle(payload: JsonValue): Style {
  const parsed = StyleSchema.safeParse(typeof payload === 'string' ? { text: payload } : payload);
  return parsed.success ? parsed.data : StyleSchema.parse({});
}

interface WrittenMail {
  readonly source: string;
  /** When the user decided, RFC 3339. */
  readonly at: string;
  readonly recipients: readonly string[];
  readonly body: string;
  /** What the agent had wanted; undefined where that is not known. */
  readonly proposed: string | undefined;
  /** The agent has read strangers' words, so only what the user put instead of its words is theirs. */
  readonly isUntrusted: boolean;
}

/** What a mail teaches that a person has let go; undefined where it is not a word of theirs. */
export function lessonOf(mail: WrittenMail): StyleLesson | undefined {
  const lines = ownLines(mail.body);
  const proposed = mail.proposed === undefined ? undefined : ownLines(mail.proposed);
  const changes = proposed === undefined ? [] : changedLines(proposed, lines);
  const edited = changes.length > 0;
  if (mail.isUntrusted && !edited) return undefined;
  const names = namesIn(mail.recipients);
  const greeting = greetingOf(lines, names);
  const closing = closingOf(lines);
  const { source, at } = mail;
  if (mail.isUntrusted)
    return {
      shown: { source, edited, ...ownFrame(lines, changes, { greeting, closing }) },
      edits: ownWords(changes, { source, at }),
    };
  const [language, formality] = [languageOf(lines), formalityOf(lines)];
  const shown = { source, edited, greeting, closing, language, words: wordsIn(lines) };
  return {
    shown: language === 'de' ? { ...shown, formality } : shown,
    edits: changes.map((change) => editOf(change, { source, at })),
  };
}

/** Greeting and closing where the user has put them; what is as the agent had it, a stranger may have put into its mouth. */
function ownFrame(lines: readonly string[], changes: readonly LineChange[], frame: Features): Features {
  const own = new Set(changes.map(({ to }) => to));
  const first = lines.find((line) => line.trim() !== '')?.trim() ?? '';
  const [signOff = '', ...below] = frame.closing?.split('\n') ?? [];
  const isOwnClosing = changes.some(({ to }) => signOff !== '' && to.endsWith(signOff));
  return {
    ...(own.has(first) ? { greeting: frame.greeting } : {}),
    ...(isOwnClosing
      ? { closing: [signOff, ...below.filter((line) => own.has(line) || isSignature(line))].join('\n') }
      : {}),
  };
}

function ownWords(changes: readonly LineChange[], about: { source: string; at: string }): Edit[] {
  return changes.filter(({ to }) => to !== '').map(({ to }) => editOf({ from: '', to }, about));
}

function editOf({ from, to }: LineChange, about: { source: string; at: string }): Edit {
  return { from: shortened(from, LONGEST_CHANGE), to: shortened(to, LONGEST_CHANGE), ...about };
}

/** The style after a lesson. What a person has written into it stays until they teach something newer. */
export function taught(before: Style | undefined, { shown, edits }: StyleLesson, group: string): Style {
  const byHand = before === undefined ? undefined : changedByHand(before);
  const recent = [shown, ...(byHand === undefined ? [] : [byHand]), ...(before?.recent ?? [])].slice(0, MOST_RECENT);
  const features: Features = {
    greeting: preferred(recent, 'greeting'),
    closing: preferred(recent, 'closing'),
    language: settled(recent, 'language'),
    formality: settled(recent, 'formality'),
  };
  const words = median(recent.flatMap((mail) => mail.words ?? []));
  const mails = (before?.mails ?? 0) + 1;
  const text = described(group, { ...features, words, mails });
  return {
    text: before !== undefined && isHandWritten(before) ? before.text : text,
    ...features,
    words,
    mails,
    edits: group === EVERYONE ? [] : [...edits.slice(0, MOST_EDITS), ...(before?.edits ?? [])].slice(0, MOST_EDITS),
    sources: [shown.source, ...(before?.sources ?? [])].slice(0, MOST_SOURCES),
    recent,
    learned: { text, ...features },
  };
}

/** Whether the text is a person's own. */
export function isHandWritten({ text, learned }: Style): boolean {
  return text.trim() !== '' && text !== learned?.text;
}

/** What a person has changed in the atom since the last lesson, as if a mail had shown it. */
function changedByHand(style: Style): Recent | undefined {
  const changed = (['greeting', 'closing', 'language', 'formality'] as const).filter(
    (feature) => (style[feature] ?? '') !== (style.learned?.[feature] ?? ''),
  );
  if (changed.length === 0) return undefined;
  const features = Object.fromEntries(changed.map((feature) => [feature, style[feature] ?? '']));
  return { source: BY_HAND, edited: true, ...features };
}

/** What the newest mail shows that the user has edited; else what most of the last mails show. */
function preferred(recent: readonly Recent[], feature: Feature): string | undefined {
  const edited = recent.find((mail) => mail.edited && mail[feature] !== undefined)?.[feature];
  return edited === undefined ? mostFrequent(recent, feature) : nonEmpty(edited);
}

/** What a person has said; else what most of the last mails show. */
function settled(recent: readonly Recent[], feature: Feature): string | undefined {
  const said = recent.find((mail) => mail.source === BY_HAND && mail[feature] !== undefined)?.[feature];
  return said === undefined ? mostFrequent(recent, feature) : nonEmpty(said);
}

function mostFrequent(recent: readonly Recent[], feature: Feature): string | undefined {
  const counts = new Map<string, number>();
  for (const mail of recent) {
    const value = mail[feature];
    if (value !== undefined && value !== '') counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  // The first of equals is the newest.
  return [...counts].reduce<[string, number] | undefined>(
    (best, next) => (next[1] > (best?.[1] ?? 0) ? next : best),
    undefined,
  )?.[0];
}

function nonEmpty(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function median(numbers: readonly number[]): number | undefined {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
}

function described(group: string, style: Features & Pick<Style, 'words' | 'mails'>): string {
  const { greeting, closing, language, formality, words, mails } = style;
  const parts = [
    ...(greeting === undefined ? [] : [`begin with “${greeting}”`]),
    ...(closing === undefined ? [] : [`end with “${closing.replaceAll('\n', ' / ')}”`]),
    ...(language === undefined
      ? []
      : [`are written in ${language}${formality === undefined ? '' : ` (${formality})`}`]),
    ...(words === undefined ? [] : [`have about ${words} words`]),
  ];
  const said = parts.length === 0 ? '' : ` ${parts.join(', ')}`;
  return shortened(
    `Mails to ${group}${said === '' ? ': nothing special yet' : said}. Learned from ${mails} mails.`,
    LONGEST_TEXT,
  );
}
