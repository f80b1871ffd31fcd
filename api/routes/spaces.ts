import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  AtomSchema,
  NewSpaceSchema,
  type Search,
  SearchSchema,
  SpacePatchSchema,
  SpaceRoleSchema,
  SpaceSchema,
} from '../../contracts/space.js';
import { CleanTextSchema } from '../../contracts/text.js';
import type { Engine } from '../../engine/deps.js';
import { meaningOf } from '../../engine/meanings.js';
import { forkSpace } from '../../spaces/fork.js';
import { userActor } from '../../spaces/principal.js';
import { searchAtoms } from '../../spaces/search.js';
import { createSpace, deleteSpace, getSpace, listSpaces, updateSpace } from '../../spaces/spaces.js';
import { compact } from '../compact.js';
import { callerOf } from '../plugins/auth.js';
import { answers, DeletedSchema, IdParamsSchema, listOf, NoBodySchema, NoQuerySchema, pageFields } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['spaces'];
const ListQuerySchema = z.strictObject({
  role: SpaceRoleSchema.optional(),
  tag: CleanTextSchema.min(1).max(100).optional().describe('Only spaces that have this tag.'),
  ...pageFields,
});
const ForkSchema = z.strictObject({ name: NewSpaceSchema.shape.name });
const InSpaceSearchSchema = SearchSchema.omit({ spaces: true });
const HitsSchema = listOf(z.object({ atom: AtomSchema, score: z.number() }));

/** Spaces the caller may read, and searching them. */
export function spaceRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine } = deps;
  const { db } = engine;
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

    app.patch(
      '/v1/spaces/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Change what a space says of itself; needs grant',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: SpacePatchSchema,
          response: answers({ 200: SpaceSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return db.as(id, (tx) => updateSpace(tx, userActor(id), request.params.id, request.body));
      },
    );

    app.delete(
      '/v1/spaces/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Delete a space of mine with everything in it',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: DeletedSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        await db.as(id, (tx) => deleteSpace(tx, userActor(id), request.params.id));
        return { id: request.params.id, deleted: true as const };
      },
    );

    app.post(
      '/v1/spaces/:id/fork',
      {
        schema: {
          tags: TAGS,
          summary: 'A private copy of a space to adapt',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: ForkSchema,
          response: answers({ 201: SpaceSchema }),
        },
      },
      async (request, reply) => {
        const { id } = callerOf(request);
        const fork = await db.as(id, (tx) => forkSpace(tx, userActor(id), request.params.id, request.body));
        return reply.code(201).send(fork);
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
      async (request) => found(engine, callerOf(request).id, { ...request.body, spaces: [request.params.id] }),
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
      async (request) => found(engine, callerOf(request).id, request.body),
    );
  };
}

/** Only the first page of a ranking needs to know what the query means. */
async function found(engine: Engine, user: string, search: Search) {
  const meaning = search.cursor === undefined ? await meaningOf(engine, search.query) : undefined;
  return engine.db.as(user, (tx) => searchAtoms(tx, userActor(user), search, { meaning }));
}
