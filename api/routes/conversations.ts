import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ConversationSchema, RequestSchema } from '../../contracts/request.js';
import { listConversations, viewConversation } from '../../engine/conversations.js';
import { callerOf } from '../plugins/auth.js';
import { presentWithLinks } from '../present.js';
import { answers, IdParamsSchema, listOf, PageQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['conversations'];
const ThreadSchema = z
  .object({ ...ConversationSchema.shape, requests: z.array(RequestSchema), cursor: z.string().optional() })
  .meta({ id: 'Thread' });

/** Threads of requests. */
export function conversationRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine, settings } = deps;
  return async (app) => {
    app.get(
      '/v1/conversations',
      {
        schema: {
          tags: TAGS,
          summary: 'Conversations, the latest first',
          querystring: PageQuerySchema,
          response: answers({ 200: listOf(ConversationSchema) }),
        },
      },
      async (request) => listConversations(engine, callerOf(request).id, request.query),
    );

    app.get(
      '/v1/conversations/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'One conversation with its requests, newest first',
          params: IdParamsSchema,
          querystring: PageQuerySchema,
          response: answers({ 200: ThreadSchema }),
        },
      },
      async (request) => {
        const thread = await viewConversation(engine, callerOf(request).id, request.params.id, request.query);
        return { ...thread, requests: thread.requests.map((view) => presentWithLinks(view, settings)) };
      },
    );
  };
}
