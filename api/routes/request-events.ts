import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { EventSchema } from '../../contracts/request.js';
import { requestStatus } from '../../engine/requests.js';
import { callerOf } from '../plugins/auth.js';
import { hasEnded } from '../present.js';
import { answers, IdParamsSchema } from '../schemas.js';
import { streamEvents } from '../streams/event-stream.js';
import { EventWriter } from '../streams/event-writer.js';
import { ResumeHeadersSchema, ResumeQuerySchema } from '../streams/start-stream.js';
import type { RouteParts } from './parts.js';

const STREAM = {
  description: 'Server-sent events; `data` of each is an Event',
  content: { 'text/event-stream': { schema: EventSchema } },
};

/** Events of a request as they happen. */
export function requestEventRoutes({ deps, streams, watch }: RouteParts): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/v1/requests/:id/events',
      {
        exposeHeadRoute: false,
        schema: {
          tags: ['requests'],
          summary: 'What happens, as it happens',
          params: IdParamsSchema,
          headers: ResumeHeadersSchema,
          querystring: ResumeQuerySchema,
          response: answers({ 200: STREAM }),
        },
      },
      async (request, reply) => {
        const user = callerOf(request).id;
        const seen = request.headers['last-event-id'] ?? request.query.after;
        const status = await requestStatus(deps.engine, user, request.params.id);
        const stop = streams.start(request, reply);
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
            new EventWriter(reply.raw, stop),
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
