import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { SpaceEventSchema } from '../../contracts/space.js';
import { userActor } from '../../spaces/principal.js';
import { newestSpaceEvents } from '../../spaces/space-events.js';
import { getSpace } from '../../spaces/spaces.js';
import { callerOf } from '../plugins/auth.js';
import { answers, IdParamsSchema } from '../schemas.js';
import { EventWriter } from '../streams/event-writer.js';
import { streamSpaceEvents } from '../streams/space-stream.js';
import { ResumeHeadersSchema, ResumeQuerySchema } from '../streams/start-stream.js';
import { Watch } from '../streams/watch.js';
import type { RouteParts } from './parts.js';

const STREAM = {
  description: 'Server-sent events; `data` of each is a SpaceEvent',
  content: { 'text/event-stream': { schema: SpaceEventSchema } },
};

/** Changes of a space as they happen. */
export function spaceEventRoutes({ deps, streams }: RouteParts): FastifyPluginAsyncZod {
  const { engine, bus } = deps;
  return async (app) => {
    const newest = (ids: readonly string[]) => engine.db.system((tx) => newestSpaceEvents(tx, ids));
    const watch = new Watch({ name: 'spaces', newest }, app.log);
    app.get(
      '/v1/spaces/:id/events',
      {
        exposeHeadRoute: false,
        schema: {
          tags: ['spaces'],
          summary: 'What changes, as it changes: comments, never content',
          params: IdParamsSchema,
          headers: ResumeHeadersSchema,
          querystring: ResumeQuerySchema,
          response: answers({ 200: STREAM }),
        },
      },
      async (request, reply) => {
        const user = callerOf(request).id;
        const space = request.params.id;
        const after = Number(request.headers['last-event-id'] ?? request.query.after ?? 0);
        await engine.db.as(user, (tx) => getSpace(tx, userActor(user), space));
        const stop = streams.start(request, reply);
        try {
          await streamSpaceEvents({ engine, bus, watch, user, space, after }, new EventWriter(reply.raw, stop), stop);
        } catch (error) {
          request.log.error({ err: error, space }, 'an event stream broke off');
          reply.raw.destroy();
        }
      },
    );
  };
}
