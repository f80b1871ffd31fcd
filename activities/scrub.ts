import { SendError } from '../contracts/effect.js';
import { ProblemError } from '../contracts/problem.js';

/** Replaces secrets that were handed out by their references, in whatever comes back from where they went. */
export class Scrubber {
  /** Every form of every value, with what stands for it. */
  readonly #references = new Map<string, string>();
  #pattern: RegExp | undefined;

  /** From now on this value is replaced. */
  add(value: string, reference: string): void {
    for (const form of formsOf(value)) this.#references.set(form, reference);
    // The longest first, so that no part of one is left beside another.
    const forms = [...this.#references.keys()].toSorted((a, b) => b.length - a.length);
    this.#pattern = new RegExp(forms.map(literally).join('|'), 'g');
  }

  /** A copy without the values; JSON and what else is made of plain objects, keys included. */
  scrub<T>(value: T): T {
    return (this.#pattern === undefined ? value : this.#cleaned(value)) as T;
  }

  /** The same failure in words without the values. What says none of them stays the very same object. */
  error(error: unknown): unknown {
    if (this.#pattern === undefined) return error;
    if (!(error instanceof Error)) return this.#cleaned(error);
    const message = this.#text(error.message);
    const stack = this.#text(error.stack ?? '');
    const cause = this.error(error.cause);
    const clean = sameKind(error, message, cause, (value) => this.#cleaned(value));
    if (clean === undefined && message === error.message && stack === (error.stack ?? '') && cause === error.cause)
      return error;
    const told = clean ?? new Error(message, cause === undefined ? undefined : { cause });
    told.name = this.#text(error.name);
    told.stack = stack;
    return told;
  }

  #cleaned(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (Array.isArray(value)) return value.map((item) => this.#cleaned(item));
    if (typeof value !== 'object' || value === null) return value;
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.#cleaned(value.toJSON());
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.#text(key), this.#cleaned(item)]));
  }

  #text(text: string): string {
    return this.#pattern === undefined
      ? text
      : text.replaceAll(this.#pattern, (form) => this.#references.get(form) ?? '');
  }
}

/** The kinds of failure that somebody tells apart later on. */
function sameKind(
  error: Error,
  message: string,
  cause: unknown,
  cleaned: (value: unknown) => unknown,
): Error | undefined {
  if (error instanceof ProblemError) {
    const { type, status, errors, retryAfterMs } = error;
    return new ProblemError(type, message, { errors: cleaned(errors) as typeof errors, status, retryAfterMs, cause });
  }
  if (error instanceof SendError)
    return new SendError(error.failure, message, { retryAfterMs: error.retryAfterMs, cause });
  return undefined;
}

/** Shorter pieces of an encoded value would be found in ordinary text. */
const SHORTEST_CODE = 4;

/** The value, and how services show what they were sent: in JSON, in addresses and forms, in hex, in base64. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8');
  const uri = encodeURIComponent(value);
  const form = new URLSearchParams([['', value]]).toString().slice(1);
  const hex = bytes.toString('hex');
  const codes = [
    JSON.stringify(value).slice(1, -1),
    ...[uri, encodeURI(value), form].flatMap((code) => [code, inLowerCase(code)]),
    hex,
    hex.toUpperCase(),
    ...inBase64(bytes).flatMap((code) => [code, code.replaceAll('+', '-').replaceAll('/', '_')]),
  ];
  return [...new Set([value, ...codes.filter((code) => code.length >= SHORTEST_CODE)])];
}

/** As a part of a regular expression. */
function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

function inLowerCase(code: string): string {
  return code.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

/** By itself, and inside of something longer: there only the characters that its own bytes alone decide. */
function inBase64(bytes: Buffer): string[] {
  const whole = bytes.toString('base64');
  const inside = [0, 1, 2].map((before) => {
    const code = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return code.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  return [whole, whole.replace(/=+$/, ''), ...inside];
}
