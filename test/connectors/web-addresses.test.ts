import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isPublicAddress } from '../../connectors/web/public-address.js';
import { createWebReader } from '../../connectors/web/reader.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';

describe('an address', () => {
  test.each(['8.8.8.8', '93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  test.each([
    ['this machine', '127.0.0.1'],
    ['all of this machine', '127.255.255.254'],
    ['no address', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['a private network', '10.1.2.3'],
    ['a private network', '172.16.0.1'],
    ['a private network', '192.168.1.1'],
    ['the metadata of a cloud', '169.254.169.254'],
    ["a carrier's network", '100.64.0.1'],
    ['a test network', '198.18.0.1'],
    ['an example', '192.0.2.1'],
    ['protocol assignments', '192.0.0.8'],
    ['a group', '224.0.0.1'],
    ['the future', '240.0.0.1'],
    ['everybody', '255.255.255.255'],
    ['this machine in IPv6', '::1'],
    ['no address in IPv6', '::'],
    ['a link', 'fe80::1'],
    ['a link with a zone', 'fe80::1%eth0'],
    ['a public one with a zone', '2606:2800:220:1:248:1893:25c8:1946%eth0'],
    ['a site', 'fec0::1'],
    ['a private network in IPv6', 'fd00::1'],
    ['the metadata of a cloud in IPv6', 'fd00:ec2::254'],
    ['a group in IPv6', 'ff02::1'],
    ['an example in IPv6', '2001:db8::1'],
    ['this machine, mapped', '::ffff:127.0.0.1'],
    ['metadata, mapped', '::ffff:a9fe:a9fe'],
    ['this machine, compatible', '::127.0.0.1'],
    ['this machine, translated', '::ffff:0:127.0.0.1'],
    ['a private network behind NAT64', '64:ff9b::10.0.0.1'],
    ['metadata behind NAT64', '64:ff9b::a9fe:a9fe'],
    ['NAT64 of the own network', '64:ff9b:1::8.8.8.8'],
    ['a private network behind 6to4', '2002:a00:1::1'],
    ['Teredo', '2001:0:a00:1::1'],
    ['a name', 'localhost'],
    ['nothing', ''],
  ])('of %s is not: %s', (_what, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

/** Names and what they stand for; anything else does not exist. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.1', '::1'],
  'intern.example': ['10.0.0.5'],
  'half.example': ['93.184.216.34', '192.168.0.1'],
  'six.example': ['fd00::5'],
  'mapped.example': ['::ffff:169.254.169.254'],
  'nothing.example': [],
};
let asked: string[] = [];
const resolve = async (host: string): Promise<readonly string[]> => {
  asked.push(host);
  const found = NAMES[host.replace(/\.$/, '')];
  if (found === undefined) throw Object.assign(new Error('no such host'), { code: 'ENOTFOUND' });
  return found;
};
const signal = new AbortController().signal;

describe('a reader without a list of hosts', () => {
  const reader = createWebReader({ resolve });
  afterEach(() => (asked = []));
  afterAll(() => reader.close());

  test.each([
    ['a short form', 'http://127.1/'],
    ['a number', 'https://2130706433/'],
    ['hexadecimal', 'https://0x7f000001/'],
    ['octal', 'https://0177.0.0.1/'],
    ['a dot at the end', 'https://127.0.0.1./'],
    ['full-width digits', 'https://１２７.０.０.１/'],
    ['zero', 'http://0.0.0.0/'],
    ['a mapped form', 'https://[::ffff:169.254.169.254]/'],
    ['IPv6', 'https://[::1]/'],
    ['metadata', 'http://169.254.169.254/latest/meta-data/'],
    ['a private network', 'https://192.168.0.1/admin'],
  ])('asks nobody for an address that is written as %s', async (_how, url) => {
    await expect(reader.read(url, { abortSignal: signal })).rejects.toMatchObject({ type: 'forbidden' });
    expect(asked).toEqual([]);
  });

  test.each([
    ['a file', 'file:///etc/passwd'],
    ['gopher', 'gopher://127.0.0.1:6379/_INFO'],
    ['FTP', 'ftp://ftp.example/'],
    ['data', 'data:text/html,<p>x</p>'],
    ['a user', 'https://user@intern.example/'],
    ['a password', 'https://good.example:secret@intern.example/'],
    ['the port of SSH', 'https://intern.example:22/'],
    ['the port of mail', 'http://intern.example:25/'],
    ['the port of Redis', 'http://intern.example:6379/'],
    ['the port of Temporal', 'http://127.0.0.1:7233/'],
    ['the port of the own API', 'http://localhost:8080/v1/requests'],
    ['the port of plain HTTP under TLS', 'https://intern.example:80/'],
    ['a zone', 'http://[fe80::1%25eth0]/'],
    ['nothing', 'https://'],
    ['no scheme', 'intern.example'],
  ])('does not take %s', async (_what, url) => {
    await expect(reader.read(url, { abortSignal: signal })).rejects.toMatchObject({ type: 'invalid-body' });
    expect(asked).toEqual([]);
  });

  test.each(['localhost', 'localhost.', 'intern.example', 'half.example', 'six.example', 'mapped.example'])(
    'does not connect to %s, of which not every address is public',
    async (host) => {
      await expect(reader.read(`https://${host}/`, { abortSignal: signal })).rejects.toMatchObject({
        type: 'forbidden',
        message: expect.stringContaining('web.allowedHosts'),
      });
      expect(asked).toEqual([host]);
    },
  );

  test.each(['nothing.example', 'missing.example'])('says that there is no host %s', async (host) => {
    await expect(reader.read(`https://${host}/`, { abortSignal: signal })).rejects.toMatchObject({ type: 'not-found' });
  });

  test('stops looking a name up when it is told to', async () => {
    const hanging = createWebReader({ resolve: () => new Promise(() => undefined), timeoutMs: 50 });
    const options = { abortSignal: signal };
    await expect(hanging.read('https://slow.example/', options)).rejects.toMatchObject({ type: 'unavailable' });
    const stop = new AbortController();
    const reading = createWebReader({ resolve: () => new Promise(() => undefined) }).read('https://slow.example/', {
      abortSignal: stop.signal,
    });
    stop.abort(new Error('the user has cancelled'));
    await expect(reading).rejects.toThrow('the user has cancelled');
  });
});

describe('a reader with a list of hosts', () => {
  let web: WebStandIn;
  beforeAll(async () => (web = await startWebStandIn()));
  afterEach(() => web.assertClean());
  afterAll(() => web.close());

  test('connects to the address it has checked, and looks no name up a second time', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const names: string[] = [];
    const port = web.host.split(':')[1];
    const reader = createWebReader({
      allowedHosts: [`Rebind.test:${port}`],
      resolve: async (host) => {
        names.push(host);
        return answers.shift() ?? [];
      },
    });
    web.page('/pinned', { body: 'here', type: 'text/plain' });
    const page = await reader.read(`http://rebind.test:${port}/pinned`, { abortSignal: signal });
    expect(page).toEqual({ url: `http://rebind.test:${port}/pinned`, title: '', text: 'here' });
    expect(names).toEqual(['rebind.test']);
    expect(web.requests.at(-1)).toMatchObject({ host: `rebind.test:${port}` });
  });

  test('takes a host without its port for a name alone: its addresses are checked, and TLS is spoken', async () => {
    const reader = createWebReader({ allowedHosts: ['127.0.0.1', 'intern.example'], resolve });
    const before = web.requests.length;
    await expect(reader.read(`${web.url}/pinned`, { abortSignal: signal })).rejects.toMatchObject({
      type: 'invalid-body',
    });
    for (const url of ['http://127.0.0.1/', 'https://intern.example/'])
      await expect(reader.read(url, { abortSignal: signal })).rejects.toMatchObject({ type: 'forbidden' });
    expect(web.requests).toHaveLength(before);
  });

  test.each([
    ['docs.example', 'https://docs.example/a', true],
    ['Docs.Example', 'https://docs.example/a', true],
    ['docs.example', 'https://docs.example:8443/a', false],
    ['docs.example', 'http://docs.example/a', false],
    ['docs.example', 'https://evil.docs.example/', false],
    ['docs.example', 'https://docs.example.evil.example/', false],
    ['docs.example', 'https://evil.example/?docs.example', false],
    ['wiki.lan:8080', 'http://wiki.lan:8080/', true],
    ['wiki.lan:8080', 'http://wiki.lan/', false],
    ['wiki.lan:443', 'https://wiki.lan/', true],
    ['wiki.lan', 'no address', false],
    ['wiki.lan', 'file://wiki.lan/etc', false],
  ])('with %s on it, %s is allowed: %s', (entry, url, isAllowed) => {
    expect(createWebReader({ allowedHosts: [entry] }).allows(url)).toBe(isAllowed);
  });

  test.each([
    ['the metadata of a cloud', 'http://169.254.169.254/latest/meta-data/', 'forbidden'],
    ['this machine', 'https://127.0.0.1/', 'forbidden'],
    ['another port of this machine', 'http://127.0.0.1:22/', 'invalid-body'],
    ['a file', 'file:///etc/passwd', 'invalid-body'],
    ['a user', 'https://user:word@docs.example/', 'invalid-body'],
  ])('does not follow to %s', async (_where, location, type) => {
    const reader = createWebReader({ allowedHosts: [web.host], resolve });
    const url = web.page('/away', { status: 302, headers: { location } });
    await expect(reader.read(url, { abortSignal: signal })).rejects.toMatchObject({ type });
  });
});
