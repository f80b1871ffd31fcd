import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EventSchema } from '../../contracts/request.js';
import { requestStatus } from '../../engine/requests.js';
import { callerOf } from '../plugins/auth.js';
import { hasEnded } from '../present.js';
import { answers, IdParamsSchema } from '../schemas.js';
import { streamEvents } from '../streams/event-stream.js';
import { EventWriter } from '../streams/event-writer.js';
import type { RouteParts } from './parts.js';

const NumberTextSchema = z.string().regex(/^\d{1,15}$/, 'must be the id of an event');
const HeadersSchema = z.looseObject({ 'last-event-id': NumberTextSchema.optional() });
const QuerySchema = z.strictObject({
  after: NumberTextSchema.optional().describe('As the header Last-Event-ID, for clients that cannot send it.'),
});
const STREAM = {
  description: 'Server-sent events; `data` of each is an Event',
  content: { 'text/event-stream': { schema: EventSchema } },
};

/** Events of a request as they happen. */
export function requestEventRoutes({ deps, closing, watch }: RouteParts): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/v1/requests/:id/events',
      {
        exposeHeadRoute: false,
        schema: {
          tags: ['requests'],
          summary: 'What happens, as it happens',
          params: IdParamsSchema,
          headers: HeadersSchema,
          querystring: QuerySchema,
          response: answers({ 200: STREAM }),
        },
      },
      async (request, reply) => {
        const user = callerOf(request).id;
        const seen = request.headers['last-event-id'] ?? request.query.after;
        const status = await requestStatus(deps.engine, user, request.params.id);
        const stop = startStream(reply, closing);
        try {
          await streamEvents(
            {
              engine: deps.engine,
              bus: deps.bus,
              watch,
              user,
              request: request.params.id,
              after: Number(seen ?? 0),
              resumed: seen !== undefined,
              ended: hasEnded(status),
            },
            new EventWriter(reply.raw),
            stop,
          );
        } catch (error) {
          request.log.error({ err: error, request: request.params.id }, 'an event stream broke off');
          reply.raw.destroy();
        }
      },
    );
  };
}

/** Takes the answer out of the framework's hands; the signal fires when the reader leaves or the server closes. */
function startStream(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  reply.hijack();
  const headers = Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  reply.raw.writeHead(200, {
    ...Object.fromEntries(headers),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    connection: 'close',
  });
  reply.raw.write('retry: 1000\n\n');
  return AbortSignal.any([gone.signal, closing]);
}
