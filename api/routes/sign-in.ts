import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { createSession } from '../../engine/users.js';
import { SESSION_COOKIE } from '../plugins/auth.js';
import type { RouteParts } from './parts.js';

const QuerySchema = z.strictObject({ ticket: z.string().regex(/^[\w-]{16,200}$/, 'must be a ticket') });

/** The link printed at the first start: its ticket is good once, and leaves the browser with a cookie. */
export function signInRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/signin',
      { config: { open: true }, exposeHeadRoute: false, schema: { hide: true, querystring: QuerySchema } },
      async (request, reply) => {
        const user = deps.tickets.redeem(request.query.ticket);
        if (user === undefined)
          throw new ProblemError(
            'unauthorised',
            'This link was used before or is too old. Start Retinue again for a new one.',
          );
        const { session, maxAgeSeconds } = await createSession(deps.engine, user);
        const secure = deps.settings.publicUrl.startsWith('https:') ? '; Secure' : '';
        return reply
          .header(
            'set-cookie',
            `${SESSION_COOKIE}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure}`,
          )
          .header('cache-control', 'no-store')
          .header('referrer-policy', 'no-referrer')
          .redirect('/docs', 303);
      },
    );
  };
}
