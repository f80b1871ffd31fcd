import { describe, expect, it } from 'vitest';
import { findActionItems } from '../../models/rehearsal/action-items.js';
import { findMeetings } from '../../models/rehearsal/meetings.js';
import { setting } from './rehearsal-harness.js';

const ME = 'Mike Brandt';

function items(text: string, now?: string) {
  return findActionItems(text, setting(now)).map((item) => [item.title, item.owner ?? null, item.due ?? null]);
}

describe('action items', () => {
  it.each<[string, (string | null)[][]]>([
    ['Sarah sends the offer by Friday.', [['Send the offer', 'Sarah', '2026-11-27']]],
    ["I'll check the numbers tomorrow at 3 pm.", [['Check the numbers', ME, '2026-11-25T15:00:00+01:00']]],
    ['Tom will do the dishes.', [['Do the dishes', 'Tom', null]]],
    ['Tom to write the spec by the end of next week', [['Write the spec', 'Tom', '2026-12-04']]],
    ['To-do: order new chairs', [['Order new chairs', null, null]]],
    ['Action item for Lena: fix the printer by Monday.', [['Fix the printer', 'Lena', '2026-11-30']]],
    [
      'Sarah sends the slides by Monday and books the room, and Tom checks the budget.',
      [
        ['Send the slides', 'Sarah', '2026-11-30'],
        ['Book the room', 'Sarah', null],
        ['Check the budget', 'Tom', null],
      ],
    ],
    [
      'Dr. Weber reviews the contract until the 15th of December.',
      [['Review the contract', 'Dr. Weber', '2026-12-15']],
    ],
    ['We agreed that Jonas updates the site by Friday.', [['Update the site', 'Jonas', '2026-11-27']]],
    ['Peter said he will send the draft by Thursday.', [['Send the draft', 'Peter', '2026-11-26']]],
    ['By Friday, Eva needs to sign the form.', [['Sign the form', 'Eva', '2026-11-27']]],
    ['Ich schicke das Angebot bis Freitag.', [['Ich schicke das Angebot', ME, '2026-11-27']]],
    ['Peter soll das Hotel bis Freitag buchen.', [['Peter soll das Hotel buchen', 'Peter', '2026-11-27']]],
  ])('finds them in “%s”', (text, expected) => {
    expect(items(text)).toEqual(expected);
  });

  it.each<[string, (string | null)[][]]>([
    ['Sarah and Tom send the slides by Friday.', [['Sarah and Tom: send the slides', null, '2026-11-27']]],
    ['Sarah or I will call the bank.', [['Sarah or I: call the bank', null, null]]],
    ['She will book a room.', [['Book a room', null, null]]],
    ['We need to renew the domain by Monday.', [['Renew the domain', null, '2026-11-30']]],
    ['The client sends the contract by Wednesday.', [['The client: send the contract', null, '2026-11-25']]],
    [
      'Next steps:\n- Website: fix the login\n- call the bank',
      [
        ['Website: fix the login', null, null],
        ['Call the bank', null, null],
      ],
    ],
  ])('leaves the owner out where the words do not settle it: “%s”', (text, expected) => {
    expect(items(text)).toEqual(expected);
  });

  it.each<[string, string | null]>([
    ['Sarah checks the numbers from Monday.', null],
    ['Sarah sends the Monday report.', null],
    ["Sarah checks Friday's invoice.", null],
    ['Sarah sends the notes from the meeting on Friday.', null],
    ['Sarah sends the plan by Monday or by Tuesday.', null],
    ['Sarah sends the plan by Monday, no, by Tuesday.', '2026-12-01'],
    ['Sarah sends the plan because Tom needs it by Friday.', null],
    ['Sarah sends the plan next week.', null],
    ['Sarah will send the plan last Friday.', null],
  ])('invents no deadline: “%s” has %s', (text, due) => {
    expect(items(text).map((item) => item[2])).toEqual([due]);
  });

  it.each([
    'Sarah never sends the offer by Friday.',
    "I don't check it by Friday.",
    'Sarah sent the offer on Friday.',
    "Sarah won't send the offer.",
    'Sarah does not send anything by Friday.',
    'Nobody sends the offer by Friday.',
    'Maybe Sarah sends the offer.',
    'Sarah might send the offer by Friday.',
    'Sarah will probably send the offer by Friday.',
    'I think Sarah will send it.',
    'If Sarah sends the offer by Friday, I check it.',
    'Does Sarah send the offer by Friday?',
    'Sarah likes the plan.',
    'Sarah is on holiday until Monday.',
    'The server sends an error every night.',
    'I send the report every Friday.',
    'I read the book. I set the table.',
    'It works by Friday.',
    'Thanks to Sarah we won.',
    'The weather will be bad on Friday.',
    'You send me the offer by Friday.',
  ])('finds none in “%s”', (text) => {
    expect(items(text)).toEqual([]);
  });

  it.each<[string, (string | null)[][]]>([
    [
      'Quick note to self: I need to renew my passport by the tenth of January.',
      [['Renew my passport', ME, '2027-01-10']],
    ],
    [
      'Sarah: I will send the offer by Friday. I check the numbers too.',
      [
        ['Send the offer', null, '2026-11-27'],
        ['Check the numbers too', null, null],
      ],
    ],
    ['Recap: I will send the offer by Friday.', [['Send the offer', ME, '2026-11-27']]],
    ['Mike: I will send the offer by Friday.', [['Send the offer', ME, '2026-11-27']]],
    ['Sarah said, I will send the offer by Friday.', []],
    ['Sarah asked whether I will send the offer by Friday.', []],
  ])('knows whose “I” it is in “%s”', (text, expected) => {
    expect(items(text)).toEqual(expected);
  });

  it('builds an instant in the zone, also across the change of the clocks', () => {
    expect(items('I call the bank tomorrow at 9 am.', '2026-10-24T20:00:00+02:00')[0]?.[2]).toBe(
      '2026-10-25T09:00:00+01:00',
    );
  });

  it('leaves owner and date out when user and time are not known', () => {
    const nobody = { user: undefined, timeZone: 'UTC', now: undefined, tools: [] };
    expect(findActionItems('I check the numbers by Friday.', nobody)).toEqual([
      { title: 'Check the numbers by Friday' },
    ]);
  });
});

function events(text: string, now?: string) {
  return findMeetings(text, setting(now)).events.map((event) => [event.title, event.start, event.end]);
}

describe('the next meeting', () => {
  it.each([
    [
      'The next call with Eva is next Tuesday at three, for an hour.',
      'Next call with Eva',
      '2026-12-01T15:00:00+01:00',
      '2026-12-01T16:00:00+01:00',
    ],
    [
      'Next meeting: Thursday at 10:30 about the budget.',
      'Next meeting about the budget',
      '2026-11-26T10:30:00+01:00',
      '2026-11-26T11:00:00+01:00',
    ],
    ['We talk again on Monday at two.', 'Meeting', '2026-11-30T14:00:00+01:00', '2026-11-30T14:30:00+01:00'],
    [
      'Our next sync is on Tuesday, no, Wednesday at ten, half an hour.',
      'Next sync',
      '2026-11-25T10:00:00+01:00',
      '2026-11-25T10:30:00+01:00',
    ],
    [
      "The next call is on Tuesday. Ten o'clock. It takes 45 minutes.",
      'Next call',
      '2026-12-01T10:00:00+01:00',
      '2026-12-01T10:45:00+01:00',
    ],
    [
      'Next call on Tuesday at ten, not Wednesday.',
      'Next call',
      '2026-12-01T10:00:00+01:00',
      '2026-12-01T10:30:00+01:00',
    ],
    [
      "Let's have a follow-up with Sarah next Wednesday from 2 to 3:30 pm.",
      'Follow-up with Sarah',
      '2026-12-02T14:00:00+01:00',
      '2026-12-02T15:30:00+01:00',
    ],
    [
      'Sarah sends the slides by Monday, and the next call is on Tuesday at ten.',
      'Next call',
      '2026-12-01T10:00:00+01:00',
      '2026-12-01T10:30:00+01:00',
    ],
    ["Let's meet tomorrow at 15:00 London time.", 'Meeting', '2026-11-25T15:00:00+00:00', '2026-11-25T15:30:00+00:00'],
    [
      'Nächster Termin am Dienstag um 10 Uhr.',
      'Nächster Termin',
      '2026-12-01T10:00:00+01:00',
      '2026-12-01T10:30:00+01:00',
    ],
  ])('is entered for “%s”', (text, title, start, end) => {
    expect(events(text)).toEqual([[title, start, end]]);
  });

  it.each([
    'No other call was agreed for Tuesday at ten.',
    'We did not set another call. Tuesday at ten is for the dentist.',
    "We don't have a call on Tuesday at ten.",
    'The next call on Tuesday at ten was cancelled.',
    'The next call is on Tuesday at ten. Actually, cancel the call.',
    'We had a call on Monday at ten.',
    'Sarah has a meeting with her lawyer on Friday at ten.',
    'Can we have the next call on Tuesday at ten?',
    'Kein weiterer Termin am Dienstag um 10 Uhr.',
  ])('is not entered for “%s”', (text) => {
    expect(findMeetings(text, setting()).events).toEqual([]);
  });

  it.each([
    ['The next call is on Tuesday.', 'no clear time'],
    ['The next call is at ten.', 'no clear day'],
    ['The next call is on Tuesday or Wednesday at ten.', 'more than one day'],
    ['The next call is on Tuesday at ten or at eleven.', 'more than one time'],
    ['The next call is next week at ten.', 'no clear day'],
    ['Maybe we have the next call on Tuesday at ten.', 'not fixed'],
    ['Every Monday at ten we have a team meeting.', 'recurs'],
    ['Next call on Friday the 26th of November at ten.', 'do not match'],
    ['The next call is today at nine in the morning.', 'has passed'],
    ['The next call is on Tuesday at ten EST.', 'time zone'],
  ])('is left open and named for “%s”', (text, reason) => {
    const found = findMeetings(text, setting());
    expect(found.events).toEqual([]);
    expect(found.notes.join(' ')).toContain(reason);
  });
});

describe('nothing is invented', () => {
  const people = ['Sarah', 'Tom Berger', 'Dr. Weber', 'I', 'We', 'She', 'Sarah and Tom', 'The client', 'Nobody'];
  const deeds = [
    ['send', 'sends'],
    ['check', 'checks'],
    ['prepare', 'prepares'],
    ['love', 'loves'],
  ];
  const whens = [
    ['', null],
    [' by Friday', '2026-11-27'],
    [' tomorrow', '2026-11-25'],
    [' by the end of next week', '2026-12-04'],
    [' next week', null],
  ] as const;
  const texts = people.flatMap((person) =>
    deeds.flatMap(([base, third]) =>
      whens.flatMap(([when, due]) =>
        [
          `${person} ${third} the plan${when}.`,
          `${person} will ${base} the plan${when}.`,
          `${person} did not ${base} the plan${when}.`,
        ].map((text) => ({ text, due })),
      ),
    ),
  );

  it(`holds for owners, dates and titles of ${texts.length} sentences`, () => {
    const invented = texts.flatMap(({ text, due }) =>
      findActionItems(text, setting()).filter((item) => {
        const said = item.owner === ME ? 'I' : (item.owner ?? '');
        const words = item.title.toLowerCase().replace(/[:.]/g, '').split(' ');
        const derived = text.startsWith(said) && words.every((word) => text.toLowerCase().includes(word));
        return !derived || (item.due ?? null) !== due || /did not|Nobody|love/.test(text);
      }),
    );
    expect(invented).toEqual([]);
    expect(texts.flatMap(({ text }) => findActionItems(text, setting())).length).toBeGreaterThan(100);
  });

  it.each([
    '',
    ' ',
    '\u0000',
    '👋🏽'.repeat(50),
    '"'.repeat(200),
    'a '.repeat(3000),
    'Sarah, '.repeat(400),
    'and so on, '.repeat(5000),
    '(((((',
    '- - - -',
    'by by by Friday by',
    '99/99/9999 at 99:99',
    'A and B and C and D '.repeat(60),
  ])('reads odd text to its end and finds nothing that nobody said: %.20j', { timeout: 30_000 }, (text) => {
    const found = [...findActionItems(text, setting()), ...findMeetings(text, setting()).events];
    const words = ({ title }: { readonly title: string }) => title.toLowerCase().match(/\p{L}{3,}/gu) ?? [];
    expect(found.filter((item) => !words(item).every((word) => text.toLowerCase().includes(word)))).toEqual([]);
  });
});
