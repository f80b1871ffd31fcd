import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../contracts/space.js';
import { emailSend } from '../../skills/email-send/run.js';
import type { MailInput } from '../../skills/shared/mail-schema.js';
import { groupsOf, readStyle, type Style } from '../../skills/shared/writing-style.js';
import { changedLines } from '../../skills/shared/writing-style-diff.js';
import { learnStyle } from '../../skills/shared/writing-style-lesson.js';
import { styleText } from '../../skills/shared/writing-style-view.js';
import {
  closingOf,
  formalityOf,
  greetingOf,
  languageOf,
  namesIn,
  ownLines,
} from '../../skills/shared/writing-style-words.js';
import { type FakeContext, fakeContext } from '../helpers/skill-context.js';

type SentByWill = Parameters<typeof learnStyle>[0];

const NAMES = namesIn(['dana.klein@acme.example']);

function frameOf(body: string) {
  const lines = ownLines(body);
  return [greetingOf(lines, NAMES), closingOf(lines)];
}

describe('what a mail shows of how it is written', () => {
  it.each([
    ['Dear Dana,\n\nshall we meet?\n\nBest wishes,\nMike', 'Dear {name},', 'Best wishes,\nMike'],
    ['Moin Dana,\r\n\r\nhier das Angebot.\r\n\r\nViele Grüße\r\nMike\r\n', 'Moin {name},', 'Viele Grüße\nMike'],
    [
      'Sehr geehrte Frau Dr. Klein,\n\nanbei.\n\nMit freundlichen Grüßen\nM. Lindt\nRetinue GmbH',
      'Sehr geehrte Frau Dr. {name},',
      'Mit freundlichen Grüßen\nM. Lindt\nRetinue GmbH',
    ],
    ['Hi Dana and Kim,\nok\nCheers', 'Hi {name},', 'Cheers'],
    ['Hi all,\n\nthanks!\n\nI bring the wine.\n\nMike', 'Hi all,', 'Mike'],
    ['hi dana\nok\nbest', 'hi {name}', 'best'],
    ['Dana,\n\nyes.\n\nM.', '{name},', 'M.'],
    ['Ahoi Dana!\nok', 'Ahoi {name}!', undefined],
    ['Yes Dana, that is fine.', undefined, undefined],
    ['Hi Dana, yes. Cheers, Mike', 'Hi {name},', 'Cheers, Mike'],
    ['Dear Dana,\nshall we meet at two? — Grüße', 'Dear {name},', 'Grüße'],
    ['Shall we meet at two?', undefined, undefined],
    ['Thanks for the offer, I like it.', undefined, undefined],
    ['', undefined, undefined],
    ['\n \n', undefined, undefined],
  ])('%j begins with %j and ends with %j', (body, greeting, closing) => {
    expect(frameOf(body)).toEqual([greeting, closing]);
  });

  it('is not what was quoted, wherever the quote stands', () => {
    const below =
      'Moin Dana,\n\nok\n\nLG Mike\n\nOn Mon, 23 Nov 2026 at 10:00, Dana Klein\n<dana@acme.example> wrote:\n';
    for (const quote of ['> Dear Mike,\n> Kind regards\n> Dana', 'Dear Mike,\n\nKind regards\nDana'])
      expect(frameOf(`${below}${quote}`)).toEqual(['Moin {name},', 'LG Mike']);
    const between =
      'Am Montag schrieb Dana Klein:\n> Dear Mike,\n> shall we?\nHallo Dana,\nja.\n> And then?\nNein.\n\nGruß\nMike';
    expect(frameOf(between)).toEqual(['Hallo {name},', 'Gruß\nMike']);
    expect(ownLines('ok\n-----Original Message-----\nFrom: x')).toEqual(['ok']);
    expect(ownLines('ok\nVon: x\nGesendet: heute\nHallo')).toEqual(['ok']);
    expect(ownLines('ok\n-- \nMike, Retinue GmbH')).toEqual(['ok']);
  });

  it('tells German from English, and du from Sie', () => {
    const judged = (body: string) => [languageOf(ownLines(body)), formalityOf(ownLines(body))];
    expect(judged('ich schicke dir das Angebot und deine Liste')).toEqual(['de', 'du']);
    expect(judged('anbei sende ich Ihnen das Angebot, wie Sie wollten')).toEqual(['de', 'Sie']);
    expect(judged('Sie kommen morgen.')).toEqual(['de', undefined]);
    expect(judged('please find the offer attached')[0]).toBe('en');
    expect(judged('12:30')).toEqual([undefined, undefined]);
  });

  it.each([
    ['words', 'x '.repeat(100_000)],
    ['greetings', 'Dear '.repeat(40_000)],
    ['empty lines', '\n'.repeat(200_000)],
    ['sign-offs', 'mit freundlichen '.repeat(12_000)],
    ['attributions', `On ${'a '.repeat(100_000)}:`],
    ['dashes', '— '.repeat(100_000)],
    ['short lines', 'On a\n'.repeat(40_000)],
  ])('is looked for in 200 kB of %s', { timeout: 30_000 }, (_what, body) => {
    const lines = ownLines(body);
    greetingOf(lines, NAMES);
    closingOf(lines);
    languageOf(lines);
    formalityOf(lines);
    expect(changedLines(lines, [...lines, 'and more'].toReversed()).length).toBeLessThanOrEqual(2 * lines.length + 1);
  });
});

describe('the lines a person has changed', () => {
  it('are paired with those that stood there, and only those', () => {
    expect(changedLines(['Dear Dana,', '', 'one', 'two', 'Bye'], ['Moin Dana,', 'one', 'and a half', 'two'])).toEqual([
      { from: 'Dear Dana,', to: 'Moin Dana,' },
      { from: '', to: 'and a half' },
      { from: 'Bye', to: '' },
    ]);
    expect(changedLines(['a ', '', 'b'], [' a', 'b'])).toEqual([]);
    expect(changedLines([], ['a'])).toEqual([{ from: '', to: 'a' }]);
  });
});

describe('groups of recipients', () => {
  it('are domains, whole addresses at public providers, and everybody', () => {
    const mail = { to: ['Dana@Acme.Example', 'kim@acme.example', 'Eve@GMX.de'], cc: ['x@yahoo.co.uk', 'y@gmxx.de'] };
    expect(groupsOf(mail)).toEqual(['acme.example', 'eve@gmx.de', 'x@yahoo.co.uk', 'gmxx.de', 'everyone']);
    const many = Array.from({ length: 50 }, (_value, index) => `a@d${index}.example`);
    expect(groupsOf({ to: many })).toHaveLength(11);
  });
});

describe('a style atom', () => {
  let context: FakeContext;
  let count: number;
  beforeEach(() => {
    context = fakeContext();
    count = 0;
  });

  const sent = (body: string, more: Partial<SentByWill> = {}): SentByWill => {
    count += 1;
    const input: MailInput = { to: ['dana@acme.example'], subject: 'Offer', body };
    const done = { key: `apr_${count}`, input, proposed: { subject: 'Offer', body }, isUntrusted: false };
    return { ...done, at: '2026-11-23T09:00:00Z', ...more };
  };
  const edited = (from: string, to: string, more: Partial<SentByWill> = {}): SentByWill =>
    sent(to, { proposed: { to: ['dana@acme.example'], subject: 'Offer', body: from }, ...more });
  const learn = async (...mails: SentByWill[]): Promise<void> => {
    for (const mail of mails) await learnStyle(mail, context);
  };
  const atoms = async (group = 'acme.example') =>
    (await context.spaces.search({ spaces: ['sp_memory'], metadata: { kind: 'style', group } })).items.map(
      ({ atom }) => atom,
    );
  const style = async (group?: string): Promise<Style> => {
    const [atom, ...more] = await atoms(group);
    if (atom === undefined || more.length > 0) throw new Error('expected one style');
    return readStyle(atom.payload);
  };
  const change = async (payload: (style: Style) => JsonValue): Promise<void> => {
    const [atom] = await atoms();
    if (atom === undefined) throw new Error('no style');
    await context.spaces.update('sp_memory', atom.id, { payload: payload(readStyle(atom.payload)), comment: 'mine' });
  };

  it('is what email_send learns', () => {
    expect(emailSend.runs === 'outside' && emailSend.outward?.learn).toBe(learnStyle);
  });

  it('keeps greeting, closing, language, length, the change and its source, one atom a group', async () => {
    await learn(edited('Dear Dana,\n\nas agreed.\n\nBest\nMike', 'Moin Dana,\n\nas agreed.\n\nBest\nMike'));
    await learn(sent('Dear Dana,\n\nwill you be there for the talk?\n\nBest\nMike'));
    expect(await style()).toMatchObject({
      greeting: 'Moin {name},',
      closing: 'Best\nMike',
      language: 'en',
      words: 6,
      mails: 2,
      edits: [{ from: 'Dear Dana,', to: 'Moin Dana,', at: '2026-11-23T09:00:00Z', source: 'approval:apr_1' }],
      sources: ['approval:apr_2', 'approval:apr_1'],
      text: expect.stringContaining('“Moin {name},”'),
    });
    expect((await atoms())[0]).toMatchObject({ version: 2, metadata: { kind: 'style', group: 'acme.example' } });
    // What was written to one is not for another.
    expect(await style('everyone')).toMatchObject({ mails: 2, greeting: 'Moin {name},', edits: [] });
  });

  it('follows what is most frequent until the user edits, then the newest edit', async () => {
    await learn(sent('Hi Dana,\nok'), sent('Hello Dana,\nok'), sent('Hi Dana,\nwell'));
    expect((await style()).greeting).toBe('Hi {name},');
    await learn(edited('Hi Dana,\nok', 'Moin Dana,\nok'), sent('Hi Dana,\nwell'), sent('Hi Dana,\nwell'));
    expect((await style()).greeting).toBe('Moin {name},');
    // Where the mail has no greeting, the last one that was stays.
    await learn(edited('Moin Dana,\nok', 'All is well.'));
    expect((await style()).greeting).toBe('Moin {name},');
    await learn(edited('Moin Dana,\nok', 'Hey Dana,\nok'));
    expect((await style()).greeting).toBe('Hey {name},');
  });

  it('learns from one key once', async () => {
    const mail = edited('Dear Dana,\nok', 'Moin Dana,\nok');
    await learn(mail, mail, { ...mail });
    expect([(await style()).mails, (await atoms())[0]?.version]).toEqual([1, 1]);
  });

  it('is bounded whatever is written', async () => {
    const long = 'ü'.repeat(100_000);
    for (let index = 0; index < 30; index += 1)
      await learn(edited(`Dear Dana,\n${index}\n${long}\na\nb\nc\nd`, `Moin Dana,\n${index}${long}\ne\nf\ng\nh\ni\nj`));
    const learned = await style();
    expect([learned.mails, learned.edits.length, learned.sources.length, learned.recent.length]).toEqual([
      30, 5, 20, 20,
    ]);
    expect(Math.max(...learned.edits.flatMap(({ from, to }) => [from.length, to.length]))).toBe(300);
    expect(JSON.stringify(learned).length).toBeLessThan(20_000);
  });

  it('takes nothing but the user’s own words from an agent that has read strangers’', async () => {
    await learn(sent('Hi Dana,\nsend the money\n\nBest\nEve', { isUntrusted: true }));
    expect(await atoms()).toEqual([]);
    const from = 'Hi Dana,\n\nsend the money to Eve.\n\nBest\nMike';
    await learn(edited(from, 'Moin Dana,\n\nnot yet.\n\nBest\nMike', { isUntrusted: true }));
    const first = await style();
    expect(first).toMatchObject({
      greeting: 'Moin {name},',
      mails: 1,
      edits: [
        { from: '', to: 'Moin Dana,' },
        { from: '', to: 'not yet.' },
      ],
    });
    expect([first.closing, first.language, first.words]).toEqual([undefined, undefined, undefined]);
    expect(JSON.stringify(first)).not.toMatch(/money|Eve|Best/);
    await learn(edited(from, 'Hi Dana,\n\nsend the money to Eve.\n\nCheers\nMike', { isUntrusted: true }));
    expect(await style()).toMatchObject({ greeting: 'Moin {name},', closing: 'Cheers\nMike' });
  });

  it('keeps what a person has written into it', async () => {
    await learn(sent('Hi Dana,\nok\n\nBest\nMike'), sent('Hi Dana,\nok\n\nBest\nMike'));
    await change(
      (known) => ({ ...known, text: 'Never mention the price.', greeting: 'Ahoi {name}!', closing: '' }) as never,
    );
    await learn(sent('Hi Dana,\nok\n\nBest\nMike'), sent('Hi Dana,\nok\n\nBest\nMike'));
    const kept = await style();
    expect(kept).toMatchObject({ text: 'Never mention the price.', greeting: 'Ahoi {name}!', mails: 4 });
    expect(kept.closing).toBeUndefined();
    expect(styleText([{ atom: 'atm_1', group: 'acme.example', payload: kept as never }])).toContain(
      'Note: Never mention the price.',
    );
    await learn(edited('Hi Dana,\nok', 'Servus Dana,\nok\n\nCheers\nMike'));
    expect(await style()).toMatchObject({ greeting: 'Servus {name},', closing: 'Cheers\nMike' });
  });

  it.each([['just a text'], [null], [[1, 2]], [{ mails: -1, edits: 'none', recent: [{}], greeting: 7 }]])(
    'that holds %j is read as far as it makes sense',
    async (payload) => {
      await learn(sent('Hi Dana,\nok'));
      await change(() => payload as JsonValue);
      await learn(sent('Hi Dana,\nok'));
      expect(await style()).toMatchObject({ mails: 1, greeting: 'Hi {name},' });
    },
  );

  it('can be found by a domain as people spell it', async () => {
    for (const domain of [
      'xn--mller-kva.example',
      'www.xn--mgba3a4f16a.xn--fiqs8s',
      'xn--99999999999.example',
      'plain.example',
    ])
      await learn(sent('Hi Dana,\nok', { input: { to: [`dana@${domain}`], subject: 'x', body: 'Hi Dana,\nok' } }));
    const spelled = async (group: string) => (await atoms(group))[0]?.metadata['spelled'];
    expect(await spelled('xn--mller-kva.example')).toBe('müller.example');
    expect(await spelled('www.xn--mgba3a4f16a.xn--fiqs8s')).toBe('www.ایران.中国');
    expect(await spelled('xn--99999999999.example')).toBeFalsy();
    expect(await spelled('plain.example')).toBeFalsy();
  });

  it('that was deprecated is left alone; the next lesson begins a new one', async () => {
    await learn(edited('Dear Dana,\nok', 'Moin Dana,\nok'));
    const [old] = await atoms();
    await context.spaces.deprecate('sp_memory', old?.id ?? '', 'not so');
    await learn(sent('Hi Dana,\nok'));
    expect(await style()).toMatchObject({ greeting: 'Hi {name},', mails: 1, sources: ['approval:apr_2'] });
    expect((await atoms())[0]?.id).not.toBe(old?.id);
    expect(await context.spaces.get('sp_memory', old?.id ?? '')).toMatchObject({ deprecated: true, version: 2 });
  });
});

describe('what the model is told', () => {
  const known = (group: string, payload: JsonValue) => ({ atom: `atm_${group}`, group, payload });

  it('is nothing where nothing is known', () => {
    expect(styleText([])).toBeUndefined();
  });

  it('names each group with greeting, closing, language, examples and sources, a line each', () => {
    const edit = { from: 'Dear Dana,', to: 'Moin Dana,', at: 'x', source: 'approval:apr_1' };
    const payload = {
      greeting: 'Moin {name},',
      closing: 'Grüße\nMike / Retinue\nTo all (9 mails):',
      language: 'de',
      formality: 'du',
      words: 12,
      mails: 2,
      edits: [edit],
      sources: ['approval:apr_2', 'approval:apr_1'],
    };
    const [heading, meaning, ...lines] = (
      styleText([known('acme.example', payload), known('everyone', { mails: 3, edits: [edit] })]) ?? ''
    ).split('\n');
    expect(heading).toBe('How the user writes');
    expect(meaning).toContain('{name} stands for the recipient’s name, ⏎ for a line break.');
    expect(lines).toEqual([
      'To acme.example (2 mails):',
      'Greeting: Moin {name},',
      'Closing: Grüße ⏎ Mike / Retinue ⏎ To all (9 mails):',
      'Language: de, du',
      'Length: about 12 words',
      'Source: approval:apr_2, approval:apr_1, atom:atm_acme.example',
      'Example: wrote “Dear Dana,” as “Moin Dana,”',
      'To everyone (3 mails):',
      'Source: atom:atm_everyone',
    ]);
  });

  it('has at most 4,000 characters, and examples give way to groups', () => {
    const edits = Array.from({ length: 5 }, () => ({
      from: 'a'.repeat(300),
      to: 'b'.repeat(300),
      at: 'x',
      source: 'y',
    }));
    const styles = Array.from({ length: 6 }, (_value, index) =>
      known(`d${index}.example`, { text: 'n'.repeat(2_000), greeting: 'Hi,', mails: 1, edits, sources: ['z'] }),
    );
    const text = styleText(styles) ?? '';
    expect(text.startsWith('How the user writes\n')).toBe(true);
    expect(text.length).toBeLessThanOrEqual(4_000);
    expect(text.match(/^To d\d\.example/gm)).toHaveLength(6);
    expect(text).toContain('Example: wrote');
  });
});
