import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import type { Embedder } from '../../contracts/services.js';
import { exchange, jsonBody } from './post.js';
import {
  type Answer,
  complaintOfAny,
  errorOf,
  misplaced,
  parseJson,
  type Service,
  unreadable,
  variableOf,
} from './service-problems.js';

interface EmbedderOptions {
  /** Where the service is; OpenAI itself when omitted. */
  readonly baseUrl?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly model?: string | undefined;
}

const OPENAI = 'https://api.openai.com/v1';
const MODEL = 'text-embedding-3-small';
/** As many numbers as the database can keep in one vector, and what each takes when it is written out. */
const MOST_NUMBERS = 16_000;
const BYTES_A_NUMBER = 30;
const LARGEST_NUMBER = 1e30;
const SMALLEST_NUMBER = 1e-30;

const AnswerSchema = z.object({
  data: z.array(
    z.object({
      index: z.int().min(0),
      embedding: z.array(z.number().min(-LARGEST_NUMBER).max(LARGEST_NUMBER)).min(1).max(MOST_NUMBERS),
    }),
  ),
});

/** What some models were taught to see in front of a text, since a question and what answers it read differently. */
const PREFIXES: readonly (readonly [RegExp, { readonly query: string; readonly document: string }])[] = [
  [/nomic-embed-text/i, { query: 'search_query: ', document: 'search_document: ' }],
  [/(?:^|[/:_-])(?:multilingual-)?e5-/i, { query: 'query: ', document: 'passage: ' }],
  [/mxbai-embed-large/i, { query: 'Represent this sentence for searching relevant passages: ', document: '' }],
];
const NO_PREFIX = { query: '', document: '' };

/** Client of a service that embeds as OpenAI does: OpenAI itself, Ollama, llama.cpp, LocalAI and others. */
export function createEmbedder({ baseUrl = OPENAI, apiKey, model = MODEL }: EmbedderOptions): Embedder {
  const url = embeddingsUrl(baseUrl);
  const service: Service = { kind: 'embeddings', host: url.host, model, hasKey: apiKey !== undefined };
  const headers = {
    accept: 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  const prefix = PREFIXES.find(([pattern]) => pattern.test(model))?.[1] ?? NO_PREFIX;
  let dimension: number | undefined;

  return {
    model,
    async embed(texts, { kind, abortSignal }) {
      if (texts.length === 0) return [];
      const body = jsonBody({ model, input: texts.map((text) => `${prefix[kind]}${text}`) });
      const mostBytes = (texts.length + 1) * MOST_NUMBERS * BYTES_A_NUMBER;
      const answer = await exchange(service, url, body, { headers, mostBytes, abortSignal });
      if (answer.status !== 200) throw complaintOf(service, answer);
      const vectors = vectorsOf(service, answer.text, texts.length);
      dimension ??= vectors[0]?.length;
      if (vectors.some((vector) => vector.length !== dimension)) throw changed(service);
      return vectors;
    },
  };
}

/** A path that names the call is taken as it stands. */
function embeddingsUrl(baseUrl: string): URL {
  const url = new URL(baseUrl);
  const path = url.pathname.replace(/\/+$/, '');
  if (!path.endsWith('/embeddings')) url.pathname = `${path === '' ? '/v1' : path}/embeddings`;
  return url;
}

/** One vector a text, in the order of the texts, whatever the order of the answer. */
function vectorsOf(service: Service, text: string, count: number): number[][] {
  const parsed = AnswerSchema.safeParse(parseJson(text), { reportInput: false });
  if (!parsed.success || parsed.data.data.length !== count) throw unreadable(service);
  const sorted = parsed.data.data.toSorted((a, b) => a.index - b.index);
  if (sorted.some(({ index }, place) => index !== place)) throw unreadable(service);
  if (sorted.some(({ embedding }) => embedding.length !== sorted[0]?.embedding.length)) throw unreadable(service);
  return sorted.map(({ embedding }) => embedding.map(storable));
}

/** Numbers too small for single precision count as nothing. */
function storable(number: number): number {
  return Math.abs(number) < SMALLEST_NUMBER ? 0 : number;
}

/** Vectors of different lengths come from different models, whatever they are called. */
function changed(service: Service): ProblemError {
  return new ProblemError(
    'conflict',
    `The embeddings service at ${service.host} has begun to answer with vectors of another length: there is another model behind the name ${service.model}. Restart, and everything is embedded again; give models different names in ${variableOf(service, 'MODEL')}.`,
  );
}

/** Local servers call it a failure of theirs when a text is longer than the model takes. */
const TOO_LONG =
  /too (?:large to process|long|many tokens)|context (?:length|size)|maximum (?:input|number of tokens)/i;

function complaintOf(service: Service, answer: Answer): ProblemError {
  const { status } = answer;
  const { message } = errorOf(answer.text);
  const isTooLong = (status === 400 || status === 500) && TOO_LONG.test(message);
  const complaint = isTooLong ? undefined : complaintOfAny(service, answer);
  if (complaint !== undefined) return complaint;
  if (isTooLong || status === 400 || status === 413 || status === 422)
    return new ProblemError(
      'invalid-body',
      `The embeddings service at ${service.host} refuses a text (${status}). It may be too long for the model ${service.model}.`,
    );
  return misplaced(service, status);
}
