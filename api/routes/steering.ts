import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { NewMessageSchema, RequestSchema } from '../../contracts/request.js';
import { cancelRequest, requestUndo } from '../../engine/cancel.js';
import { postMessage } from '../../engine/messages.js';
import { viewRequest } from '../../engine/requests.js';
import { undoState } from '../../engine/undo-state.js';
import { callerOf } from '../plugins/auth.js';
import { presentWithLinks } from '../present.js';
import { answers, IdParamsSchema, NoBodySchema, NoQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['requests'];
const UNDO_WAIT_MS = 10_000;
const UndoSchema = z.object({ id: z.string(), status: z.enum(['undone', 'undoing']) }).meta({ id: 'Undo' });

/** What a person can do while a request runs, and after: say more, stop it, take a step back. */
export function steeringRoutes({ deps, closing, watch }: RouteParts): FastifyPluginAsyncZod {
  const { engine, settings } = deps;
  return async (app) => {
    app.post(
      '/v1/requests/:id/messages',
      {
        schema: {
          tags: TAGS,
          summary: 'Say more, or answer a question',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NewMessageSchema,
          response: answers({ 200: RequestSchema }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        await postMessage(engine, user, request.params.id, request.body);
        return presentWithLinks(await viewRequest(engine, user, request.params.id), settings);
      },
    );

    app.post(
      '/v1/requests/:id/cancel',
      {
        schema: {
          tags: TAGS,
          summary: 'Stop it and everything it started',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: RequestSchema }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        await cancelRequest(engine, user, request.params.id);
        return presentWithLinks(await viewRequest(engine, user, request.params.id), settings);
      },
    );

    app.post(
      '/v1/calls/:id/undo',
      {
        schema: {
          tags: TAGS,
          summary: 'Take back what a call did',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: UndoSchema, 202: UndoSchema }),
        },
      },
      async (request, reply) => {
        const user = callerOf(request).id;
        const { id } = request.params;
        const queued = await requestUndo(engine, user, id);
        const settled = await watch.waitFor(
          { request: queued.request, limitMs: UNDO_WAIT_MS, abort: closing },
          async () => {
            const state = await undoState(engine, user, id);
            return state.status === 'undoing' ? undefined : state;
          },
        );
        if (settled?.status === 'done')
          throw new ProblemError('conflict', settled.message ?? 'The call could not be undone.');
        return reply
          .code(settled === undefined ? 202 : 200)
          .send({ id, status: settled === undefined ? 'undoing' : 'undone' });
      },
    );
  };
}
