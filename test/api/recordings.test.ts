import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProblemError } from '../../contracts/problem.js';
import type { Engine } from '../../engine/deps.js';
import { readAttached } from '../../engine/files.js';
import { sql } from '../../store/sql.js';
import { opusOf, wavOf } from '../helpers/recordings.js';
import { type ApiHarness, form, openApi } from './harness.js';
import { newRequest, takeTurn } from './progress.js';
import { refused } from './refusals.js';

const LONGEST_MINUTES = 30;
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg==',
  'base64',
);

let api: ApiHarness;
beforeAll(async () => {
  api = await openApi({ rateLimit: { reads: 100_000, writes: 100_000 } });
  (api.engine.limits as { audioMinutes: number }).audioMinutes = LONGEST_MINUTES;
});
afterAll(() => api.close());

const inline = (bytes: Buffer, mediaType: string, more: object = {}) => ({
  mediaType,
  data: bytes.toString('base64'),
  ...more,
});
const send = (attachments: readonly object[], text = 'Listen') => ({
  method: 'POST' as const,
  url: '/v1/requests',
  payload: { text, attachments },
});
const upload = (body: Buffer, type: string, filename = 'note.ogg') => ({
  method: 'POST' as const,
  url: '/v1/files',
  ...form([{ name: 'file', filename, type, body }]),
});
/** The files of a request that was accepted. */
async function filesOf(options: Parameters<ApiHarness['call']>[0]) {
  const answer = await api.call(options);
  expect(answer.statusCode).toBe(202);
  return answer.json().attachments as { id: string; mediaType: string; name: string }[];
}
const attached = (file: { id: string } | undefined) => readAttached(api.engine, api.owner.id, file?.id ?? '');

describe('a recording', () => {
  test('inside a JSON message is kept with its length', async () => {
    const [note, call] = await filesOf(
      send([inline(opusOf(12), 'audio/ogg', { name: 'note.oga' }), inline(wavOf(2.5), 'audio/wav')]),
    );
    expect(note).toMatchObject({ name: 'note.oga', mediaType: 'audio/ogg' });
    expect(call).toMatchObject({ name: 'file', mediaType: 'audio/wav' });
    expect(await attached(note)).toMatchObject({ seconds: expect.closeTo(12, 1) });
    expect(await attached(call)).toMatchObject({ seconds: 2.5, bytes: wavOf(2.5) });
  });

  test('as the only content of a message is enough', async () => {
    const files = await filesOf({
      method: 'POST',
      url: '/v1/requests',
      payload: { attachments: [inline(opusOf(3), 'audio/ogg')] },
    });
    expect(files).toHaveLength(1);
  });

  test('as part of a form is kept with its length', async () => {
    const [file] = await filesOf({
      method: 'POST',
      url: '/v1/requests',
      ...form([
        { name: 'request', body: '{"text":"Listen"}' },
        { name: 'file', filename: 'call.wav', type: 'audio/x-wav', body: wavOf(4) },
      ]),
    });
    expect(file).toMatchObject({ name: 'call.wav', mediaType: 'audio/x-wav' });
    expect(await attached(file)).toMatchObject({ seconds: 4, forwarded: false });
  });

  test('that was uploaded before is taken by its id', async () => {
    const uploaded = await api.call(upload(opusOf(9), 'audio/ogg; codecs=opus'));
    expect(uploaded.statusCode).toBe(201);
    const { id, mediaType, seconds } = uploaded.json();
    expect({ mediaType, seconds }).toEqual({ mediaType: 'audio/ogg', seconds: expect.closeTo(9, 1) });
    const [file] = await filesOf(send([{ fileId: id }]));
    expect(file).toMatchObject({ id, mediaType: 'audio/ogg' });
  });

  test.each([
    ['audio/ogg', opusOf(1)],
    ['application/ogg', opusOf(2)],
    ['audio/opus', opusOf(3)],
    ['video/ogg', opusOf(4)],
    ['audio/vnd.wave', wavOf(1)],
  ])('may be declared as %s where its content is that', async (mediaType, bytes) => {
    expect((await api.call(upload(bytes, mediaType))).statusCode).toBe(201);
  });

  test('of an unknown length is taken without one', async () => {
    const cutOff = opusOf(5).subarray(0, 47 + 20);
    const answer = await api.call(upload(cutOff, 'audio/ogg'));
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).not.toHaveProperty('seconds');
  });

  test('somebody else made is marked so, and only that', async () => {
    const [theirs, own] = await filesOf(
      send([inline(opusOf(1, 7), 'audio/ogg', { forwarded: true }), inline(opusOf(1, 8), 'audio/ogg')]),
    );
    expect(await attached(theirs)).toMatchObject({ forwarded: true, mediaType: 'audio/ogg' });
    expect(await attached(own)).toMatchObject({ forwarded: false });
    const again = await filesOf(send([{ fileId: own?.id, forwarded: true }]));
    expect(await attached(again[0])).toMatchObject({ forwarded: true });
    await refused(api, send([inline(opusOf(1), 'audio/ogg', { forwarded: 'yes' })]), 400, 'attachments.0.forwarded');
  });
});

describe('files that were passed on', () => {
  const mixed = [
    inline(opusOf(1, 20), 'audio/ogg'),
    inline(opusOf(1, 21), 'audio/ogg', { forwarded: false }),
    inline(opusOf(1, 22), 'audio/ogg', { forwarded: true }),
  ];
  const flags = async (files: readonly { id: string }[]) =>
    (await Promise.all(files.map(attached))).map(({ forwarded }) => forwarded);

  test.each([
    [undefined, [false, false, true]],
    [false, [false, false, true]],
    [true, [true, false, true]],
  ])('are those of a message that says %s, unless they say otherwise', async (forwarded, expected) => {
    const payload = { text: 'Listen', attachments: mixed, forwarded };
    expect(await flags(await filesOf({ method: 'POST', url: '/v1/requests', payload }))).toEqual(expected);
  });

  test('are all parts of a form that says so, beside attachments with flags of their own', async () => {
    const request = {
      text: 'Listen',
      forwarded: true,
      attachments: [inline(wavOf(1), 'audio/wav', { forwarded: false })],
    };
    const parts = form([
      { name: 'request', body: JSON.stringify(request) },
      { name: 'file', filename: 'call.wav', type: 'audio/wav', body: wavOf(2) },
      { name: 'file', filename: 'note.ogg', type: 'audio/ogg', body: opusOf(2) },
    ]);
    expect(await flags(await filesOf({ method: 'POST', url: '/v1/requests', ...parts }))).toEqual([false, true, true]);
  });

  test('are said to be so in an answer to a question, with name, kind and length', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    await takeTurn(api.engine, ref, { turn: 1, calls: [{ skill: 'ask_user', question: 'What did they say?' }] });
    const uploaded = (await api.call(upload(wavOf(3), 'audio/wav', 'before noon.wav'))).json<{ id: string }>();
    const answer = await api.call({
      method: 'POST',
      url: `/v1/requests/${ref.request}/messages`,
      payload: {
        text: 'This:',
        forwarded: true,
        attachments: [
          { fileId: uploaded.id },
          inline(opusOf(5), 'audio/ogg', { name: 'own.ogg', forwarded: false }),
          inline(Buffer.from('a'), 'text/plain'),
        ],
      },
    });
    expect(answer.statusCode).toBe(200);
    const { output, files } = await api.engine.db.as(api.owner.id, (tx) =>
      tx.one<{ output: unknown; files: string[] }>(sql`
        select c.output, m.files from calls c join messages m on m.answers_call = c.id where c.request_id = ${ref.request}`),
    );
    expect(output).toEqual({
      answer: [
        'This:',
        `[attached file ${uploaded.id}: "before noon.wav", audio/wav, 3 s, forwarded: words of somebody else]`,
        `[attached file ${files[1]}: "own.ogg", audio/ogg, 5 s]`,
        `[attached file ${files[2]}: "file", text/plain, forwarded: words of somebody else]`,
      ].join('\n'),
    });
  });

  test('are described at /openapi.json, and the flag is strict', async () => {
    const { schemas } = (await api.call({ url: '/openapi.json' })).json().components;
    for (const name of ['NewRequest', 'NewMessage'])
      expect(schemas[name].properties.forwarded).toMatchObject({
        type: 'boolean',
        description: expect.stringMatching(/passed on from somebody else/),
      });
    const options = send([inline(opusOf(1), 'audio/ogg')]);
    await refused(api, { ...options, payload: { ...options.payload, forwarded: 'yes' } }, 400, 'forwarded');
  });

  test('are found through the index of forwarded files', async () => {
    const [file] = await filesOf(send([inline(opusOf(1, 30), 'audio/ogg', { forwarded: true })]));
    let plan = '';
    const explaining: Pick<Engine, 'db' | 'blobs'> = {
      blobs: api.engine.blobs,
      db: {
        ...api.engine.db,
        as: (user, work) =>
          api.engine.db.as(user, (tx) =>
            work({
              ...tx,
              async maybe(query) {
                await tx.run(sql`set local enable_seqscan = off`);
                plan = JSON.stringify(await tx.rows(sql`explain ${query}`));
                return tx.maybe(query);
              },
            }),
          ),
      },
    };
    expect(await readAttached(explaining, api.owner.id, file?.id ?? '')).toMatchObject({ forwarded: true });
    expect(plan).toContain('messages_forwarded');
  });
});

describe('refused is', () => {
  test('what is no recording, whatever it says it is', async () => {
    await refused(api, send([inline(PNG, 'audio/ogg')]), 415, 'attachments.0.mediaType');
    await refused(api, upload(PNG, 'audio/ogg'), 415, 'file.mediaType');
    await refused(api, send([inline(opusOf(1), 'audio/wav')]), 415, 'attachments.0.mediaType');
    await refused(api, send([inline(opusOf(1), 'image/png')]), 415, 'attachments.0.mediaType');
    await refused(api, send([inline(Buffer.from('no sound'), 'audio/mpeg')]), 415, 'attachments.0.mediaType');
  });

  test('one that is longer than the limit, with its place', async () => {
    const long = opusOf(LONGEST_MINUTES * 60 + 1);
    const note = inline(opusOf(1), 'audio/ogg');
    const path = 'attachments.1';
    await refused(api, send([note, inline(long, 'audio/ogg')]), 413, path);
    const together = form([
      { name: 'request', body: '{"text":"Listen"}' },
      { name: 'file', filename: 'long.ogg', type: 'audio/ogg', body: long },
    ]);
    await refused(api, { method: 'POST', url: '/v1/requests', ...together }, 413, 'file.0');
    await refused(api, upload(long, 'audio/ogg'), 413, 'file');
    const { detail, errors } = (await api.call(upload(long, 'audio/ogg'))).json();
    expect(detail).toMatch(/at most 30 minutes\. Send it in shorter parts/);
    expect(errors).toEqual([{ path: 'file', message: 'has 31 minutes, more than 30' }]);
    expect((await api.call(upload(opusOf(LONGEST_MINUTES * 60), 'audio/ogg'))).statusCode).toBe(201);
  });
});

test('while a recording is looked into, other files are taken', async () => {
  const { engine } = api;
  const usual = engine.audioSeconds;
  let look: (seconds: number) => void = () => undefined;
  const hanging: Engine['audioSeconds'] = () => new Promise((resolve) => (look = resolve));
  (engine as { audioSeconds: Engine['audioSeconds'] }).audioSeconds = hanging;
  const slow = api.call(upload(opusOf(1), 'audio/ogg'));
  expect((await api.call(upload(PNG, 'image/png', 'a.png'))).statusCode).toBe(201);
  expect((await api.call(send([inline(Buffer.from('a'), 'text/plain')]))).statusCode).toBe(202);
  look(3);
  expect((await slow).json()).toMatchObject({ seconds: 3 });
  (engine as { audioSeconds: Engine['audioSeconds'] }).audioSeconds = usual;
});

test('a recording that cannot be looked into is refused with its place, and one that must wait with a time', async () => {
  const { engine } = api;
  const usual = engine.audioSeconds;
  const failing = (problem: ProblemError): void => {
    (engine as { audioSeconds: Engine['audioSeconds'] }).audioSeconds = async () => {
      throw problem;
    };
  };
  failing(new ProblemError('unsupported-media', 'Its length cannot be read.', { status: 422 }));
  await refused(api, send([inline(opusOf(1), 'audio/ogg')]), 422, 'attachments.0');
  await refused(api, upload(opusOf(1), 'audio/ogg'), 422, 'file');
  failing(new ProblemError('unavailable', 'Too many.'));
  const answer = await api.call(upload(opusOf(1), 'audio/ogg'));
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '5']);
  (engine as { audioSeconds: Engine['audioSeconds'] }).audioSeconds = usual;
});
