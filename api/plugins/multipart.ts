import multipart, { type MultipartFile, type MultipartValue } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ProblemError } from '../../contracts/problem.js';
import { type IncomingFile, MOST_FILE_BYTES } from '../../engine/files.js';
import { problemOf } from '../problem.js';
import { MOST_JSON_BYTES } from './json-body.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Files that came as parts of a form; null when the body was no form. */
    incomingFiles: IncomingFile[] | null;
  }
  interface FastifyContextConfig {
    /** Which parts a form may have here; without it forms are refused. */
    form?: { readonly request: boolean; readonly mostFiles: number };
  }
}

const MOST_BYTES_TOGETHER = 64 * 1024 * 1024;

/** Reads forms before the body is checked: the part `request` becomes the body, the parts `file` the files beside it. */
export async function registerMultipart(app: FastifyInstance, parseJson: (text: string) => unknown): Promise<void> {
  await app.register(multipart, {
    limits: {
      fieldSize: MOST_JSON_BYTES,
      fields: 10,
      files: 21,
      parts: 30,
      fileSize: MOST_FILE_BYTES + 1,
      headerPairs: 100,
      fieldNameSize: 100,
    },
  });
  app.decorateRequest('incomingFiles', null);
  app.addHook('preValidation', async (request) => {
    if (!request.isMultipart()) return;
    const { form } = request.routeOptions.config;
    if (form === undefined)
      throw new ProblemError('unsupported-media', 'Forms are not taken here. Send application/json.');
    await readForm(request, form, parseJson);
  });
}

type Form = { readonly request: boolean; readonly mostFiles: number };

async function readForm(request: FastifyRequest, form: Form, parseJson: (text: string) => unknown): Promise<void> {
  let body: unknown = {};
  let total = 0;
  const files: IncomingFile[] = [];
  try {
    for await (const part of request.parts()) {
      const bytes = await bytesOf(part);
      total += bytes.length;
      if (total > MOST_BYTES_TOGETHER)
        throw new ProblemError('too-large', 'The parts of a form may have at most 64 MiB together.');
      if (part.fieldname === 'request' && form.request) body = parseJson(utf8(bytes));
      else if (part.fieldname === 'file' && part.type === 'file')
        files.push(acceptedFile(form, files.length, part, bytes));
      else
        throw badPart(
          part.fieldname,
          form.request ? 'must be a part named request, or a file named file' : 'must be a file named file',
        );
    }
  } catch (error) {
    if (problemOf(error) !== undefined) throw error;
    throw new ProblemError('invalid-body', 'The form could not be read.', { cause: error });
  }
  request.body = body;
  request.incomingFiles = files;
}

function acceptedFile(form: Form, before: number, part: MultipartFile, bytes: Buffer): IncomingFile {
  if (before >= form.mostFiles)
    throw badPart('file', form.mostFiles === 1 ? 'must be one file' : `must be at most ${form.mostFiles} files`);
  if (bytes.length > MOST_FILE_BYTES) throw new ProblemError('too-large', 'A file may have at most 25 MiB.');
  return { name: part.filename.isWellFormed() ? part.filename : undefined, mediaType: part.mimetype, bytes };
}

/** A browser sends JSON as a field or as a file, depending on how the form was put together. */
async function bytesOf(part: MultipartFile | MultipartValue): Promise<Buffer> {
  if (part.type === 'file') return part.toBuffer();
  if (part.valueTruncated) throw new ProblemError('too-large', 'The part request may have at most 8 MiB.');
  return Buffer.from(typeof part.value === 'string' ? part.value : JSON.stringify(part.value), 'utf8');
}

function utf8(bytes: Buffer): string {
  if (bytes.length > MOST_JSON_BYTES) throw new ProblemError('too-large', 'The part request may have at most 8 MiB.');
  return new TextDecoder('utf-8').decode(bytes);
}

function badPart(name: string, message: string): ProblemError {
  return new ProblemError('invalid-body', 'The form has parts that are not right.', {
    errors: [{ path: name.toWellFormed().slice(0, 100), message }],
  });
}
