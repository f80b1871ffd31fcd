import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AtomSchema, NewSpaceSchema, SearchSchema, SpaceRoleSchema, SpaceSchema } from '../../contracts/space.js';
import { userActor } from '../../spaces/principal.js';
import { searchAtoms } from '../../spaces/search.js';
import { createSpace, getSpace, listSpaces } from '../../spaces/spaces.js';
import { compact } from '../compact.js';
import { callerOf } from '../plugins/auth.js';
import { answers, IdParamsSchema, listOf, NoQuerySchema, pageFields } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['spaces'];
const ListQuerySchema = z.strictObject({ role: SpaceRoleSchema.optional(), ...pageFields });
const InSpaceSearchSchema = SearchSchema.omit({ spaces: true });
const HitsSchema = listOf(z.object({ atom: AtomSchema, score: z.number() }));

/** Spaces the caller may read, and searching them. */
export function spaceRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { db } = deps.engine;
  return async (app) => {
    app.get(
      '/v1/spaces',
      {
        schema: {
          tags: TAGS,
          summary: 'Spaces I may read, newest first',
          querystring: ListQuerySchema,
          response: answers({ 200: listOf(SpaceSchema) }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return db.as(id, (tx) => listSpaces(tx, userActor(id), compact(request.query)));
      },
    );

    app.post(
      '/v1/spaces',
      {
        schema: {
          tags: TAGS,
          summary: 'Make a space; it is private at first',
          querystring: NoQuerySchema,
          body: NewSpaceSchema,
          response: answers({ 201: SpaceSchema }),
        },
      },
      async (request, reply) => {
        const { id } = callerOf(request);
        return reply.code(201).send(await db.as(id, (tx) => createSpace(tx, userActor(id), request.body)));
      },
    );

    app.get(
      '/v1/spaces/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'One space',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: SpaceSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return db.as(id, (tx) => getSpace(tx, userActor(id), request.params.id));
      },
    );

    app.post(
      '/v1/spaces/:id/search',
      {
        schema: {
          tags: TAGS,
          summary: 'Search one space',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: InSpaceSearchSchema,
          response: answers({ 200: HitsSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return db.as(id, (tx) => searchAtoms(tx, userActor(id), { ...request.body, spaces: [request.params.id] }));
      },
    );

    app.post(
      '/v1/search',
      {
        schema: {
          tags: TAGS,
          summary: 'Search every space I may read',
          querystring: NoQuerySchema,
          body: SearchSchema,
          response: answers({ 200: HitsSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return db.as(id, (tx) => searchAtoms(tx, userActor(id), request.body));
      },
    );
  };
}
