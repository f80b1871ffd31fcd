import { z } from 'zod';
import type { WebPage, WebReader } from '../../contracts/services.js';
import { wellFormed } from '../../contracts/well-formed.js';
import { createKillableChild, type KillableChild } from '../child-process/killable-child.js';
import { createGuardedFetch, type Fetched, type Resolve } from './guarded-fetch.js';
import { probe } from './probe.js';
import { busyReading, unreadablePage } from './web-problems.js';

interface WebReaderOptions {
  /** `host` or `host:port`; the latter also where they are not public and have no TLS. */
  readonly allowedHosts?: readonly string[];
  readonly resolve?: Resolve;
  /** Program that turns HTML into text. */
  readonly entry?: URL;
  readonly timeoutMs?: number;
  readonly childTimeoutMs?: number;
}

const ENTRY = new URL('./readable-text-child.mjs', import.meta.url);
const PAGES = ['text/html', 'application/xhtml+xml'];
const TEXTS = /^(?:text\/[\w.+-]+|application\/(?:[\w.-]+\+)?(?:json|xml))$/;
/** Characters; what follows is left out. */
const MOST_TEXT = 1_000_000;
const CHILD_TIMEOUT_MS = 10_000;
const HEAP_MEGABYTES = 256;
/** Twice what a dense page of the largest size needs. */
const MOST_RESIDENT_KILOBYTES = 512 * 1024;
/** Characters; text that a page may have, with room for what JSON escapes. */
const MOST_OUTPUT = 8_000_000;

const ReadableSchema = z.object({ title: z.string(), text: z.string() });

/** Reads single pages of the web as plain text. Whoever opens it closes it. */
export function createWebReader(options: WebReaderOptions = {}): WebReader & { close(): Promise<void> } {
  const { allowedHosts = [], resolve, entry = ENTRY, timeoutMs, childTimeoutMs = CHILD_TIMEOUT_MS } = options;
  const web = createGuardedFetch({
    allowed: allowedHosts,
    ...(resolve === undefined ? {} : { resolve }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  const child = createKillableChild({
    entry,
    timeoutMs: childTimeoutMs,
    heapMegabytes: HEAP_MEGABYTES,
    mostResidentKilobytes: MOST_RESIDENT_KILOBYTES,
    mostOutput: MOST_OUTPUT,
    endCodes: [0],
    busy: busyReading,
  });
  return {
    allows: (url) => web.allows(url),
    async read(url, how) {
      const fetched = await web.fetch(url, how, isReadable);
      if (fetched.kind === 'page') return wellFormed(await textOf(child, fetched));
      return { url: fetched.url.href, title: '', text: '', redirectedTo: fetched.redirectedTo.href };
    },
    probe: (url, how) => probe(web, url, how),
    close: () => child.close(),
  };
}

function isReadable(mediaType: string): boolean {
  return PAGES.includes(mediaType) || TEXTS.test(mediaType);
}

async function textOf(child: KillableChild, page: Fetched & { readonly kind: 'page' }): Promise<WebPage> {
  const { url, mediaType, charset, bytes } = page;
  if (!PAGES.includes(mediaType))
    return { url: url.href, title: '', text: decoded(bytes, charset).slice(0, MOST_TEXT) };
  const parsed = ReadableSchema.safeParse(parseJson(await child.run([url.href, charset], bytes)), {
    reportInput: false,
  });
  if (!parsed.success) throw unreadablePage();
  return { url: url.href, ...parsed.data };
}

/** Undefined for what is no JSON. */
function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    return undefined;
  }
}

/** A charset that nobody knows counts as UTF-8. */
function decoded(bytes: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset === '' ? 'utf-8' : charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
