import { z } from 'zod';

/** Text the database and every channel can carry: no NUL, no lone surrogate. Nothing is repaired, bad text is refused. */
export const CleanTextSchema = z
  .string()
  .refine((text) => !text.includes('\u0000'), { error: 'must not contain the NUL character' })
  .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode (a lone surrogate was found)' });

/** Ids are opaque to callers; the form keeps path tricks out. */
export const IdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an id as the API returned it');

/** Page size of every list. */
export const LimitSchema = z.int().min(1).max(200);
export const DEFAULT_LIMIT = 50;

/** An IANA time zone name that this platform knows. */
export const TimeZoneSchema = z
  .string()
  .max(100)
  .refine(isTimeZone, { error: 'must be an IANA time zone such as Europe/Berlin' });

function isTimeZone(name: string): boolean {
  try {
    return (
      new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone.length > 0 && !/^[+-]/.test(name)
    );
  } catch {
    return false;
  }
}

const FIRST_INSTANT = Date.parse('0001-01-01T00:00:00Z');
const AFTER_LAST_INSTANT = Date.UTC(10_000, 0, 1);

/** RFC 3339 with offset, of a time that the database and the calendar know alike. */
export const InstantSchema = z.iso.datetime({ offset: true }).refine(isKnownInstant, {
  error: 'must be a time of the years 1 to 9999, its offset at most 15:59, its fraction at most nine digits',
});

/** Years and offsets beyond are fine for RFC 3339 and refused by PostgreSQL; longer fractions by Temporal. */
function isKnownInstant(text: string): boolean {
  const at = Date.parse(text);
  const isClose = /(?:Z|[+-](?:0\d|1[0-5]):\d\d)$/.test(text) && !/\.\d{10}/.test(text);
  return isClose && !text.startsWith('0000') && at >= FIRST_INSTANT && at < AFTER_LAST_INSTANT;
}

/** A day, or a date-time with offset. */
export const DueSchema = z.union([
  z.iso.date().refine((day) => !day.startsWith('0000'), { error: 'must be a day of the years 1 to 9999' }),
  InstantSchema,
]);

/** Shortens text to at most `most` UTF-16 code units, as limits of texts for people and models count. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;
}

/** Shortens text to at most `bytes` UTF-8 bytes, never inside a character. */
export function cutText(text: string, bytes: number): string {
  const encoder = new TextEncoder();
  if (encoder.encode(text).length <= bytes) return text;
  let cut = '';
  let used = encoder.encode('…').length;
  for (const character of text) {
    used += encoder.encode(character).length;
    if (used > bytes) break;
    cut += character;
  }
  return `${cut}…`;
}
