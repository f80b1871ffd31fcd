import type { FastifyRequest } from 'fastify';
import { ProblemError } from '../../contracts/problem.js';

const READING = new Set(['GET', 'HEAD']);

/** A page of another site may not talk to us, whatever it knows. */
export function refuseForeignOrigin(request: FastifyRequest, publicUrl: string): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (!isOurs(request.headers.host, publicUrl) || hostOf(origin) !== request.headers.host?.toLowerCase()) {
    throw new ProblemError('forbidden', 'Pages of other sites may not call this server.');
  }
}

/** With a cookie the browser speaks for the user, so the call must come from our own page, under a name that is ours. */
export function refuseForgery(request: FastifyRequest, publicUrl: string): void {
  const site = request.headers['sec-fetch-site'];
  const host = isOurs(request.headers.host, publicUrl);
  const sameOrigin = site === 'same-origin' || (site === undefined && request.headers.origin !== undefined);
  const navigated = READING.has(request.method) && (site === undefined || site === 'none');
  if (!host || !(sameOrigin || navigated))
    throw new ProblemError('forbidden', 'A browser session is good for calls from the pages of this server only.');
}

/** Names a page could not have pointed at us by changing its own DNS. */
function isOurs(host: string | undefined, publicUrl: string): boolean {
  if (host === undefined) return false;
  const name = hostName(`http://${host}`);
  return (
    name === 'localhost' ||
    name === '127.0.0.1' ||
    name === '[::1]' ||
    (name !== undefined && name === hostName(publicUrl))
  );
}

function hostName(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
