import { z } from 'zod';
import type { AttachedFile, Transcriber, Transcript } from '../../contracts/services.js';
import { wellFormed } from '../../contracts/well-formed.js';
import { exchange, formBody } from './post.js';
import { parseJson, type Service, unreadable } from './service-problems.js';
import { complaintOf } from './transcription-problems.js';
import { transcriptionUrl } from './transcription-url.js';

interface TranscriberOptions {
  /** Where the service is; OpenAI itself when omitted. */
  readonly baseUrl?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly model?: string | undefined;
}

const OPENAI = 'https://api.openai.com/v1';
const MODEL = 'whisper-1';
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;

/** Servers differ in everything but the text: a plain answer has nothing else, and some give the length as a string. */
const AnswerSchema = z.object({
  text: z.string(),
  language: z.string().min(1).max(100).optional().catch(undefined),
  duration: z.coerce.number().positive().optional().catch(undefined),
});

type Recording = Pick<AttachedFile, 'name' | 'mediaType' | 'bytes'>;

/**
 * Client of a service that transcribes as OpenAI does. Asks for `verbose_json`, and for `json` from the first time on that
 * the service says it has nothing else.
 */
export function createTranscriber({ baseUrl = OPENAI, apiKey, model = MODEL }: TranscriberOptions): Transcriber {
  const url = transcriptionUrl(baseUrl);
  const service: Service = { kind: 'transcription', host: url.host, model, hasKey: apiKey !== undefined };
  const headers = {
    accept: 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  let isPlain = false;

  async function ask(audio: Recording, language: string | undefined, abortSignal: AbortSignal): Promise<Transcript> {
    const form = formOf(audio, { model, response_format: isPlain ? 'json' : 'verbose_json', language });
    const options = { headers, mostBytes: MOST_ANSWER_BYTES, abortSignal };
    const answer = await exchange(service, url, await formBody(form), options);
    if (answer.status === 200) return transcriptOf(service, answer.text);
    const complaint = complaintOf(service, { ...answer, name: audio.name });
    if (complaint !== 'format' || isPlain) throw complaint === 'format' ? unreadable(service) : complaint;
    isPlain = true;
    return ask(audio, language, abortSignal);
  }

  return {
    route: `transcribed by ${model} at ${url.host}`,
    transcribe: (audio, { language, abortSignal }) => ask(audio, language, abortSignal),
  };
}

/** Services judge a recording by its media type and by the extension of its name. */
function formOf({ name, mediaType, bytes }: Recording, fields: Readonly<Record<string, string | undefined>>): FormData {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) if (value !== undefined) form.set(field, value);
  form.set('file', new Blob([new Uint8Array(bytes)], { type: mediaType }), withExtension(name, mediaType));
  return form;
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/ogg': 'ogg',
  'audio/aac': 'aac',
  'audio/flac': 'flac',
  'audio/m4a': 'm4a',
  'audio/mp3': 'mp3',
  'audio/mp4': 'm4a',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg',
  'audio/opus': 'ogg',
  'audio/vnd.wave': 'wav',
  'audio/wav': 'wav',
  'audio/wave': 'wav',
  'audio/webm': 'webm',
  'audio/x-m4a': 'm4a',
  'audio/x-wav': 'wav',
};

/** Voice notes of messengers come without a name, or with `.oga`, which services do not know. */
function withExtension(name: string, mediaType: string): string {
  const extension = EXTENSIONS[mediaType];
  if (extension === undefined || /\.(?:flac|m4a|mp3|mp4|mpeg|mpga|ogg|wav|webm|aac)$/i.test(name)) return name;
  return `${name.replace(/\.(?:oga|opus)$/i, '')}.${extension}`;
}

function transcriptOf(service: Service, text: string): Transcript {
  const parsed = AnswerSchema.safeParse(parseJson(text), { reportInput: false });
  if (!parsed.success) throw unreadable(service);
  const { language, duration, ...said } = parsed.data;
  return {
    text: wellFormed(said.text).trim(),
    ...(language === undefined ? {} : { language: wellFormed(language) }),
    ...(duration === undefined ? {} : { seconds: duration }),
  };
}
