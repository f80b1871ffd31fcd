import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AnnouncementSchema } from '../../contracts/announcement.js';
import { InstantSchema } from '../../contracts/text.js';
import { listAnnouncements } from '../../engine/clock/announcements.js';
import { callerOf } from '../plugins/auth.js';
import { answers, listOf, pageFields } from '../schemas.js';
import type { RouteParts } from './parts.js';

const FilterSchema = z.strictObject({
  from: InstantSchema.optional().describe('Only what may be told from this instant on.'),
  ...pageFields,
});

/** What the assistant says without having been asked. */
export function announcementRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/v1/announcements',
      {
        schema: {
          tags: ['reminders'],
          summary: 'What came due or was noticed and is to be told now, newest first; quiet hours hold it back',
          querystring: FilterSchema,
          response: answers({ 200: listOf(AnnouncementSchema) }),
        },
      },
      async (request) => listAnnouncements(deps.engine, callerOf(request).id, request.query),
    );
  };
}
