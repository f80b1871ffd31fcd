import type { Label } from '../../contracts/effect-class.js';
import type { AtomOrigin, JsonValue } from '../../contracts/space.js';
import { shortened } from '../../contracts/text.js';

/** An atom as a report names it. */
export interface NamedAtom {
  readonly id: string;
  readonly payload: JsonValue;
  readonly origin: AtomOrigin;
  readonly people: readonly string[];
}

const LONGEST_TITLE = 100;
const NAMES = ['name', 'title', 'subject', 'text'] as const;

/** What an atom is called, on one line. */
export function titleOf({ payload }: Pick<NamedAtom, 'payload'>): string {
  return shortened(wordsOf(payload).replace(/\s+/g, ' ').trim() || 'untitled', LONGEST_TITLE).toWellFormed();
}

function wordsOf(payload: JsonValue): string {
  if (typeof payload === 'string') return payload.slice(0, 1_000);
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload))
    return JSON.stringify(payload).slice(0, 1_000);
  for (const name of NAMES) {
    const value = payload[name];
    if (typeof value === 'string' && value.trim() !== '') return value.slice(0, 1_000);
  }
  return '';
}

/** Spaces are private; other people's words in them are what mail is. */
export function labelsOf(atoms: readonly Pick<NamedAtom, 'origin' | 'people'>[], user: string): Label[] {
  const isStrange = atoms.some(({ origin, people }) => origin === 'untrusted' || people.some((name) => name !== user));
  return isStrange ? ['private', 'untrusted'] : ['private'];
}
