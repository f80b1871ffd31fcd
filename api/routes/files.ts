import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { FileSchema } from '../../contracts/request.js';
import { deleteFile, getFile, saveFile } from '../../engine/files.js';
import { disposition } from '../disposition.js';
import { callerOf } from '../plugins/auth.js';
import { presentFile } from '../present.js';
import { answers, DeletedSchema, IdParamsSchema, NoBodySchema, NoQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['files'];
const UPLOAD_MS = 120_000;
const BYTES = { description: 'The bytes', content: { '*/*': { schema: z.string().meta({ format: 'binary' }) } } };

/** Uploads and produced files. */
export function fileRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine, settings } = deps;
  return async (app) => {
    app.post(
      '/v1/files',
      {
        config: { form: { request: false, mostFiles: 1 } },
        handlerTimeout: UPLOAD_MS,
        schema: {
          tags: TAGS,
          summary: 'Upload a file, as the part `file` of a form',
          querystring: NoQuerySchema,
          response: answers({ 201: FileSchema }),
        },
      },
      async (request, reply) => {
        if (request.incomingFiles === null)
          throw new ProblemError('unsupported-media', 'Send the file as the part `file` of multipart/form-data.');
        const [file] = request.incomingFiles;
        if (file === undefined)
          throw new ProblemError('invalid-body', 'The form has no file.', {
            errors: [{ path: 'file', message: 'is required' }],
          });
        return reply.code(201).send(presentFile(await saveFile(engine, callerOf(request).id, file), settings));
      },
    );

    app.get(
      '/v1/files/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'The bytes of a file',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: BYTES }),
        },
      },
      async (request, reply) => {
        const file = await getFile(engine, callerOf(request).id, request.params.id);
        const bytes = await engine.blobs.read(file.sha256);
        reply
          .header('content-type', file.mediaType)
          .header('content-disposition', disposition(file.name))
          .header('x-content-type-options', 'nosniff')
          .header('cache-control', 'private, no-store');
        return sendBytes(reply, bytes);
      },
    );

    app.delete(
      '/v1/files/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Delete a file',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: DeletedSchema }),
        },
      },
      async (request) => {
        await deleteFile(engine, callerOf(request).id, request.params.id);
        return { id: request.params.id, deleted: true as const };
      },
    );
  };
}

/** Bytes pass by the serializer of the route's schema. */
function sendBytes(reply: FastifyReply, bytes: Buffer): FastifyReply {
  return reply.send(bytes);
}
