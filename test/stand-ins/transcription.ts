import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { schemaViolations } from './transcription-schema.js';
import { answerFaultily } from './faulty-answer.js';

/** How a call goes wrong. `plain` answers no more than the text; `cut` ends the connection inside the answer. */
export type TranscriptionFault =
  | 'unauthorised'
  | 'too-large'
  | 'busy'
  | 'no-credit'
  | 'failed'
  | 'broken-json'
  | 'endless'
  | 'moved'
  | 'hang'
  | 'cut'
  | 'reset'
  | 'plain';

export interface TranscriptionCall {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
  readonly file: { readonly name: string; readonly mediaType: string; readonly sha256: string } | undefined;
  readonly fault: TranscriptionFault | undefined;
  /** Nothing when no head of an answer was sent. */
  readonly status: number | undefined;
}

export interface TranscriptionOptions {
  /** Every call must bring it; without it none may bring one. */
  readonly apiKey?: string;
  /** Where it listens, as OpenAI by default. */
  readonly path?: string;
  /** Models it has; those that begin with `gpt-` answer `json` only, as at the vendor. */
  readonly models?: readonly string[];
  /** `Retry-After` of an answer that is `busy` or `failed`; without it the first says a second, the other nothing. */
  readonly retryAfter?: string;
}

/** A speech-to-text service of OpenAI's kind that knows what was said in the recordings it was told of, and no others. */
export interface TranscriptionStandIn {
  /** Without a path. */
  readonly url: string;
  readonly calls: readonly TranscriptionCall[];
  /** What no well-made client does, and answers of its own that the vendor would not give. */
  readonly violations: readonly string[];
  /** What is said in a recording, by its bytes or its name. */
  hear(recording: Uint8Array | string, text: string, facts?: { language?: string; seconds?: number }): void;
  /** Faults of the next calls, in order. */
  fail(...faults: TranscriptionFault[]): void;
  /** Throws when there are violations. */
  assertClean(): void;
  close(): Promise<void>;
}

interface Heard {
  readonly text: string;
  readonly language: string;
  readonly seconds: number;
}

const FIELDS = ['file', 'model', 'response_format', 'language'];
const FORMATS = /\.(?:flac|mp3|mp4|mpeg|mpga|m4a|ogg|wav|webm)$/i;
const STATUS = {
  unauthorised: [401, 'invalid_api_key', 'Incorrect API key provided.'],
  'too-large': [413, null, 'Maximum content size limit (26214400) exceeded.'],
  busy: [429, 'rate_limit_exceeded', 'Rate limit reached.'],
  'no-credit': [429, 'insufficient_quota', 'You exceeded your current quota.'],
  failed: [500, null, 'The server had an error while processing your request.'],
} as const;

/** Starts the service on a free port of this machine. */
export async function startTranscriptionStandIn(options: TranscriptionOptions = {}): Promise<TranscriptionStandIn> {
  const { apiKey, path = '/v1/audio/transcriptions', models = ['whisper-1'], retryAfter } = options;
  const calls: TranscriptionCall[] = [];
  const violations: string[] = [];
  const heard = new Map<string, Heard>();
  const faults: TranscriptionFault[] = [];

  async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await buffer(request);
    const { authorization } = request.headers;
    const call = { path: request.url ?? '', authorization, ...(await readForm(request, body, violations)) };
    const fault = faults.shift();
    const answer = answerTo(call, fault);
    calls.push({ ...call, fault, status: answer?.status });
    answerFaultily(request, response, answer, fault);
  }

  function answerTo(
    { path: asked, authorization, fields, file }: Omit<TranscriptionCall, 'fault' | 'status'>,
    fault: TranscriptionFault | undefined,
  ): { status: number; body: unknown; headers?: Record<string, string> } | undefined {
    if (fault === 'hang' || fault === 'reset') return undefined;
    if (fault === 'broken-json') return { status: 200, body: '{"text": "half a' };
    if (fault === 'endless') return { status: 200, body: JSON.stringify({ text: 'a'.repeat(5 * 1024 * 1024) }) };
    if (fault === 'moved') return { status: 307, body: '', headers: { location: 'http://127.0.0.1:9/elsewhere' } };
    if (fault !== undefined && fault !== 'cut' && fault !== 'plain') {
      const [status, code, message] = STATUS[fault];
      const wait = fault === 'busy' ? (retryAfter ?? '1') : fault === 'failed' ? retryAfter : undefined;
      return {
        ...refusal(status, message, { code }),
        ...(wait === undefined ? {} : { headers: { 'retry-after': wait } }),
      };
    }
    if (asked.split('?')[0] !== path) return refusal(404, `Invalid URL (POST ${asked})`);
    if (authorization !== (apiKey === undefined ? undefined : `Bearer ${apiKey}`)) {
      if (apiKey === undefined) violations.push('a call brings a key to a service that has none');
      return refusal(401, 'Incorrect API key provided.', { code: 'invalid_api_key' });
    }
    const { model = '', response_format: format = 'json' } = fields;
    if (!models.includes(model))
      return refusal(404, `The model ${model} does not exist`, { code: 'model_not_found', param: 'model' });
    if (format === 'verbose_json' && model.startsWith('gpt-'))
      return refusal(400, `response_format 'verbose_json' is not compatible with ${model}.`, {
        code: 'unsupported_value',
        param: 'response_format',
      });
    if (fields['language'] === 'xx') return refusal(400, 'Language xx is not supported.', { param: 'language' });
    const known = file === undefined ? undefined : (heard.get(file.sha256) ?? heard.get(file.name));
    if (known === undefined) return refusal(400, 'The audio file could not be decoded.', { param: 'file' });
    return { status: 200, body: transcriptOf(known, fault === 'plain' ? 'json' : format) };
  }

  function refusal(status: number, message: string, more: { code?: string | null; param?: string } = {}) {
    const error = { message, type: more.code ?? 'invalid_request_error', param: null, code: null, ...more };
    const body = { error };
    violations.push(...schemaViolations('ErrorResponse', body));
    return { status, body };
  }

  function transcriptOf({ text, language, seconds }: Heard, format: string): object {
    const isVerbose = format === 'verbose_json';
    const usage = { type: 'duration', seconds: Math.ceil(seconds) };
    const body = isVerbose ? { task: 'transcribe', language, duration: seconds, text, segments: [], usage } : { text };
    violations.push(...schemaViolations(`CreateTranscriptionResponse${isVerbose ? 'VerboseJson' : 'Json'}`, body));
    return body;
  }

  const server = http.createServer((request, response) => {
    serve(request, response).catch((error: Error) => {
      violations.push(`a call could not be read: ${error.message}`);
      request.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    violations,
    hear(recording, text, { language = 'english', seconds = 2.5 } = {}) {
      heard.set(typeof recording === 'string' ? recording : sha256(recording), { text, language, seconds });
    },
    fail: (...next) => void faults.push(...next),
    assertClean: () => {
      if (violations.length > 0) throw new Error(`the transcription service saw violations:\n${violations.join('\n')}`);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Reads the form and notes what is wrong with it. */
async function readForm(
  request: http.IncomingMessage,
  body: Buffer,
  violations: string[],
): Promise<Pick<TranscriptionCall, 'fields' | 'file'>> {
  const type = request.headers['content-type'] ?? '';
  if (request.method !== 'POST') violations.push(`${request.method} instead of POST`);
  if (Number(request.headers['content-length']) !== body.length) violations.push('no content-length of the whole body');
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const fields: Record<string, string> = {};
  let file: TranscriptionCall['file'];
  for (const [name, value] of form.entries()) {
    if (!FIELDS.includes(name)) violations.push(`the field ${name} is not expected`);
    if (name in fields || (name === 'file' && file !== undefined)) violations.push(`the field ${name} comes twice`);
    if (typeof value === 'string') fields[name] = value;
    else file = { name: value.name, mediaType: value.type, sha256: sha256(new Uint8Array(await value.arrayBuffer())) };
  }
  if (file === undefined) violations.push('there is no file');
  else if (!FORMATS.test(file.name)) violations.push(`the name ${file.name} does not tell the format`);
  if (!/^(?:audio|video)\/|^application\/ogg$/.test(file?.mediaType ?? ''))
    violations.push('the file has no media type');
  if (!/^[a-z]{2,3}$/.test(fields['language'] ?? 'en')) violations.push('the language is no code');
  violations.push(...schemaViolations('CreateTranscriptionRequest', { ...fields, file: 'bytes' }));
  return { fields, file };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
