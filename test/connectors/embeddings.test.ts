import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEmbedder } from '../../connectors/openai/embeddings.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Embedder } from '../../contracts/services.js';
import {
  type EmbeddingsFault,
  type EmbeddingsOptions,
  type EmbeddingsStandIn,
  startEmbeddingsStandIn,
  vectorOf,
} from '../stand-ins/embeddings.js';

const KEY = 'sk-very-secret-1234567890';
const patient = () => new AbortController().signal;

let service: EmbeddingsStandIn;
beforeEach(async () => {
  service = await startEmbeddingsStandIn();
});
afterEach(async () => {
  await service.close();
  service.assertClean();
});

async function reopen(options: EmbeddingsOptions): Promise<void> {
  await service.close();
  service = await startEmbeddingsStandIn(options);
}

const embed = (embedder: Embedder, texts: string[], kind: 'query' | 'document' = 'document') =>
  embedder.embed(texts, { kind, abortSignal: patient() });

async function problemOf(work: Promise<unknown>): Promise<ProblemError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ProblemError) return error;
  throw new Error(`no problem, but ${String(error)}`);
}

describe('texts', () => {
  test('come back as vectors in their own order, whatever the order of the answer', async () => {
    const texts = ['my car', 'the garden', 'an invoice'];
    const vectors = await embed(createEmbedder({ baseUrl: service.url }), texts);
    expect(vectors).toEqual(texts.map((text) => vectorOf(text, 32)));
    expect(service.calls).toMatchObject([
      { path: '/v1/embeddings', authorization: undefined, model: 'text-embedding-3-small', input: texts },
    ]);
  });

  test('of none need no service', async () => {
    expect(await embed(createEmbedder({ baseUrl: service.url }), [])).toEqual([]);
    expect(service.calls).toEqual([]);
  });

  test('go with the key and the model that are set', async () => {
    await reopen({ apiKey: KEY, models: { bge: 8 } });
    const embedder = createEmbedder({ baseUrl: service.url, apiKey: KEY, model: 'bge' });
    await embed(embedder, ['car']);
    expect(service.calls).toMatchObject([{ authorization: `Bearer ${KEY}`, model: 'bge', input: ['car'] }]);
    expect(embedder.model).toBe('bge');
  });

  test.each([
    ['nomic-embed-text:v1.5', 'search_query: car', 'search_document: car'],
    ['intfloat/multilingual-e5-small', 'query: car', 'passage: car'],
    ['mxbai-embed-large', 'Represent this sentence for searching relevant passages: car', 'car'],
    ['text-embedding-3-large', 'car', 'car'],
  ])('go to %s as it was taught', async (model, query, document) => {
    await reopen({ models: { [model]: 8 } });
    const embedder = createEmbedder({ baseUrl: service.url, model });
    await embed(embedder, ['car'], 'query');
    await embed(embedder, ['car'], 'document');
    expect(service.embedded).toEqual([query, document]);
  });

  test.each([
    ['', '/v1/embeddings'],
    ['/', '/v1/embeddings'],
    ['/openai/v1', '/openai/v1/embeddings'],
    ['/v1/embeddings', '/v1/embeddings'],
  ])('are sent from the base address %j to %s', async (base, path) => {
    await reopen({ path });
    await embed(createEmbedder({ baseUrl: `${service.url}${base}` }), ['car']);
    expect(service.calls).toMatchObject([{ path, status: 200 }]);
  });
});

describe('numbers', () => {
  const answering = async (numbers: string): Promise<number[][]> => {
    const server = http.createServer((request, response) => {
      request.resume();
      response.end(`{"data":[{"index":0,"embedding":[${numbers}]}]}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      return await embed(createEmbedder({ baseUrl: `http://127.0.0.1:${port}` }), ['car']);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };

  test('that the database would refuse as too small count as nothing', async () => {
    expect(await answering('1, 1e-60, -1e-42')).toEqual([[1, 0, 0]]);
  });

  test.each([['1e39'], ['-1e300'], ['null'], ['"1"'], ['']])('such as %j are no vector', async (numbers) => {
    expect(await problemOf(answering(numbers))).toMatchObject({ type: 'conflict' });
  });
});

describe('a service that does not answer as it should', () => {
  test.each<[EmbeddingsFault, string, RegExp]>([
    ['unauthorised', 'forbidden', /wants a key\. Set EMBEDDINGS_API_KEY/],
    ['busy', 'unavailable', /embeddings service at .* is busy or failed \(429\)/],
    ['failed', 'unavailable', /is busy or failed \(500\)/],
    ['no-credit', 'forbidden', /no credit left/],
    ['reset', 'unavailable', /cannot be reached or broke off.*EMBEDDINGS_BASE_URL/],
    ['cut', 'unavailable', /broke off/],
    ['moved', 'not-found', /There is no embeddings service .*Check EMBEDDINGS_BASE_URL/],
    ['garbage', 'conflict', /does not answer as an embeddings service does/],
    ['endless', 'conflict', /does not answer as an embeddings service/],
    ['wrong-count', 'conflict', /does not answer as an embeddings service/],
    ['wrong-index', 'conflict', /does not answer as an embeddings service/],
    ['mixed-dimensions', 'conflict', /does not answer as an embeddings service/],
    ['no-numbers', 'conflict', /does not answer as an embeddings service/],
  ])('%s is told as %s', async (fault, type, message) => {
    service.fail(fault);
    const problem = await problemOf(embed(createEmbedder({ baseUrl: service.url }), ['car', 'garden']));
    expect(problem.type).toBe(type);
    expect(problem.message).toMatch(message);
    expect(problem.message).not.toMatch(/sk-very|Rate limit|current quota|server had an error/);
  });

  test('refuses a key without its words being passed on', async () => {
    await reopen({ apiKey: KEY });
    const problem = await problemOf(embed(createEmbedder({ baseUrl: service.url, apiKey: 'wrong' }), ['car']));
    expect(problem).toMatchObject({ type: 'forbidden' });
    expect(problem.message).toMatch(/refuses the key\. Set EMBEDDINGS_API_KEY/);
  });

  test('has no such model', async () => {
    const problem = await problemOf(embed(createEmbedder({ baseUrl: service.url, model: 'huge' }), ['car']));
    expect(problem).toMatchObject({ type: 'not-found' });
    expect(problem.message).toMatch(/has no model huge\. Set EMBEDDINGS_MODEL/);
  });

  test('says how long to wait, and is not waited for longer than a minute', async () => {
    await reopen({ retryAfter: '7' });
    service.fail('busy', 'failed');
    const embedder = createEmbedder({ baseUrl: service.url });
    expect((await problemOf(embed(embedder, ['car']))).retryAfterMs).toBe(7_000);
    expect((await problemOf(embed(embedder, ['car']))).retryAfterMs).toBe(7_000);
    await reopen({ retryAfter: '86400' });
    service.fail('busy');
    const other = createEmbedder({ baseUrl: service.url });
    expect((await problemOf(embed(other, ['car']))).retryAfterMs).toBe(60_000);
  });

  test('answers with vectors of another length than before', async () => {
    const embedder = createEmbedder({ baseUrl: service.url });
    await embed(embedder, ['car']);
    service.fail('wrong-dimension');
    const problem = await problemOf(embed(embedder, ['car']));
    expect(problem).toMatchObject({ type: 'conflict' });
    expect(problem.message).toMatch(/vectors of another length.*Restart.*EMBEDDINGS_MODEL/);
  });

  test.each([[false], [true]])('refuses a text that is too long (as a local server: %j)', async (isLocal) => {
    await reopen({ longest: 10, isLocal });
    const problem = await problemOf(embed(createEmbedder({ baseUrl: service.url }), ['much too long a text']));
    expect(problem).toMatchObject({ type: 'invalid-body' });
    expect(problem.message).not.toContain('much too long');
  });

  test('is left when the caller gives up', async () => {
    service.fail('hang');
    const stop = new AbortController();
    const asked = createEmbedder({ baseUrl: service.url }).embed(['car'], { kind: 'query', abortSignal: stop.signal });
    const reason = new Error('enough');
    setTimeout(() => stop.abort(reason), 50);
    await expect(asked).rejects.toBe(reason);
  });

  test('is not there', async () => {
    const { url } = service;
    await service.close();
    expect(await problemOf(embed(createEmbedder({ baseUrl: url }), ['car']))).toMatchObject({ type: 'unavailable' });
  });
});
