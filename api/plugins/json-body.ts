import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ProblemError } from '../../contracts/problem.js';

export const MOST_JSON_BYTES = 8 * 1024 * 1024;
const MOST_LEVELS = 64;

/**
 * Reads JSON bodies: UTF-8 only, at most 8 MiB and 64 levels deep, without keys that reach into prototypes.
 * Depth is judged on the text, before anything recursive sees it.
 */
export function registerJsonBody(app: FastifyInstance): (text: string) => unknown {
  const parse = createJsonParser(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: MOST_JSON_BYTES },
    async (request: FastifyRequest, body: Buffer) => {
      const charset = /charset\s*=\s*"?([^\s;"]+)/i.exec(request.headers['content-type'] ?? '')?.[1] ?? 'utf-8';
      if (!/^utf-?8$/i.test(charset)) throw new ProblemError('unsupported-media', 'JSON is read as UTF-8 only.');
      return body.length === 0 ? undefined : parse(decode(body));
    },
  );
  return parse;
}

/** Parses the text of one JSON document; throws `invalid-body`. */
function createJsonParser(app: FastifyInstance): (text: string) => unknown {
  const secure = app.getDefaultJsonParser('error', 'error');
  return (text) => {
    refuseDeep(text);
    let outcome: { error: Error | null; value: unknown } = { error: null, value: undefined };
    // The parser calls back before it returns; it looks at the text alone.
    void secure({} as FastifyRequest, text, (error, value) => {
      outcome = { error, value };
    });
    if (outcome.error !== null)
      throw new ProblemError('invalid-body', 'The body is not valid JSON.', {
        errors: [{ path: 'body', message: 'is not valid JSON' }],
        cause: outcome.error,
      });
    return outcome.value;
  };
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new ProblemError('invalid-body', 'The body is not valid UTF-8.', {
      errors: [{ path: 'body', message: 'is not valid UTF-8' }],
      cause: error,
    });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

function refuseDeep(text: string): void {
  let level = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === BACKSLASH) index += 1;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (OPENING.has(code)) level += 1;
    else if (CLOSING.has(code)) level -= 1;
    if (level > MOST_LEVELS) {
      throw new ProblemError('invalid-body', `The body is nested more than ${MOST_LEVELS} levels deep.`, {
        errors: [{ path: 'body', message: `must not be nested more than ${MOST_LEVELS} levels deep` }],
      });
    }
  }
}
