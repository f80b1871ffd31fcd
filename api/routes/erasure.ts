import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { eraseContent } from '../../engine/erasure.js';
import { callerOf } from '../plugins/auth.js';
import { answers, IdParamsSchema, NoQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['people'];
const ERASE_MS = 120_000;
const ConfirmSchema = z.strictObject({
  confirm: z.literal('erase everything', { error: 'must be the words: erase everything' }),
});
const ErasureSchema = z
  .object({
    user: z.string(),
    erasedAt: z.string(),
    erased: z.object({
      conversations: z.int(),
      requests: z.int(),
      files: z.int(),
      spaces: z.int(),
      atoms: z.int(),
      atomsOfOthers: z.int().describe('Atoms of other people that stay, without what was written there.'),
      policies: z.int(),
      reminders: z.int(),
      triggers: z.int(),
      secrets: z.int(),
    }),
    filesLeftToSweep: z.int().describe('File contents stored a moment ago, which are removed within hours.'),
  })
  .meta({ id: 'Erasure' });

/** Erasing everything a person has said, made or received here. */
export function erasureRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine, forgetFolders } = deps;
  return async (app) => {
    app.post(
      '/v1/me/erase',
      {
        handlerTimeout: ERASE_MS,
        schema: {
          tags: TAGS,
          summary: 'Erase all my content; there is no way back',
          querystring: NoQuerySchema,
          body: ConfirmSchema,
          response: answers({ 200: ErasureSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return eraseContent(engine, id, id, forgetFolders);
      },
    );

    app.post(
      '/v1/users/:id/erase',
      {
        config: { ownerOnly: true },
        handlerTimeout: ERASE_MS,
        schema: {
          tags: TAGS,
          summary: 'Erase all content of a person; for the owner',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: ConfirmSchema,
          response: answers({ 200: ErasureSchema }),
        },
      },
      async (request) => eraseContent(engine, request.params.id, callerOf(request).id, forgetFolders),
    );
  };
}
