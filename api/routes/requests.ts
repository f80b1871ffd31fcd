import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EffectSchema } from '../../contracts/approval.js';
import { ProblemError } from '../../contracts/problem.js';
import { NewRequestSchema, RequestSchema, RequestStatusSchema, TraceNodeSchema } from '../../contracts/request.js';
import { IdSchema, InstantSchema } from '../../contracts/text.js';
import { acceptRequest } from '../../engine/accept.js';
import { listEffects } from '../../engine/approval-views.js';
import { listRequests, requestStatus, viewRequest } from '../../engine/requests.js';
import { traceRequest } from '../../engine/trace.js';
import { httpChannel } from '../channels/http.js';
import { callerOf } from '../plugins/auth.js';
import { hasEnded, hasPaused, presentWithLinks, requestUrl } from '../present.js';
import { answers, IdParamsSchema, KeyHeadersSchema, listOf, NoQuerySchema, pageFields } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['requests'];
/** Receiving a large form, then waiting for the result. */
const LONGEST_MS = 120_000;

const WaitQuerySchema = z.strictObject({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .optional()
    .describe('Seconds to wait for an end or for something only a person can do.'),
});
const ListQuerySchema = z.strictObject({
  status: RequestStatusSchema.optional(),
  conversation: IdSchema.optional(),
  from: InstantSchema.optional(),
  to: InstantSchema.optional(),
  ...pageFields,
});
/** Taking requests in, and reading what became of them. */
export function requestRoutes(parts: RouteParts): FastifyPluginAsyncZod {
  const { engine, settings } = parts.deps;
  return async (app) => {
    app.post(
      '/v1/requests',
      {
        config: { form: { request: true, mostFiles: 20 } },
        handlerTimeout: LONGEST_MS,
        schema: {
          tags: TAGS,
          summary: 'Send a message',
          headers: KeyHeadersSchema,
          querystring: WaitQuerySchema,
          body: NewRequestSchema,
          response: answers({ 200: RequestSchema, 202: RequestSchema }),
        },
      },
      async (request, reply) => {
        const { user, body, files, deliveryId } = httpChannel.receive(request);
        const accepted = await acceptRequest(engine, user, {
          channel: httpChannel.channel,
          body,
          files,
          idempotencyKey: deliveryId,
        });
        const ended =
          request.query.wait !== undefined && (await waitForPause(parts, user, accepted.id, request.query.wait * 1000));
        reply.header('location', requestUrl(accepted.id, settings));
        const view = await viewRequest(engine, user, accepted.id).catch(tellAccepted(accepted.id));
        return reply.code(ended ? 200 : 202).send(presentWithLinks(view, settings));
      },
    );

    app.get(
      '/v1/requests',
      {
        schema: {
          tags: TAGS,
          summary: 'Requests, newest first',
          querystring: ListQuerySchema,
          response: answers({ 200: listOf(RequestSchema) }),
        },
      },
      async (request) => {
        const page = await listRequests(engine, callerOf(request).id, request.query);
        return { ...page, items: page.items.map((view) => presentWithLinks(view, settings)) };
      },
    );

    app.get(
      '/v1/requests/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'One request',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: RequestSchema }),
        },
      },
      async (request) => presentWithLinks(await viewRequest(engine, callerOf(request).id, request.params.id), settings),
    );

    app.get(
      '/v1/requests/:id/trace',
      {
        schema: {
          tags: TAGS,
          summary: 'Where everything in it came from',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: TraceNodeSchema }),
        },
      },
      async (request) => traceRequest(engine, callerOf(request).id, request.params.id),
    );

    app.get(
      '/v1/requests/:id/effects',
      {
        schema: {
          tags: TAGS,
          summary: 'What it did to the world outside',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: listOf(EffectSchema) }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        await requestStatus(engine, user, request.params.id);
        return { items: await listEffects(engine, user, request.params.id) };
      },
    );
  };
}

/** True when the request ended within the time; false when it waits for a person, or the time is over. */
async function waitForPause(
  { deps, closing, watch }: RouteParts,
  user: string,
  id: string,
  limitMs: number,
): Promise<boolean> {
  const status = await watch.waitFor({ request: id, limitMs, abort: closing, statusOnly: true }, async () => {
    const now = await requestStatus(deps.engine, user, id).catch(whileAway);
    return now !== undefined && (hasEnded(now) || hasPaused(now)) ? now : undefined;
  });
  return status !== undefined && hasEnded(status);
}

/** The message is in already: a database that is away meanwhile is asked again later. */
function whileAway(error: unknown): undefined {
  if (!(error instanceof ProblemError && error.type === 'unavailable')) throw error;
}

function tellAccepted(id: string) {
  return (error: unknown): never => {
    whileAway(error);
    throw new ProblemError(
      'unavailable',
      `The message was accepted as request ${id}, which cannot be read just now: the database is away. Do not send it again; read the request at the address in Location in a few seconds.`,
      { cause: error },
    );
  };
}
