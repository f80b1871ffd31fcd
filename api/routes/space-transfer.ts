import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { NewSpaceSchema, SpaceSchema } from '../../contracts/space.js';
import type { Engine } from '../../engine/deps.js';
import { MOST_FILE_BYTES } from '../../engine/files.js';
import { userActor } from '../../spaces/principal.js';
import { getSpace } from '../../spaces/spaces.js';
import { type ExportedPage, exportSpace, importSpace } from '../../spaces/transfer.js';
import { disposition } from '../disposition.js';
import { callerOf } from '../plugins/auth.js';
import { answers, IdParamsSchema, NoQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['spaces'];
const NDJSON = 'application/x-ndjson';
const IMPORT_MS = 120_000;
/** A large space over a slow line; one that takes nothing at all is cut off long before. */
const EXPORT_MS = 3_600_000;
const LINES = {
  description: 'JSON lines: the space, then an atom with its history each',
  content: { [NDJSON]: { schema: z.string() } },
};
const ImportQuerySchema = z.strictObject({
  trusted: z
    .enum(['true', 'false'])
    .optional()
    .describe('Vouches for the file: its description and labels count. Otherwise everything in it is untrusted.'),
  name: NewSpaceSchema.shape.name.optional().describe('Another name than that in the file.'),
});
const ImportedSchema = z
  .object({
    space: SpaceSchema,
    atoms: z.int(),
    droppedReferences: z.int().describe('References left out, because their atoms are not in the file or readable.'),
  })
  .meta({ id: 'ImportedSpace' });

/** Whole spaces as files: out with their history, and in as new private ones. */
export function spaceTransferRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine } = deps;
  return async (app) => {
    app.addContentTypeParser(
      NDJSON,
      { parseAs: 'buffer', bodyLimit: MOST_FILE_BYTES },
      async (_request: FastifyRequest, body: Buffer) => body,
    );

    app.get(
      '/v1/spaces/:id/export',
      {
        exposeHeadRoute: false,
        handlerTimeout: EXPORT_MS,
        schema: {
          tags: TAGS,
          summary: 'A space as a file',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: LINES }),
        },
      },
      async (request, reply) => {
        const user = callerOf(request).id;
        const { id } = request.params;
        const { name } = await engine.db.as(user, (tx) => getSpace(tx, userActor(user), id));
        const first = await readPage(engine, user, id);
        reply
          .header('content-type', `${NDJSON}; charset=utf-8`)
          .header('content-disposition', disposition(`${name}.ndjson`))
          .header('x-content-type-options', 'nosniff')
          .header('cache-control', 'private, no-store');
        return sendLines(reply, Readable.from(allLines(engine, user, id, first)));
      },
    );

    app.post(
      '/v1/spaces/import',
      {
        config: { form: { request: false, mostFiles: 1 } },
        handlerTimeout: IMPORT_MS,
        schema: {
          tags: TAGS,
          summary: 'A new space from a file, as the body or as the part `file` of a form',
          querystring: ImportQuerySchema,
          response: answers({ 201: ImportedSchema }),
        },
      },
      async (request, reply) => {
        const user = callerOf(request).id;
        const { name, trusted } = request.query;
        const imported = await importSpace(engine.db, userActor(user), textOf(importedBytes(request)), {
          ...(name === undefined ? {} : { name }),
          trusted: trusted === 'true',
        });
        return reply.code(201).send(imported);
      },
    );
  };
}

/** Lines pass by the serializer of the route's schema. */
function sendLines(reply: FastifyReply, lines: Readable): FastifyReply {
  return reply.send(lines);
}

/** The reader's pace decides when the next page is read; one that fails breaks the file off, so it is not taken for whole. */
async function* allLines(engine: Engine, user: string, space: string, first: ExportedPage): AsyncGenerator<string> {
  let page = first;
  for (;;) {
    yield page.lines.map((line) => `${line}\n`).join('');
    if (page.cursor === undefined) return;
    page = await readPage(engine, user, space, page.cursor);
  }
}

function readPage(engine: Engine, user: string, space: string, cursor?: string): Promise<ExportedPage> {
  return engine.db.as(user, (tx) => exportSpace(tx, userActor(user), space, cursor));
}

function importedBytes({ body, incomingFiles }: FastifyRequest): Uint8Array {
  if (Buffer.isBuffer(body)) return body;
  if (incomingFiles === null)
    throw new ProblemError(
      'unsupported-media',
      `Send the file as ${NDJSON}, or as the part \`file\` of multipart/form-data.`,
    );
  const [file] = incomingFiles;
  if (file !== undefined) return file.bytes;
  throw new ProblemError('invalid-body', 'The form has no file.', {
    errors: [{ path: 'file', message: 'is required' }],
  });
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ProblemError('invalid-body', 'The file is not valid UTF-8.', {
      errors: [{ path: 'body', message: 'is not valid UTF-8' }],
      cause: error,
    });
  }
}
