import { ProblemError } from '../../contracts/problem.js';
import { retryAfterOf } from '../../contracts/retry-after.js';

const LONGEST_WAIT_MS = 60_000;

/** What a server asks to wait, in milliseconds, but never longer than a minute. */
export function waitOf(headers: Headers): number | undefined {
  const waitMs = retryAfterOf(headers.get('retry-after'), Date.now());
  return waitMs === undefined ? undefined : Math.min(LONGEST_WAIT_MS, waitMs);
}

export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** No address of a page, or of one that is never read. */
export function wrongAddress(text: string): ProblemError {
  return new ProblemError('invalid-body', text, { errors: [{ path: 'url', message: 'cannot be read' }] });
}

/** The host leads into the own network, or is no host of the public internet. */
export function notPublic(host: string): ProblemError {
  return new ProblemError(
    'forbidden',
    `${host} is no address of the public internet, so it is not read. Whoever runs Retinue can allow it as host:port under web.allowedHosts in retinue.yaml.`,
  );
}

export function noSuchHost(host: string): ProblemError {
  return new ProblemError('not-found', `There is no host called ${host}. Check the address, or search for the page.`);
}

/** Nobody answered, or not to the end. May pass by itself. */
export function awayPage(host: string, cause: unknown): ProblemError {
  return new ProblemError('unavailable', `${host} cannot be reached or broke off. Try it later, or another page.`, {
    cause,
  });
}

export function slowPage(host: string, seconds: number, cause: unknown): ProblemError {
  return new ProblemError('unavailable', `${host} did not answer to the end within ${seconds} s. Try another page.`, {
    cause,
  });
}

/** The secure line cannot be trusted; that does not pass by itself. */
export function untrustedLine(host: string, cause: unknown): ProblemError {
  return new ProblemError(
    'conflict',
    `The certificate of ${host} is not valid, so the page is not read. Use another page, or ask the user.`,
    { cause },
  );
}

export function tooLargePage(host: string, mostBytes: number): ProblemError {
  return new ProblemError(
    'too-large',
    `What ${host} answers is larger than ${mostBytes / 1024 / 1024} MiB, so it is not read. Use another page.`,
  );
}

export function tooManyRedirects(host: string, most: number): ProblemError {
  return new ProblemError('conflict', `${host} redirects more than ${most} times. Use another page.`);
}

/** What an answer other than a page means. */
export function refusedPage(host: string, status: number, headers: Headers): ProblemError {
  if (isPassing(status))
    return new ProblemError('unavailable', `${host} is busy or failed (${status}). Try it later, or another page.`, {
      retryAfterMs: waitOf(headers),
    });
  if (status === 404 || status === 410)
    return new ProblemError('not-found', `There is no such page at ${host} (${status}). Search for it instead.`);
  if (status === 401 || status === 402 || status === 403 || status === 451)
    return new ProblemError(
      'forbidden',
      `${host} does not give out the page without signing in, or not to programs (${status}). Use another page, or ask the user for its text.`,
    );
  return new ProblemError('conflict', `${host} answered ${status} instead of a page. Use another page.`);
}

/** What files of the web mostly are. */
const NAMED_TYPES = [
  ...['gif', 'jpeg', 'png', 'svg+xml', 'webp'].map((name) => `image/${name}`),
  ...['audio/mpeg', 'audio/mp4', 'video/mp4', 'video/webm'],
  ...['octet-stream', 'pdf', 'zip', 'msword'].map((name) => `application/${name}`),
];

/**
 * Pages and plain text are read. Of everything else the type is named where it is a known one, since a server can write
 * anything in its place.
 */
export function unreadableType(mediaType: string): ProblemError {
  const advice =
    mediaType === 'application/pdf'
      ? 'PDF files cannot be read. Look for the same text as a web page, or ask the user for it.'
      : 'Only web pages, plain text and JSON can be read. Look for the same content as a page.';
  const type = NAMED_TYPES.includes(mediaType) ? mediaType : 'of no known type';
  return new ProblemError('unsupported-media', `It is ${type}. ${advice}`);
}

/** The process that reads pages had to be stopped. */
export function unreadablePage(): ProblemError {
  return new ProblemError(
    'unsupported-media',
    'The page is too large or too tangled: reading it had to be stopped. Use another page.',
    { status: 422 },
  );
}

export function busyReading(): ProblemError {
  return new ProblemError(
    'unavailable',
    'Too many pages are being read, or Retinue is stopping. Try again in a few seconds.',
  );
}
