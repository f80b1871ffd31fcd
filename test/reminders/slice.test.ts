import { describe, expect, test } from 'vitest';
import { sliceOf } from '../../engine/reminders/slice.js';
import { type Conversation, KNOWN_CONVERSATIONS } from './conversations.js';
import { HELD_OUT_CONVERSATIONS } from './conversations-held-out.js';

interface Choice {
  readonly name: string;
  readonly right: number;
  readonly wrong: readonly string[];
  readonly missing: readonly string[];
}

function choicesOf({ name, exchanges, reminders }: Conversation): Choice[] {
  const said = exchanges.map(([, words, reply]) => ({ said: words, reply }));
  return reminders.map((reminder) => {
    const chosen = sliceOf(said, reminder);
    const labelled = exchanges.map(([topic, words], place) => ({ words, isOwn: topic === reminder.topic, place }));
    const isChosen = ({ place }: { place: number }): boolean => chosen.includes(place);
    return {
      name: `${name}: ${reminder.text}`,
      right: labelled.filter((item) => item.isOwn && isChosen(item)).length,
      wrong: labelled.filter((item) => !item.isOwn && isChosen(item)).map(({ words }) => words),
      missing: labelled.filter((item) => item.isOwn && !isChosen(item)).map(({ words }) => words),
    };
  });
}

function recallOf(choices: readonly Choice[]): number {
  const right = choices.reduce((sum, choice) => sum + choice.right, 0);
  const missing = choices.reduce((sum, choice) => sum + choice.missing.length, 0);
  return right / (right + missing);
}

describe('of a conversation about several topics', () => {
  for (const [name, conversations] of [
    ['that the choice was tuned with', KNOWN_CONVERSATIONS],
    ['that was put aside', HELD_OUT_CONVERSATIONS],
  ] as const)
    test(`${name}, a reminder takes its own topic and none of the others [S3-06]`, () => {
      const choices = conversations.flatMap(choicesOf);
      expect(choices.length).toBeGreaterThan(12);
      expect(choices.filter((choice) => choice.wrong.length > 0)).toEqual([]);
      expect(recallOf(choices)).toBeGreaterThan(0.95);
    });
});

describe('the choice', () => {
  const report = { said: 'How is the Q3 report?', reply: 'The Q3 report lacks the freight numbers.' };
  const kitchen = { said: 'And the kitchen worktop?', reply: 'The worktop is ordered.' };
  const yes = { said: 'Yes, do that.', reply: 'Done.' };

  test.each([
    ['nothing where nothing was said', [], 'review the Q3 report', []],
    ['nothing where nobody spoke of it', [kitchen, yes], 'review the Q3 report', []],
    ['what was spoken of last where it is called nothing', [report, kitchen], 'do that', [1]],
    [
      'an answer without words of its own with what it answers',
      [report, yes, kitchen, yes],
      'review the Q3 report',
      [0, 1],
    ],
    ['no new topic that begins with “And”', [report, kitchen], 'review the Q3 report', [0]],
    [
      'what points back with what it points at',
      [report, { said: 'When do you get them?', reply: 'Tomorrow.' }, kitchen],
      'the Q3 report',
      [0, 1],
    ],
  ])('takes %s', (_, exchanges, text, chosen) => {
    expect(sliceOf(exchanges, { text })).toEqual(chosen);
  });

  test('goes on from what is known to belong, without the words of the reminder', () => {
    const later = { said: 'Did Jens send the freight numbers?', reply: 'Jens sent the freight numbers.' };
    expect(sliceOf([report, kitchen, later], { text: 'have a look', known: [0] })).toEqual([0, 2]);
  });

  test('is made among four hundred exchanges', () => {
    const exchanges = Array.from({ length: 400 }, (_, n) => ({
      said: `Project p${n % 8}: what about part x${n}?`,
      reply: `Part x${n} of project p${n % 8} is planned with y${n % 40}.`,
    }));
    const chosen = sliceOf(exchanges, { text: 'look at project p3' });
    expect(chosen.filter((place) => place % 8 !== 3)).toEqual([]);
    expect(chosen).toHaveLength(50);
  });
});
