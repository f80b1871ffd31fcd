import { describe, expect, test } from 'vitest';
import { Scrubber } from '../../activities/scrub.js';
import { SendError } from '../../contracts/effect.js';
import { ProblemError } from '../../contracts/problem.js';
import { hostName, secretName, secretsNamedIn } from '../../contracts/secret.js';

const VALUE = 'Zv9$ké/y+"q\\w~&=? x';
const REFERENCE = 'secret://deploy-key';

function scrubber(value = VALUE, reference = REFERENCE): Scrubber {
  const made = new Scrubber();
  made.add(value, reference);
  return made;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('what comes back from a run', () => {
  test.each<[string, string]>([
    ['as it is', VALUE],
    ['in JSON', JSON.stringify({ key: VALUE })],
    ['in an address', `https://a.example/?key=${encodeURIComponent(VALUE)}`],
    ['in an address in lower case', encodeURIComponent(VALUE).replaceAll(/%../g, (code) => code.toLowerCase())],
    ['in a form', new URLSearchParams({ key: VALUE }).toString()],
    ['in hex', Buffer.from(VALUE).toString('hex')],
    ['in upper hex', Buffer.from(VALUE).toString('hex').toUpperCase()],
    ['in base64', base64(VALUE)],
    ['in base64 for addresses', Buffer.from(VALUE).toString('base64url')],
    ['behind a name in base64', `Basic ${base64(`u:${VALUE}`)}`],
    ['behind a longer name in base64', `Basic ${base64(`me:${VALUE}`)}`],
    ['in the middle in base64', base64(`you:${VALUE}:more`)],
    ['twice', `${VALUE}${VALUE}`],
  ])('shows the reference instead of the value %s', (_name, text) => {
    const clean = scrubber().scrub({ deep: [{ [text]: text }] });
    const shown = JSON.stringify(clean);
    expect(shown.split(REFERENCE).length).toBeGreaterThanOrEqual(3);
    for (const piece of [VALUE, 'Zv9$', base64(VALUE).slice(4, 12), encodeURIComponent(VALUE).slice(3)])
      expect(shown).not.toContain(piece);
  });

  test('stays as it is where the value is not in it', () => {
    const result = { output: { text: 'Done.', count: 3, at: null, deep: [true, ['x']] } };
    expect(scrubber().scrub(result)).toEqual(result);
    expect(new Scrubber().scrub(result)).toBe(result);
  });

  test('names each of several secrets, also where one is a part of the other or of a name', () => {
    const made = scrubber('password', 'secret://short');
    made.add('password-and-more', 'secret://long-password');
    expect(made.scrub('password-and-more, password')).toBe('secret://long-password, secret://short');
  });

  test('is not taken for a pattern', () => {
    expect(scrubber('a.c+[x]($&)', 'secret://$1').scrub('a.c+[x]($&) abc+x')).toBe('secret://$1 abc+x');
  });
});

describe('a failure', () => {
  test('keeps what others tell it apart by', () => {
    const cause = new Error(`refused ${VALUE}`);
    const problem = scrubber().error(
      new ProblemError('conflict', `no ${VALUE}`, {
        errors: [{ path: VALUE, message: VALUE }],
        retryAfterMs: 5,
        cause,
      }),
    );
    expect(problem).toBeInstanceOf(ProblemError);
    expect(problem).toMatchObject({
      type: 'conflict',
      status: 409,
      message: `no ${REFERENCE}`,
      errors: [{ path: REFERENCE, message: REFERENCE }],
      retryAfterMs: 5,
      cause: { message: `refused ${REFERENCE}` },
    });
    const failed = scrubber().error(new SendError('stale', VALUE, { retryAfterMs: 7 }));
    expect(failed).toBeInstanceOf(SendError);
    expect(failed).toMatchObject({ failure: 'stale', message: REFERENCE, retryAfterMs: 7 });
  });

  test('of any other kind loses everything but its words', () => {
    const error = Object.assign(new TypeError(`bad ${VALUE}`), { request: { headers: { authorization: VALUE } } });
    const clean = scrubber().error(error);
    expect(clean).toMatchObject({ name: 'TypeError', message: `bad ${REFERENCE}` });
    expect(clean).not.toHaveProperty('request');
    expect(clean instanceof Error ? clean.stack : VALUE).not.toContain(VALUE);
    expect(scrubber().error(`thrown ${VALUE}`)).toBe(`thrown ${REFERENCE}`);
  });

  test('that does not say it is the very same', () => {
    const error = new RangeError('out of range');
    expect(scrubber().error(error)).toBe(error);
    expect(new Scrubber().error(error)).toBe(error);
  });
});

describe('a reference', () => {
  test('is a whole string, however deep it stands', () => {
    const input = {
      key: REFERENCE,
      more: [{ token: 'secret://a.b_c-9' }],
      text: `use ${REFERENCE}`,
      none: 'secret://',
    };
    expect(secretsNamedIn(input)).toEqual(['deploy-key', 'a.b_c-9']);
  });

  test.each(['deploy-key', 'secret://', 'secret://a/b', 'SECRET://x', 'secret://x ', VALUE])(
    '%j is none, and is not repeated',
    (text) => {
      expect(() => secretName(text)).toThrow('A secret is named by a reference such as secret://deploy-key.');
    },
  );
});

describe('a host', () => {
  test.each([
    ['Deploy.Example.COM', 'deploy.example.com'],
    ['a.example:443', 'a.example'],
    ['a.example:8443', 'a.example:8443'],
    ['127.0.0.1:4000', '127.0.0.1:4000'],
    ['[::1]:4000', '[::1]:4000'],
    ['bücher.example', 'xn--bcher-kva.example'],
  ])('%s is compared as %s', (text, name) => {
    expect(hostName(text)).toBe(name);
  });

  test.each(['', 'https://a.example', 'a.example/path', 'user@a.example', '*.a.example', 'a.example?x', 'a b', 'a:b'])(
    '%j is none',
    (text) => {
      expect(() => hostName(text)).toThrow(/is not a host\. Name one host such as api\.example\.com/);
    },
  );
});
