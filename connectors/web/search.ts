import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import type { WebHit, WebSearch } from '../../contracts/services.js';
import { wellFormed } from '../../contracts/well-formed.js';
import { fetchBytes, inTime, TooManyBytes, type WebAnswer } from './fetch-bytes.js';
import { isPassing, waitOf } from './web-problems.js';

interface WebSearchOptions {
  /** Where the service is, such as `http://127.0.0.1:8888`. */
  readonly url: string;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 4 * 1024 * 1024;
/** Longer ones are no pages that anybody would open. */
const LONGEST_ADDRESS = 2_000;

const AnswerSchema = z.object({
  results: z.array(z.object({ url: z.string(), title: z.string().catch(''), content: z.string().catch('') })),
});

/** Client of a search service that answers as SearXNG does, with its JSON format switched on. */
export function createWebSearch({ url: base, timeoutMs = TIMEOUT_MS }: WebSearchOptions): WebSearch {
  const place = searchUrl(base);
  const { host } = place;

  async function ask(query: string, abortSignal: AbortSignal): Promise<WebAnswer> {
    const url = new URL(place);
    url.searchParams.set('q', query);
    url.searchParams.set('format', 'json');
    const options = { accept: 'application/json', mostBytes: MOST_BYTES, wantsBody: isAnswer };
    try {
      return await inTime(timeoutMs, abortSignal, (signal) => fetchBytes(url, { ...options, abortSignal: signal }));
    } catch (error) {
      abortSignal.throwIfAborted();
      if (error instanceof TooManyBytes) throw unreadable(host);
      throw unreachable(host, error);
    }
  }

  return {
    route: `searched with ${host}`,
    async search(query, { limit, abortSignal }) {
      const answer = await ask(query, abortSignal);
      if (!isAnswer(answer.status)) throw complaintOf(host, answer);
      return wellFormed(hitsOf(host, answer.bytes).slice(0, limit));
    },
  };
}

/** A path that names the call is taken as it stands. */
function searchUrl(base: string): URL {
  const url = new URL(base);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/search') ? path : `${path}/search`;
  return url;
}

function isAnswer(status: number): boolean {
  return status === 200;
}

/** Each page once, in the order of the service. */
function hitsOf(host: string, bytes: Uint8Array): WebHit[] {
  const parsed = AnswerSchema.safeParse(parseJson(new TextDecoder().decode(bytes)), { reportInput: false });
  if (!parsed.success) throw unreadable(host);
  const pages = parsed.data.results.filter(({ url }) => isPage(url));
  const once = new Map(pages.map(({ url, title, content }) => [url, { title, url, text: content }] as const));
  return [...once.values()];
}

function isPage(url: string): boolean {
  return url.length <= LONGEST_ADDRESS && URL.canParse(url) && /^https?:\/\//i.test(url);
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Nobody answered, or not to the end. May pass by itself. */
function unreachable(host: string, cause: unknown): ProblemError {
  return new ProblemError(
    'unavailable',
    `The search service at ${host} cannot be reached, broke off or took too long. Check that it runs and that web.searchUrl is right.`,
    { cause },
  );
}

/** What came is not what was asked for. */
function unreadable(host: string): ProblemError {
  return new ProblemError(
    'conflict',
    `What answers at ${host} does not answer as a search service does. Check web.searchUrl, and that the service answers with format=json.`,
  );
}

function complaintOf(host: string, { status, headers }: WebAnswer): ProblemError {
  if (isPassing(status))
    return new ProblemError('unavailable', `The search service at ${host} is busy or failed (${status}).`, {
      retryAfterMs: waitOf(headers),
    });
  if (status === 401 || status === 403)
    return new ProblemError(
      'forbidden',
      `The search service at ${host} refuses the question (${status}). In SearXNG, add json to search.formats in settings.yml, and let this machine pass its limiter.`,
    );
  return new ProblemError(
    'not-found',
    `There is no search service at the address that is set for ${host} (it answered ${status}). Check web.searchUrl.`,
  );
}
