import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { NoQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const HealthSchema = z.object({ status: z.string(), parts: z.record(z.string(), z.string()).optional() });
const OPEN = { open: true };

/** Whether the process lives, and whether all it needs can be reached. */
export function healthRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/health/live',
      {
        config: OPEN,
        schema: {
          tags: ['operations'],
          summary: 'Whether the process lives',
          security: [],
          querystring: NoQuerySchema,
          response: { 200: HealthSchema },
        },
      },
      async () => ({ status: 'ok' }),
    );

    app.get(
      '/health/ready',
      {
        config: OPEN,
        schema: {
          tags: ['operations'],
          summary: 'Whether everything it needs can be reached',
          security: [],
          querystring: NoQuerySchema,
          response: { 200: HealthSchema, 503: HealthSchema },
        },
      },
      async (_request, reply) => {
        const { ok, parts } = await deps.settings.ready();
        if (ok) return { status: 'ok', parts: { ...parts } };
        return reply
          .code(503)
          .header('retry-after', '5')
          .send({ status: 'away', parts: { ...parts } });
      },
    );
  };
}
