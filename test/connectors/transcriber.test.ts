import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTranscriber } from '../../connectors/openai/transcriber.js';
import { transcriptionUrl } from '../../connectors/openai/transcription-url.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Transcriber } from '../../contracts/services.js';
import { opusOf } from '../helpers/recordings.js';
import {
  startTranscriptionStandIn,
  type TranscriptionFault,
  type TranscriptionOptions,
  type TranscriptionStandIn,
} from '../stand-ins/transcription.js';

const KEY = 'sk-very-secret-1234567890';
const bytes = opusOf(4);
const note = { name: 'note.ogg', mediaType: 'audio/ogg', bytes };
const patient = () => new AbortController().signal;

let service: TranscriptionStandIn;
async function open(options: TranscriptionOptions = {}): Promise<void> {
  service = await startTranscriptionStandIn(options);
  service.hear(bytes, ' Anna sends the contract. ', { language: 'english', seconds: 4 });
}
beforeEach(() => open());
afterEach(async () => {
  await service.close();
  service.assertClean();
});

async function reopen(options: TranscriptionOptions): Promise<void> {
  await service.close();
  await open(options);
}

const ask = (transcriber: Transcriber, audio = note, abortSignal = patient()) =>
  transcriber.transcribe(audio, { abortSignal });

async function problemOf(work: Promise<unknown>): Promise<ProblemError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ProblemError) return error;
  throw new Error(`no problem, but ${String(error)}`);
}

describe('a recording', () => {
  test('comes back as text with its language and length', async () => {
    const transcriber = createTranscriber({ baseUrl: service.url });
    expect(await ask(transcriber)).toEqual({ text: 'Anna sends the contract.', language: 'english', seconds: 4 });
    expect(transcriber.route).toBe(`transcribed by whisper-1 at ${new URL(service.url).host}`);
    expect(service.calls).toMatchObject([
      {
        authorization: undefined,
        fields: { model: 'whisper-1', response_format: 'verbose_json' },
        file: { name: 'note.ogg', mediaType: 'audio/ogg' },
      },
    ]);
    expect(service.calls[0]?.fields).not.toHaveProperty('language');
  });

  test('goes with the key, the model and the language that are set', async () => {
    await reopen({ apiKey: KEY, models: ['large-v3'] });
    const transcriber = createTranscriber({ baseUrl: service.url, apiKey: KEY, model: 'large-v3' });
    await transcriber.transcribe(note, { language: 'de', abortSignal: patient() });
    expect(service.calls[0]).toMatchObject({
      authorization: `Bearer ${KEY}`,
      fields: { model: 'large-v3', language: 'de' },
    });
    expect(transcriber.route).not.toContain(KEY);
  });

  test.each([
    ['note.ogg', 'audio/ogg', 'note.ogg'],
    ['file_12.oga', 'audio/ogg', 'file_12.ogg'],
    ['file', 'audio/mp4', 'file.m4a'],
    ['Rückruf 3.5', 'audio/wav', 'Rückruf 3.5.wav'],
    ['a "quoted" name.MP3', 'audio/mpeg', 'a "quoted" name.MP3'],
  ])('called %s of type %s goes as %s', async (name, mediaType, sent) => {
    await ask(createTranscriber({ baseUrl: service.url }), { name, mediaType, bytes });
    expect(service.calls[0]?.file).toMatchObject({ name: sent, mediaType });
  });

  test('is transcribed where the service gives the text alone', async () => {
    service.fail('plain');
    expect(await ask(createTranscriber({ baseUrl: service.url }))).toEqual({ text: 'Anna sends the contract.' });
  });

  test('is sent once more where the model has no verbose answers, and later ones only once', async () => {
    await reopen({ models: ['gpt-4o-transcribe'] });
    const transcriber = createTranscriber({ baseUrl: service.url, model: 'gpt-4o-transcribe' });
    expect(await ask(transcriber)).toEqual({ text: 'Anna sends the contract.' });
    await ask(transcriber);
    expect(service.calls.map(({ fields }) => fields['response_format'])).toEqual(['verbose_json', 'json', 'json']);
  });

  test('of a long talk comes back whole, cleaned of what no database takes', async () => {
    const talk = 'We talked about the harbour gate. '.repeat(5_000);
    service.hear(bytes, `${talk}\u0000\ud800end`);
    const { text } = await ask(createTranscriber({ baseUrl: service.url }));
    expect(text).toBe(`${talk}\ufffdend`);
  });

  test('in which nothing was said gives an empty text', async () => {
    service.hear(bytes, ' \n ');
    expect((await ask(createTranscriber({ baseUrl: service.url }))).text).toBe('');
  });
});

describe('the address', () => {
  test('is that of OpenAI where only a key is set', () => {
    expect(createTranscriber({ apiKey: KEY }).route).toBe('transcribed by whisper-1 at api.openai.com');
  });

  test.each([
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000/v1/audio/transcriptions'],
    ['http://127.0.0.1:8000/', 'http://127.0.0.1:8000/v1/audio/transcriptions'],
    ['https://api.groq.example/openai/v1', 'https://api.groq.example/openai/v1/audio/transcriptions'],
    ['https://api.groq.example/openai/v1/', 'https://api.groq.example/openai/v1/audio/transcriptions'],
    ['http://whisper:8080/inference', 'http://whisper:8080/inference'],
    ['http://a.example/x/audio/transcriptions?api-version=1', 'http://a.example/x/audio/transcriptions?api-version=1'],
  ])('%s means %s', (given, meant) => {
    expect(transcriptionUrl(given).href).toBe(meant);
  });

  test('of a whisper.cpp server is called as it stands', async () => {
    await reopen({ path: '/inference' });
    await ask(createTranscriber({ baseUrl: `${service.url}/inference` }));
    expect(service.calls.map((call) => call.path)).toEqual(['/inference']);
  });
});

describe('what goes wrong', () => {
  const failing = (...faults: TranscriptionFault[]) => {
    service.fail(...faults);
    return problemOf(ask(createTranscriber({ baseUrl: service.url, apiKey: KEY })));
  };
  beforeEach(() => reopen({ apiKey: KEY }));

  test.each([
    ['failed', 'unavailable', /busy or failed \(500\)/],
    ['busy', 'unavailable', /busy or failed \(429\)/],
    ['cut', 'unavailable', /cannot be reached or broke off/],
    ['reset', 'unavailable', /cannot be reached or broke off/],
    ['unauthorised', 'forbidden', /refuses the key\. Set TRANSCRIPTION_API_KEY/],
    ['no-credit', 'forbidden', /has no credit left/],
    ['too-large', 'too-large', /note\.ogg is too long .* shorter parts/],
    ['broken-json', 'conflict', /does not answer as a transcription service/],
    ['endless', 'conflict', /does not answer as a transcription service/],
    ['moved', 'not-found', /Check TRANSCRIPTION_BASE_URL/],
  ] as const)('%s is said as %s, in words that help', async (fault, type, words) => {
    const problem = await failing(fault);
    expect(problem).toMatchObject({ type, message: expect.stringMatching(words) });
    expect(problem.message).toContain(new URL(service.url).host);
    expect(JSON.stringify([problem.message, problem.stack, String(problem.cause)])).not.toContain(KEY);
    expect(service.calls).toHaveLength(1);
  });

  test.each([
    ['7', 7_000],
    ['0.25', 250],
    ['3600', 60_000],
    ['soon', undefined],
    ['-5', undefined],
    [new Date(Date.now() + 3_600_000).toUTCString(), 60_000],
    [new Date(Date.now() - 3_600_000).toUTCString(), 0],
  ])('asks to be left alone by Retry-After: %s, for at most a minute', async (retryAfter, waitMs) => {
    await reopen({ apiKey: KEY, retryAfter });
    expect((await failing('busy')).retryAfterMs).toBe(waitMs);
    expect((await failing('failed')).retryAfterMs).toBe(waitMs);
  });

  test('and what does not say when to come back, or is no service that may come back, says no time', async () => {
    expect((await failing('failed')).retryAfterMs).toBeUndefined();
    expect((await failing('unauthorised')).retryAfterMs).toBeUndefined();
  });

  test('a recording that the service cannot read', async () => {
    const other = { ...note, bytes: opusOf(9) };
    const problem = await problemOf(ask(createTranscriber({ baseUrl: service.url, apiKey: KEY }), other));
    expect(problem).toMatchObject({
      type: 'unsupported-media',
      message: expect.stringMatching(/cannot read the recording note\.ogg/),
    });
  });

  test('a missing key, a wrong model, a wrong language and a wrong path each say what to set', async () => {
    const { url } = service;
    const keyless = await problemOf(ask(createTranscriber({ baseUrl: url })));
    expect(keyless.message).toMatch(/wants a key\. Set TRANSCRIPTION_API_KEY/);
    const model = await problemOf(ask(createTranscriber({ baseUrl: url, apiKey: KEY, model: 'huge' })));
    expect(model.message).toMatch(/has no model huge\. Set TRANSCRIPTION_MODEL/);
    const place = await problemOf(ask(createTranscriber({ baseUrl: `${url}/v2`, apiKey: KEY })));
    expect(place).toMatchObject({ type: 'not-found', message: expect.stringMatching(/TRANSCRIPTION_BASE_URL/) });
    const speaking = createTranscriber({ baseUrl: url, apiKey: KEY });
    const language = await problemOf(speaking.transcribe(note, { language: 'xx', abortSignal: patient() }));
    expect(language).toMatchObject({
      type: 'invalid-body',
      message: expect.stringMatching(/does not know this language/),
    });
  });

  test('a key with a line break is no key, and is not shown', async () => {
    const problem = await problemOf(ask(createTranscriber({ baseUrl: service.url, apiKey: `${KEY}\n` })));
    expect(problem.message).toMatch(/TRANSCRIPTION_API_KEY holds characters/);
    expect(problem.stack).not.toContain(KEY);
    expect(service.calls).toEqual([]);
  });

  test('nobody listens', async () => {
    const { url } = service;
    await service.close();
    const problem = await problemOf(ask(createTranscriber({ baseUrl: url })));
    expect(problem).toMatchObject({ type: 'unavailable', message: expect.stringMatching(/cannot be reached/) });
  });

  test('a page instead of a service', async () => {
    const page = http.createServer((_, response) => response.end('<html>It works!</html>'));
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    const { port } = page.address() as AddressInfo;
    const problem = await problemOf(ask(createTranscriber({ baseUrl: `http://127.0.0.1:${port}` })));
    expect(problem.type).toBe('conflict');
    page.close();
    page.closeAllConnections();
  });

  test('a service that hangs is left as soon as the caller stops', async () => {
    service.fail('hang');
    const stop = new AbortController();
    const asked = ask(createTranscriber({ baseUrl: service.url, apiKey: KEY }), note, stop.signal);
    setTimeout(() => stop.abort(new Error('stopped by the test')), 100);
    const begun = performance.now();
    await expect(asked).rejects.toThrow('stopped by the test');
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test('a caller that has stopped before sends nothing', async () => {
    const stopped = AbortSignal.abort(new Error('stopped before'));
    await expect(ask(createTranscriber({ baseUrl: service.url, apiKey: KEY }), note, stopped)).rejects.toThrow(
      'stopped before',
    );
    expect(service.calls).toEqual([]);
  });
});
