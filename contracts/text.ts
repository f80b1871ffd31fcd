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

/** RFC 3339 with offset. */
export const InstantSchema = z.iso.datetime({ offset: true });

/** A day, or a date-time with offset. */
export const DueSchema = z.union([z.iso.date(), InstantSchema]);

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
