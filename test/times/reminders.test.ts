import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { resolveTime } from '../../times/resolve-time.js';

const ReminderSchema = z.object({
  id: z.string(),
  request: z.string(),
  now: z.iso.datetime({ offset: true }),
  timeZone: z.string(),
  expected: z.object({ dueUtc: z.iso.datetime(), what: z.string(), rrule: z.string().optional() }),
});
const { items } = z
  .object({ items: z.array(ReminderSchema).length(20) })
  .parse(JSON.parse(readFileSync(new URL('../data/reminders.json', import.meta.url), 'utf8')));

describe('the reminders of the example data', () => {
  test.each(items)('$id: $request', ({ request, now, timeZone, expected }) => {
    const resolved = resolveTime(request, { now: Date.parse(now), timeZone });
    expect(resolved).toMatchObject({
      kind: expected.rrule === undefined ? 'at' : 'recurring',
      due: Date.parse(expected.dueUtc),
      what: expect.stringMatching(withAnyArticle(expected.what)),
      ...(expected.rrule !== undefined && { rrule: expected.rrule, zone: timeZone }),
    });
  });
});

/** “the time sheet” is written for “my time sheet”. */
function withAnyArticle(words: string): RegExp {
  return new RegExp(words.replace(/\bthe\b/g, '(?:the|my)'));
}
