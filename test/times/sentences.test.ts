import { describe, expect, test } from 'vitest';
import { resolveTime } from '../../times/resolve-time.js';
import { ENGLISH } from './sentences-english.js';
import { GERMAN } from './sentences-german.js';
import { UNSEEN } from './sentences-unseen.js';

describe.each([...ENGLISH, ...GERMAN, ...UNSEEN])('$title', ({ now, timeZone, locale, sentences }) => {
  const labelled = sentences.map(([text, due, what, rrule]) => ({ text, due, what, rrule }));
  test.each(labelled)('“$text” is $due', ({ text, due, what, rrule }) => {
    const resolved = resolveTime(text, { now: Date.parse(now), timeZone, ...(locale !== undefined && { locale }) });
    expect({ what: undefined, rrule: undefined, ...resolved }).toMatchObject({
      kind: rrule === undefined ? 'at' : 'recurring',
      due: Date.parse(due),
      what,
      rrule,
    });
  });
});

test('there are more than 120 sentences of our own, in both languages', () => {
  const count = (scenes: typeof ENGLISH) => scenes.reduce((sum, { sentences }) => sum + sentences.length, 0);
  expect(count(ENGLISH)).toBeGreaterThanOrEqual(90);
  expect(count(GERMAN)).toBeGreaterThanOrEqual(50);
});
