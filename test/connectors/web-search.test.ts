import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createWebSearch } from '../../connectors/web/search.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';

describe('a search service', () => {
  let web: WebStandIn;
  const abortSignal = new AbortController().signal;
  const ask = (query: string, limit = 5) => createWebSearch({ url: web.url }).search(query, { limit, abortSignal });
  const tea = { title: 'Green tea', url: 'https://tea.example/green?a=1&b=2', content: 'All about green tea.' };
  const cake = { title: 'Cake', url: 'https://cake.example/', content: 'Goes well with tea.' };

  beforeAll(async () => {
    web = await startWebStandIn();
    for (const hit of [tea, cake, tea]) web.index(hit);
    for (const url of [
      'javascript:alert(1)',
      'ftp://a.example/',
      'no address',
      `https://a.example/${'a'.repeat(2_000)}`,
    ])
      web.index({ title: 'Odd tea', url, content: '' });
  });
  afterEach(() => web.assertClean());
  afterAll(() => web.close());

  test('is asked for JSON and answers with pages, each once, and with nothing that is no page', async () => {
    expect(await ask('tea & more?')).toEqual([
      { title: 'Green tea', url: tea.url, text: 'All about green tea.' },
      { title: 'Cake', url: cake.url, text: 'Goes well with tea.' },
    ]);
    expect(web.requests.at(-1)?.path).toBe('/search?q=tea+%26+more%3F&format=json');
    expect(await ask('tea', 1)).toHaveLength(1);
    expect(await ask('nowhere')).toEqual([]);
  });

  test.each(['', '/', '/search', '/search/'])('is found at an address that ends with “%s”', async (end) => {
    const search = createWebSearch({ url: `${web.url}${end}` });
    expect(search.route).toBe(`searched with ${web.host}`);
    expect(await search.search('cake', { limit: 5, abortSignal })).toHaveLength(1);
  });

  test.each([
    ['failed', 'unavailable', 'busy or failed (500)'],
    ['reset', 'unavailable', 'web.searchUrl'],
    ['cut', 'unavailable', 'web.searchUrl'],
    ['garbage', 'conflict', 'format=json'],
    ['endless', 'conflict', 'format=json'],
    ['bomb', 'conflict', 'format=json'],
    ['forbidden', 'forbidden', 'search.formats'],
    ['moved', 'not-found', 'web.searchUrl'],
  ] as const)('that answers with %s is %s, and what to look at is said', async (fault, type, message) => {
    web.fail(fault);
    await expect(ask('tea')).rejects.toMatchObject({ type, message: expect.stringContaining(message) });
  });

  test('that is busy says when it may be asked again', async () => {
    web.fail('busy');
    await expect(ask('tea')).rejects.toMatchObject({ type: 'unavailable', retryAfterMs: 7_000 });
  });

  test('that says nothing is given up, and left when the caller wants no more', async () => {
    web.fail('hang', 'hang');
    const hasty = createWebSearch({ url: web.url, timeoutMs: 100 });
    await expect(hasty.search('tea', { limit: 5, abortSignal })).rejects.toMatchObject({ type: 'unavailable' });
    const stop = new AbortController();
    const asking = createWebSearch({ url: web.url }).search('tea', { limit: 5, abortSignal: stop.signal });
    stop.abort(new Error('the user has cancelled'));
    await expect(asking).rejects.toThrow('the user has cancelled');
  });
});
