import { describe, expect, test } from 'vitest';
import { destinationOf, gate, SEARCH_SERVICE } from '../../contracts/gate.js';
import type { WebSearch } from '../../contracts/services.js';
import { webFetch } from '../../skills/web-fetch/run.js';
import { webSearch } from '../../skills/web-search/run.js';
import { fakeContext, runSkill } from '../helpers/skill-context.js';

describe('web_search', () => {
  test('returns what the service has found, shortened', async () => {
    const context = fakeContext();
    const asked: unknown[] = [];
    const long = 'ä'.repeat(2_000);
    const search: WebSearch['search'] = async (query, { limit }) => {
      asked.push([query, limit]);
      return [{ title: long, url: 'https://tea.example/', text: long }];
    };
    context.webSearch = { route: 'searched with tea.example', search };
    const { output } = await runSkill(webSearch, { query: 'tea', limit: 3 }, context);
    expect(output).toMatchObject({ route: 'searched with tea.example', results: [{ url: 'https://tea.example/' }] });
    const { results } = output as { results: readonly { title: string; text: string }[] };
    expect(results.map(({ title, text }) => [title.length < 200, text.length < 600])).toEqual([[true, true]]);
    await runSkill(webSearch, { query: 'tea' }, context);
    expect(asked).toEqual([
      ['tea', 3],
      ['tea', 8],
    ]);
  });

  test('says what to set where no service is configured', async () => {
    await expect(runSkill(webSearch, { query: 'tea' }, fakeContext())).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('web.searchUrl'),
    });
  });
});

describe('web_fetch', () => {
  const url = 'https://tea.example/';
  const withText = (text: string) => {
    const context = fakeContext();
    context.pages.set(url, { url, title: 'Tea', text });
    return context;
  };

  test('returns a page, and of a long one part after part until its end', async () => {
    const text = `${'a'.repeat(29_999)}🍵${'b'.repeat(30_000)}`;
    const context = withText(text);
    const parts: string[] = [];
    const offsets: (number | undefined)[] = [0];
    while (offsets.at(-1) !== undefined) {
      const { output } = await runSkill(webFetch, { url, offset: offsets.at(-1) }, context);
      const part = output as { text: string; nextOffset?: number; truncated: boolean };
      expect(part.truncated).toBe(part.nextOffset !== undefined);
      parts.push(part.text);
      offsets.push(part.nextOffset);
    }
    expect(offsets).toEqual([0, 29_999, 59_999, undefined]);
    expect(parts.join('')).toBe(text);
  });

  test('says when there is no text, and when it is shorter than it was', async () => {
    const noteOn = async (text: string, offset: number) =>
      (await runSkill(webFetch, { url, offset }, withText(text))).output;
    expect(await noteOn('', 0)).toMatchObject({ text: '', truncated: false, note: expect.stringMatching(/no text/) });
    expect(await noteOn('short', 9)).toMatchObject({
      text: '',
      truncated: false,
      note: expect.stringMatching(/5 char/),
    });
  });

  test('names the other host that a page has moved to', async () => {
    const context = fakeContext();
    const redirectedTo = 'https://other.example/?q=1';
    context.pages.set(url, { url, title: '', text: '', redirectedTo });
    const { output } = await runSkill(webFetch, { url }, context);
    expect(output).toMatchObject({ url, text: '', redirectedTo, note: expect.stringContaining('another host') });
  });
});

describe('the place that text goes to', () => {
  const places = (typed: readonly string[], found: readonly string[] = []) => ({
    typed,
    found,
    allows: (url: string) => url.startsWith('https://allowed.example/'),
  });

  test.each([
    ['https://a.example/x', 'Read https://a.example/x please'],
    ['https://a.example/x', 'Read https://a.example/x.'],
    ['https://a.example/x', '(see <https://a.example/x>)'],
    ['https://a.example/x', '“https://a.example/x”'],
    ['https://a.example/x', '[here](https://a.example/x)'],
    ['https://a.example/x', 'http://a.example/x'],
    ['https://a.example/x#part', 'https://a.example/x'],
    ['https://A.example/x', 'https://a.EXAMPLE/x'],
    ['https://a.example/x_(y)', 'https://a.example/x_(y)'],
    ['https://a.example/', 'What does a.example say?'],
    ['https://a.example/prices', 'Look at a.example/prices, then answer.'],
    ['http://a.example:8080/x', 'at http://a.example:8080/x'],
  ])('%s was typed in: %s', (url, text) => {
    expect(destinationOf([url], places(['Hello', text]))).toBe('typed');
  });

  test.each([
    ['https://a.example/x?secret=1', 'https://a.example/x'],
    ['https://a.example/', 'https://a.example/x'],
    ['https://a.example/xy', 'https://a.example/x'],
    ['https://a.example/x', 'https://a.example/xy'],
    ['https://a.example/X', 'https://a.example/x'],
    ['https://b.a.example/', 'a.example'],
    ['https://a.example/', 'b.a.example'],
    ['https://a.example/', 'eve@a.example'],
    ['https://a.example.evil.example/', 'a.example'],
    ['https://user@a.example/x', 'https://a.example/x'],
    ['http://a.example:8080/x', 'https://a.example/x'],
    ['https://a.example/x', ''],
  ])('%s was chosen, although this was typed: %s', (url, text) => {
    expect(destinationOf([url], places([text]))).toBe('chosen');
  });

  test('was found by a search, is allowed, or counts as the least of several', () => {
    const known = places(['https://a.example/typed'], ['https://a.example/found?x=1']);
    const found = 'https://a.example/found?x=1';
    expect(destinationOf([found], known)).toBe('found');
    expect(destinationOf(['https://a.example/found?x=2'], known)).toBe('chosen');
    expect(destinationOf(['https://allowed.example/any?secret=1'], known)).toBe('allowed');
    expect(destinationOf([SEARCH_SERVICE], known)).toBe('allowed');
    expect(destinationOf([SEARCH_SERVICE, 'https://a.example/typed'], known)).toBe('typed');
    expect(destinationOf(['https://a.example/typed', found], known)).toBe('found');
    expect(destinationOf(['https://a.example/other', found, SEARCH_SERVICE], known)).toBe('chosen');
    expect(destinationOf(['no address'], known)).toBe('chosen');
    expect(destinationOf([], known)).toBe('chosen');
  });

  test('is judged within a moment, also in a long text', () => {
    const long = ['!'.repeat(50_000), 'a.'.repeat(50_000), 'https://'.repeat(20_000), 'a-'.repeat(50_000)].join(' ');
    expect(destinationOf(['https://a.example/x'], places([long, 'https://a.example/x']))).toBe('typed');
  });

  test('is named by both skills', () => {
    const url = 'https://a.example/x';
    const named = [webSearch, webFetch].map((skill) =>
      skill.runs === 'outside' ? skill.destinations?.({ query: 'tea', url } as never) : undefined,
    );
    expect(named).toEqual([[SEARCH_SERVICE], [url]]);
    const asked = (destination: 'chosen' | 'found') => gate({ effect: 'egress', labels: ['private'], destination });
    expect([asked('chosen'), asked('found')]).toEqual(['approve', 'run']);
  });
});
