import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  AgentChangeSchema,
  AgentSchema,
  AgentStatusSchema,
  NewNoteSchema,
  NoteSchema,
} from '../../contracts/request.js';
import { DeliverySchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { listAgents, viewAgent } from '../../engine/agents/agent-views.js';
import { changeAgent, readInbox, steerAgent, stopAgentOf } from '../../engine/agents/steer.js';
import { callerOf } from '../plugins/auth.js';
import {
  answers,
  IdParamsSchema,
  listOf,
  NoBodySchema,
  NoQuerySchema,
  pageFields,
  PageQuerySchema,
} from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['agents'];
const FilterSchema = z.strictObject({
  request: IdSchema.optional(),
  status: AgentStatusSchema.optional(),
  parent: IdSchema.optional().describe('Only what this agent has spawned.'),
  lasting: z.enum(['true', 'false']).optional().describe('Whether it outlives its request.'),
  ...pageFields,
});
const InboxItemSchema = z.union([DeliverySchema, NoteSchema]);

/** Who works for a person: what each may do and depends on, how far it is, and a word to it. */
export function agentRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine } = deps;
  return async (app) => {
    app.get(
      '/v1/agents',
      {
        schema: {
          tags: TAGS,
          summary: 'Agents of mine, newest first; long texts are cut',
          querystring: FilterSchema,
          response: answers({ 200: listOf(AgentSchema) }),
        },
      },
      async (request) => {
        const { lasting, ...filter } = request.query;
        const isLasting = lasting === undefined ? undefined : lasting === 'true';
        return listAgents(engine, callerOf(request).id, { ...filter, lasting: isLasting });
      },
    );

    app.get(
      '/v1/agents/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'One agent, in full',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: AgentSchema }),
        },
      },
      async (request) => viewAgent(engine, callerOf(request).id, request.params.id),
    );

    app.patch(
      '/v1/agents/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Make an agent more or less urgent, also while it queues; 1 comes first',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: AgentChangeSchema,
          response: answers({ 200: AgentSchema }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        await changeAgent(engine, user, request.params.id, request.body);
        return viewAgent(engine, user, request.params.id);
      },
    );

    app.delete(
      '/v1/agents/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Stop an agent that another one spawned, and everything below it; what it did stays to be read',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: AgentSchema }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        await stopAgentOf(engine, user, request.params.id);
        return viewAgent(engine, user, request.params.id);
      },
    );

    app.post(
      '/v1/agents/:id/inbox',
      {
        schema: {
          tags: TAGS,
          summary: 'Say something to an agent of mine; it reads it in its next turn',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NewNoteSchema,
          response: answers({ 202: z.object({ id: z.string() }) }),
        },
      },
      async (request, reply) => {
        const { id } = callerOf(request);
        return reply.code(202).send(await steerAgent(engine, id, request.params.id, request.body.text));
      },
    );

    app.get(
      '/v1/agents/:id/inbox',
      {
        schema: {
          tags: TAGS,
          summary: 'What an agent of mine was told, oldest first: changes of spaces, and notes to it',
          params: IdParamsSchema,
          querystring: PageQuerySchema,
          response: answers({ 200: listOf(InboxItemSchema) }),
        },
      },
      async (request) => readInbox(engine, callerOf(request).id, request.params.id, request.query),
    );
  };
}
