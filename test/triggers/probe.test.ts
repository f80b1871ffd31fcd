import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createWebReader } from '../../connectors/web/reader.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';

let web: WebStandIn;
const readers: ReturnType<typeof createWebReader>[] = [];
beforeAll(async () => {
  web = await startWebStandIn();
});
afterEach(() => web.assertClean());
afterAll(async () => {
  for (const reader of readers) await reader.close();
  await web.close();
});

function asking(options: Parameters<typeof createWebReader>[0] = {}) {
  const reader = createWebReader({ allowedHosts: [web.host], timeoutMs: 500, ...options });
  readers.push(reader);
  return (url: string, abortSignal = new AbortController().signal) => reader.probe(url, { abortSignal });
}

test.each([
  [200, true],
  [204, true],
  [304, true],
  [403, true],
  [429, true],
  [404, false],
  [410, false],
  [500, false],
  [503, false],
])('a server that answers %i is up: %s', async (status, isUp) => {
  const url = web.page(`/status-${status}`, { status });
  expect(await asking()(url)).toEqual({ isUp, said: expect.stringContaining(String(status)) });
});

test('whatever kind of file it answers with, and however long, it is up', async () => {
  const url = web.page('/film', { body: 'x', type: 'video/mp4' });
  expect(await asking()(url)).toMatchObject({ isUp: true });
  web.fail('endless');
  expect(await asking()(url)).toMatchObject({ isUp: true });
});

test('a redirect within the host counts by where it leads, one to elsewhere as an answer, and a circle as none', async () => {
  web.page('/lost', { status: 404 });
  const url = web.page('/moved', { status: 301, headers: { location: '/lost' } });
  expect(await asking()(url)).toEqual({ isUp: false, said: 'answered 404.' });
  const away = web.page('/away', { status: 302, headers: { location: 'https://other.example/' } });
  expect(await asking()(away)).toMatchObject({ isUp: true });
  const circle = web.page('/circle', { status: 302, headers: { location: '/circle' } });
  expect(await asking()(circle)).toEqual({ isUp: false, said: 'redirects in a circle.' });
});

test('a server that is silent, breaks off or is not there is down', async () => {
  const url = web.page('/silent', { body: 'x' });
  web.fail('hang');
  expect(await asking()(url)).toEqual({ isUp: false, said: 'does not answer.' });
  web.fail('reset');
  expect(await asking()(url)).toEqual({ isUp: false, said: 'does not answer.' });
  const closed = await startWebStandIn();
  await closed.close();
  expect(await asking({ allowedHosts: [closed.host] })(`http://${closed.host}/`)).toEqual({
    isUp: false,
    said: 'refuses the connection.',
  });
  const unknown = { resolve: async () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) };
  expect(await asking(unknown)('https://gone.example/')).toEqual({
    isUp: false,
    said: 'cannot be found: there is no such host.',
  });
});

test('what is our own fault says nothing about the server', async () => {
  const cutOff = { resolve: async () => Promise.reject(Object.assign(new Error('no'), { code: 'EAI_AGAIN' })) };
  await expect(asking(cutOff)('https://shop.example/')).rejects.toMatchObject({
    type: 'unavailable',
    message: expect.stringContaining('no network'),
  });
  const endless = { resolve: () => new Promise<string[]>(() => undefined), timeoutMs: 50 };
  await expect(asking(endless)('https://shop.example/')).rejects.toMatchObject({ type: 'unavailable' });
  const inside = { resolve: async () => ['10.0.0.7'] };
  await expect(asking(inside)('https://shop.example/')).rejects.toMatchObject({ type: 'forbidden' });
  await expect(asking()('ftp://shop.example/')).rejects.toMatchObject({ type: 'invalid-body' });
});

test('whoever wants no answer any more gets none', async () => {
  const stop = new AbortController();
  web.fail('hang');
  const asked = asking({ timeoutMs: 10_000 })(web.page('/stopped', { body: 'x' }), stop.signal);
  stop.abort(new Error('stopped'));
  await expect(asked).rejects.toThrow('stopped');
});
