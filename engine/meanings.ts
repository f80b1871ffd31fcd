import type { Embedder } from '../contracts/services.js';
import { ProblemError } from '../contracts/problem.js';
import type { Meaning } from '../spaces/search.js';
import { assertOutsideTransaction } from '../store/db.js';
import { sql } from '../store/sql.js';
import type { CallRef } from './calls.js';
import type { Engine } from './deps.js';
import type { CallRow } from './rows.js';

const WAIT_MS = 2_000;
/** How long a service that failed is left alone, unless it asked for longer. */
const REST_MS = 30_000;
const MOST_KEPT = 500;

/** What is known of one service: texts asked for lately, and until when it is left alone. */
interface Memory {
  readonly meanings: Map<string, Meaning>;
  restsUntil: number;
}

const memories = new WeakMap<Embedder, Memory>();

/**
 * What a query means, for `searchAtoms`. Undefined without a query or an embeddings service, and where the service fails
 * or takes longer than 2 s: a search then goes by words alone. Never inside a transaction.
 */
export async function meaningOf(
  engine: Pick<Engine, 'embedder' | 'log'>,
  query: string | undefined,
): Promise<Meaning | undefined> {
  return (await meaningsOf(engine, query === undefined ? [] : [query])).get(query ?? '');
}

/** As `meaningOf` for several texts, asked for at once; without those whose meaning is not known. */
async function meaningsOf(
  { embedder, log }: Pick<Engine, 'embedder' | 'log'>,
  texts: readonly string[],
): Promise<ReadonlyMap<string, Meaning>> {
  const wanted = [...new Set(texts)].filter((text) => text.trim() !== '');
  if (embedder === undefined || wanted.length === 0) return new Map();
  assertOutsideTransaction('The embeddings service');
  const memory = memoryOf(embedder);
  const missing = wanted.filter((text) => !memory.meanings.has(text));
  if (missing.length > 0 && Date.now() >= memory.restsUntil) {
    try {
      await learn(embedder, memory, missing);
    } catch (error) {
      memory.restsUntil = Date.now() + restOf(error);
      log?.warn({ err: error }, 'the embeddings service does not answer; searching by words alone for a while');
    }
  }
  return new Map(wanted.flatMap((text) => recalled(memory, text)));
}

/** As `meaningsOf` for the queries that a call is about to search for; `searches` tells them from its skill and input. */
export async function meaningsOfCall(
  engine: Pick<Engine, 'db' | 'embedder' | 'log'>,
  { user, request, callId }: CallRef,
  searches: (call: Pick<CallRow, 'skill' | 'input'>) => readonly string[],
): Promise<ReadonlyMap<string, Meaning>> {
  if (engine.embedder === undefined) return new Map();
  const call = await engine.db.as(user, (tx) =>
    tx.maybe<Pick<CallRow, 'skill' | 'input'>>(
      sql`select skill, input from calls where id = ${callId} and request_id = ${request} and status = 'pending'`,
    ),
  );
  return call === undefined ? new Map() : meaningsOf(engine, searches(call));
}

function memoryOf(embedder: Embedder): Memory {
  const known = memories.get(embedder) ?? { meanings: new Map<string, Meaning>(), restsUntil: 0 };
  memories.set(embedder, known);
  return known;
}

async function learn(embedder: Embedder, memory: Memory, texts: readonly string[]): Promise<void> {
  const abortSignal = AbortSignal.timeout(WAIT_MS);
  const vectors = await embedder.embed(texts, { kind: 'query', abortSignal });
  for (const [index, text] of texts.entries()) {
    const vector = vectors[index];
    if (vector?.some((number) => number !== 0) === true) memory.meanings.set(text, { model: embedder.model, vector });
  }
}

/** Asked for again, a text is kept longer than those that were not. */
function recalled(memory: Memory, text: string): [string, Meaning][] {
  const meaning = memory.meanings.get(text);
  if (meaning === undefined) return [];
  memory.meanings.delete(text);
  memory.meanings.set(text, meaning);
  for (const oldest of memory.meanings.keys()) {
    if (memory.meanings.size <= MOST_KEPT) break;
    memory.meanings.delete(oldest);
  }
  return [[text, meaning]];
}

/** A text that is refused says nothing of the next one. */
function restOf(error: unknown): number {
  if (!(error instanceof ProblemError)) return REST_MS;
  return error.type === 'invalid-body' ? 0 : Math.max(REST_MS, error.retryAfterMs ?? 0);
}
