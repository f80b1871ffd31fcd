import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { ProblemError } from '../../contracts/problem.js';
import { allowedHosts, type AllowedHosts, namedHost } from './allowed-hosts.js';
import { fetchBytes, inTime, networkCode, TimeIsOver, TooManyBytes, type WebAnswer } from './fetch-bytes.js';
import { isPublicAddress } from './public-address.js';
import {
  awayPage,
  noSuchHost,
  notPublic,
  refusedPage,
  slowPage,
  tooLargePage,
  tooManyRedirects,
  unreadableType,
  untrustedLine,
  wrongAddress,
} from './web-problems.js';

/** All addresses of a host. */
export type Resolve = (host: string) => Promise<readonly string[]>;

interface GuardedFetchOptions {
  /** `host` or `host:port`; the latter also where they are not public and have no TLS. */
  readonly allowed: readonly string[];
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
}

/** Bytes of a page, or where its host sends whoever asks for it. */
export type Fetched =
  | {
      readonly kind: 'page';
      readonly url: URL;
      readonly mediaType: string;
      readonly charset: string;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'elsewhere'; readonly url: URL; readonly redirectedTo: URL };

/** Where the way through the redirects of a host ends. */
interface Arrival {
  readonly url: URL;
  readonly answer: WebAnswer;
  readonly redirectedTo?: URL;
}

/** Whether bytes of this media type are wanted. */
type Reads = (mediaType: string) => boolean;

export interface GuardedFetch {
  /** On the list of the configuration. */
  allows(url: string): boolean;
  /**
   * The page at an address of the public internet, over TLS, with the redirects that stay at its host. Throws
   * `ProblemError`, or the reason of the signal.
   */
  fetch(url: string, how: Asking, reads: Reads): Promise<Fetched>;
  /** The status that the same way ends with; a redirect that leads elsewhere is one. No body is read. Throws as `fetch`. */
  status(url: string, how: Asking): Promise<number>;
}

export interface Asking {
  readonly abortSignal: AbortSignal;
  /** Whoever runs the installation has named this very address: host and port count as listed. */
  readonly isNamed?: boolean | undefined;
}

const TIMEOUT_MS = 15_000;
const MOST_BYTES = 5 * 1024 * 1024;
const MOST_REDIRECTS = 5;
const ACCEPT = 'text/html, application/xhtml+xml, text/plain;q=0.9, application/json;q=0.9, */*;q=0.1';
const REDIRECTS = [301, 302, 303, 307, 308];
const WEB = /^https?:$/;

/** The one way to pages whose address a model or a page has named. */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { resolve = everyAddress, timeoutMs = TIMEOUT_MS } = options;
  const listed = allowedHosts(options.allowed);

  async function ask(url: URL, hosts: AllowedHosts, signal: AbortSignal, reads: Reads): Promise<WebAnswer> {
    const addresses = await checkedAddresses(url, hosts, resolve, signal);
    return fetchBytes(url, {
      addresses,
      accept: ACCEPT,
      mostBytes: MOST_BYTES,
      abortSignal: signal,
      wantsBody: (status, headers) => isPage(status) && reads(mediaTypeOf(headers)),
    });
  }

  async function follow(start: URL, hosts: AllowedHosts, signal: AbortSignal, reads: Reads): Promise<Arrival> {
    let url = start;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
      const answer = await understood(url, signal, timeoutMs, ask(url, hosts, signal, reads));
      const next = redirectOf(url, answer, hosts);
      if (next === undefined) return { url, answer };
      if (!isSamePlace(url, next)) return { url, answer, redirectedTo: next };
      url = next;
    }
    throw tooManyRedirects(start.host, MOST_REDIRECTS);
  }

  const hostsFor = (url: string, { isNamed }: Asking): AllowedHosts => {
    const named = isNamed ? namedHost(url) : undefined;
    return named === undefined ? listed : allowedHosts([...options.allowed, named]);
  };
  const reach = (url: string, how: Asking, reads: Reads): Promise<Arrival> => {
    const hosts = hostsFor(url, how);
    const start = targetOf(url, hosts);
    return inTime(timeoutMs, how.abortSignal, (signal) => follow(start, hosts, signal, reads));
  };

  return {
    allows: (url) => URL.canParse(url) && WEB.test(new URL(url).protocol) && listed.allows(new URL(url)),
    fetch: async (url, how, reads) => {
      const { redirectedTo, ...arrival } = await reach(url, how, reads);
      return redirectedTo === undefined
        ? pageOf(arrival.url, arrival.answer, reads)
        : { kind: 'elsewhere', url: arrival.url, redirectedTo };
    },
    status: async (url, how) => (await reach(url, how, () => false)).answer.status,
  };
}

/**
 * The address as it is asked for: TLS except where the list names host and port, no other port, nothing of a user, no
 * fragment. Throws `ProblemError`.
 */
function targetOf(text: string, hosts: AllowedHosts, base?: URL): URL {
  if (!URL.canParse(text, base?.href))
    throw wrongAddress('This is no address of a web page. Give it whole, with https://.');
  const url = new URL(text, base?.href);
  url.hash = '';
  if (!WEB.test(url.protocol))
    throw wrongAddress(
      base === undefined
        ? `Only https addresses are read, not ${url.protocol}`
        : 'The page leads to an address that is not https. Use another page.',
    );
  if (url.username !== '' || url.password !== '')
    throw wrongAddress('The address holds a user name or a password. Leave out everything up to the @.');
  if (hosts.names(url)) return url;
  if (url.protocol === 'http:' && url.port === '') url.protocol = 'https:';
  if (url.port !== '') throw wrongAddress(`The port ${url.port} is not read, only the usual one of https.`);
  if (isLiteral(url) && !isPublicAddress(literalOf(url))) throw notPublic(url.hostname);
  return url;
}

function literalOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function isLiteral(url: URL): boolean {
  return isIP(literalOf(url)) !== 0;
}

/** Everything the name stands for now, each of it public, or of a host that is named with its port. */
async function checkedAddresses(
  url: URL,
  hosts: AllowedHosts,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const addresses = isLiteral(url) ? [literalOf(url)] : await orStopped(signal, resolve(url.hostname));
  if (addresses.length === 0) throw noSuchHost(url.hostname);
  if (!hosts.names(url) && !addresses.every(isPublicAddress)) throw notPublic(url.hostname);
  return addresses;
}

async function everyAddress(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

/** No server of names answered in time: that says nothing about the host. */
class SlowLookup extends Error {
  readonly code = 'EAI_AGAIN';
}

/** Looking up a name cannot be stopped, only left. */
async function orStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason instanceof TimeIsOver ? new SlowLookup() : (signal.reason as Error));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

const BROKEN_TLS = /CERT|SELF_SIGNED|TLS|SSL|UNABLE_TO/;

/** What went wrong on the way, in words; what the caller wanted stays as it is. */
async function understood<T>(url: URL, signal: AbortSignal, timeoutMs: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (signal.aborted)
      throw signal.reason instanceof TimeIsOver
        ? slowPage(url.host, timeoutMs / 1000, error)
        : (signal.reason as Error);
    if (error instanceof TooManyBytes) throw tooLargePage(url.host, MOST_BYTES);
    const code = networkCode(error);
    if (code === 'ENOTFOUND') throw noSuchHost(url.hostname);
    if (BROKEN_TLS.test(code)) throw untrustedLine(url.host, error);
    throw error instanceof ProblemError ? error : awayPage(url.host, error);
  }
}

/** Where the answer sends to, checked as any address is. */
function redirectOf(url: URL, { status, headers }: WebAnswer, hosts: AllowedHosts): URL | undefined {
  const location = headers.get('location');
  return REDIRECTS.includes(status) && location !== null ? targetOf(location, hosts, url) : undefined;
}

/** The same host and port; `www.` before it makes no other. */
function isSamePlace(a: URL, b: URL): boolean {
  const place = (url: URL): string => `${url.protocol}//${url.host.replace(/^www\./, '')}`;
  return place(a) === place(b);
}

function isPage(status: number): boolean {
  return status >= 200 && status < 300;
}

function pageOf(url: URL, { status, headers, bytes }: WebAnswer, reads: (mediaType: string) => boolean): Fetched {
  if (!isPage(status)) throw refusedPage(url.host, status, headers);
  const mediaType = mediaTypeOf(headers);
  if (!reads(mediaType)) throw unreadableType(mediaType);
  const charset = /charset\s*=\s*"?([\w.:-]{1,40})/i.exec(headers.get('content-type') ?? '')?.[1] ?? '';
  return { kind: 'page', url, mediaType, charset, bytes };
}

function mediaTypeOf(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}
