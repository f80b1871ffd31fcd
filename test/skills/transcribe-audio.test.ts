import { CancelledFailure } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { beforeEach, describe, expect, it } from 'vitest';
import { retryOrExplain } from '../../activities/call-failures.js';
import { withinTime } from '../../activities/within-time.js';
import { parseConfig } from '../../config/file.js';
import { ProblemError } from '../../contracts/problem.js';
import type { Transcriber, Transcript } from '../../contracts/services.js';
import type { SkillResult } from '../../contracts/skill.js';
import { parseInput } from '../../skills/registry.js';
import { transcribeAudio } from '../../skills/transcribe-audio/run.js';
import { recordingOf } from '../helpers/recordings.js';
import { type FakeContext, fakeContext, runSkill } from '../helpers/skill-context.js';

let context: FakeContext;
let asked: { name: string; language: string | undefined }[];

function hearing(heard: Transcript | ProblemError): Transcriber {
  return {
    route: 'transcribed by whisper-1 at localhost:8000',
    async transcribe({ name }, { language }) {
      asked.push({ name, language });
      if (heard instanceof ProblemError) throw heard;
      return heard;
    },
  };
}

beforeEach(() => {
  asked = [];
  context = fakeContext();
  context.files.set('file_1', recordingOf('file_1'));
  context.transcriber = hearing({ text: 'Anna sends the contract.', language: 'english', seconds: 4.2 });
});

const run = (input: object) => runSkill(transcribeAudio, input, context);
/** Runs it and lets it leave in the store what it leaves there. */
async function filed(input: object): Promise<SkillResult<unknown>> {
  const result = await run(input);
  if (transcribeAudio.runs !== 'outside' || transcribeAudio.store === undefined) throw new Error('it files nothing');
  return transcribeAudio.store(result as never, input as never, context);
}
const transcripts = async () =>
  (await context.spaces.search({ spaces: ['sp_meetings'] })).items.map(({ atom }) => atom);

describe('transcribe_audio', () => {
  it('gives the text back and files it in the space of meetings', async () => {
    const result = await filed({ file: 'file_1' });
    const [atom] = await transcripts();
    expect(result).toEqual({
      output: {
        file: 'file_1',
        transcript: atom?.id,
        text: 'Anna sends the contract.',
        language: 'english',
        seconds: 4.2,
        route: 'transcribed by whisper-1 at localhost:8000',
      },
      taints: [],
    });
    expect(atom).toMatchObject({
      space: 'sp_meetings',
      payload: { text: 'Anna sends the contract.', file: 'file_1', language: 'english', seconds: 4.2, at: context.now },
      metadata: { kind: 'transcript', request: 'req_1', conversation: 'cnv_1', file: 'file_1' },
    });
    expect(transcribeAudio.manifest.output.safeParse(result.output).success).toBe(true);
  });

  it('leaves nothing in the store by running alone', async () => {
    await run({ file: 'file_1' });
    expect(await transcripts()).toEqual([]);
  });

  it('hands on the language, and gives the transcript of a file a new version when it is transcribed again', async () => {
    const first = await filed({ file: 'file_1' });
    const second = await filed({ file: 'file_1', language: 'de' });
    expect(asked).toEqual([
      { name: 'note.ogg', language: undefined },
      { name: 'note.ogg', language: 'de' },
    ]);
    expect(await transcripts()).toMatchObject([{ version: 2, payload: { file: 'file_1' } }]);
    expect(first.output).toEqual(second.output);
  });

  it('files a transcript of its own for each file, and for each request', async () => {
    context.files.set('file_2', recordingOf('file_2'));
    await filed({ file: 'file_1' });
    await filed({ file: 'file_2' });
    expect(await transcripts()).toHaveLength(2);
    context = { ...context, requestId: 'req_2' };
    await filed({ file: 'file_1' });
    expect((await transcripts()).map(({ version }) => version)).toEqual([1, 1, 1]);
  });

  it('takes the length from the file where the service does not say it', async () => {
    context.transcriber = hearing({ text: 'Hello' });
    expect((await run({ file: 'file_1' })).output).toMatchObject({ seconds: 4 });
    context.files.set('file_2', { ...recordingOf('file_2', { mediaType: 'audio/webm' }), seconds: undefined as never });
    expect((await run({ file: 'file_2' })).output).not.toHaveProperty('seconds');
  });

  it('takes what somebody else recorded for the words of somebody else, and own words for own ones', async () => {
    expect(await run({ file: 'file_1' })).toMatchObject({ taints: [] });
    context.files.set('file_2', recordingOf('file_2', { forwarded: true }));
    expect(await run({ file: 'file_2' })).toMatchObject({ taints: ['untrusted'] });
  });

  it('passes 100 kB of speech whole, and cuts what no three hours of speech hold, with a note', async () => {
    const talk = 'We talked about the gate. '.repeat(4_000).trim();
    context.transcriber = hearing({ text: talk });
    expect(await filed({ file: 'file_1' })).toMatchObject({ output: { text: talk } });
    expect((await transcripts())[0]?.payload).toMatchObject({ text: talk });
    context.transcriber = hearing({ text: 'ä'.repeat(200_000) });
    const { output } = await run({ file: 'file_1' });
    expect(output).toMatchObject({ note: expect.stringMatching(/cut after 250000 bytes/) });
    expect(Buffer.byteLength((output as { text: string }).text)).toBeLessThanOrEqual(250_000);
  });

  it('says what is missing where nobody transcribes', async () => {
    context.transcriber = undefined;
    const refused = run({ file: 'file_1' });
    await expect(refused).rejects.toMatchObject({ type: 'conflict' });
    await expect(refused).rejects.toThrow(/TRANSCRIPTION_BASE_URL .* TRANSCRIPTION_API_KEY/);
  });

  it.each(['image/png', 'application/pdf', 'text/plain', 'video/mp4'])('refuses %s by its name', async (mediaType) => {
    context.files.set('file_2', recordingOf('file_2', { name: 'board.dat', mediaType }));
    const refused = run({ file: 'file_2' });
    await expect(refused).rejects.toMatchObject({ type: 'unsupported-media' });
    await expect(refused).rejects.toThrow(`“board.dat” is no recording but ${mediaType}`);
    expect(asked).toEqual([]);
  });

  it('refuses a file that is not there and a recording without speech', async () => {
    await expect(run({ file: 'file_9' })).rejects.toMatchObject({ type: 'not-found' });
    context.transcriber = hearing({ text: '' });
    await expect(run({ file: 'file_1' })).rejects.toThrow(/No speech was recognised in “note\.ogg”/);
    expect(await transcripts()).toEqual([]);
  });

  it('hands on what the service complains of', async () => {
    context.transcriber = hearing(new ProblemError('unavailable', 'The service is busy.'));
    await expect(run({ file: 'file_1' })).rejects.toMatchObject({ type: 'unavailable' });
  });

  it('sums itself up with the file', () => {
    const parsed = parseInput(transcribeAudio, { file: 'file_1' });
    expect(parsed.ok && transcribeAudio.manifest.summary(parsed.input as never)).toBe(
      'Transcribes the recording file_1',
    );
  });
});

describe('the time it has', () => {
  it('is enough for the longest recording that can be allowed, at a twelfth of its length', () => {
    expect(parseConfig('', 'retinue.yaml').limits.audioMinutes).toBe(60);
    expect(parseConfig('limits: { audioMinutes: 240 }', 'retinue.yaml').limits.audioMinutes).toBe(240);
    expect(() => parseConfig('limits: { audioMinutes: 241 }', 'retinue.yaml')).toThrow(/audioMinutes/);
    expect(transcribeAudio.manifest.timeoutSeconds).toBe((240 * 60) / 12);
  });
});

describe('what failed', () => {
  const deps = { log: { warn: () => undefined } };
  const after = (error: unknown, { attempts = 1, timeoutMs = 1_200_000 } = {}): string =>
    retryOrExplain(
      deps as never,
      { call: { attempts, timeout_ms: timeoutMs, skill: 'transcribe_audio' } } as never,
      error,
    );
  const delayOf = (error: unknown, attempts?: number): unknown => {
    try {
      return after(error, attempts === undefined ? {} : { attempts });
    } catch (failure) {
      if (failure instanceof ApplicationFailure) return failure.nextRetryDelay;
      throw failure;
    }
  };
  const busy = (retryAfterMs?: number) => new ProblemError('unavailable', 'The service is busy.', { retryAfterMs });
  const stoppedBy = async (stop: (abort: AbortController) => void, timeoutMs: number): Promise<unknown> => {
    const abort = new AbortController();
    const work = withinTime(timeoutMs, abort.signal, () => new Promise<never>(() => undefined));
    stop(abort);
    return work.catch((error: unknown) => error);
  };

  it('is tried again when the service wants to be asked again, and not before the usual time', () => {
    expect([1, 2, 3].map((attempts) => delayOf(busy(), attempts))).toEqual([400, 800, 1_600]);
    expect([1, 2, 3].map((attempts) => delayOf(busy(1_000), attempts))).toEqual([1_000, 1_000, 1_600]);
    expect(delayOf(busy(60_000))).toBe(60_000);
    expect(after(busy(60_000), { attempts: 4 })).toBe('The service is busy.');
  });

  it('for want of time is not paid for again where the skill had long', async () => {
    const error = await stoppedBy(() => undefined, 10);
    expect(after(error)).toMatch(/took longer than 0\.01 s and was stopped/);
    expect(() => after(error, { timeoutMs: 60_000 })).toThrow('SkillFailed');
  });

  it('because this process was stopped runs again', async () => {
    const error = await stoppedBy((abort) => abort.abort(new CancelledFailure('WORKER_SHUTDOWN')), 10_000);
    expect(() => after(error)).toThrow('SkillFailed');
  });
});
