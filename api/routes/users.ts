import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { NewUserSchema, UserPatchSchema, UserSchema } from '../../contracts/user.js';
import { createUser, getMe, listUsers, patchMe } from '../../engine/users.js';
import { callerOf } from '../plugins/auth.js';
import { answers, listOf, NoQuerySchema, PageQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['people'];
const MadeUserSchema = z.object({ ...UserSchema.shape, token: z.string() }).meta({ id: 'MadeUser' });

/** People of this installation and one's own settings. */
export function userRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine } = deps;
  return async (app) => {
    app.get(
      '/v1/users',
      {
        schema: {
          tags: TAGS,
          summary: 'Everybody here; for the owner',
          querystring: PageQuerySchema,
          response: answers({ 200: listOf(UserSchema) }),
        },
      },
      async (request) => listUsers(engine, callerOf(request), request.query),
    );

    app.post(
      '/v1/users',
      {
        schema: {
          tags: TAGS,
          summary: 'Add a person; the token is shown this once',
          querystring: NoQuerySchema,
          body: NewUserSchema,
          response: answers({ 201: MadeUserSchema }),
        },
      },
      async (request, reply) =>
        reply
          .code(201)
          .header('cache-control', 'no-store')
          .send(await createUser(engine, callerOf(request), request.body)),
    );

    app.get(
      '/v1/me',
      {
        schema: {
          tags: TAGS,
          summary: 'My settings',
          querystring: NoQuerySchema,
          response: answers({ 200: UserSchema }),
        },
      },
      async (request) => getMe(engine, callerOf(request).id),
    );

    app.patch(
      '/v1/me',
      {
        schema: {
          tags: TAGS,
          summary: 'Change my settings',
          querystring: NoQuerySchema,
          body: UserPatchSchema,
          response: answers({ 200: UserSchema }),
        },
      },
      async (request) => patchMe(engine, callerOf(request).id, request.body),
    );
  };
}
