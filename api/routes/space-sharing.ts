import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  GrantSchema,
  NewSubscriptionSchema,
  PermissionSchema,
  PrincipalSchema,
  SubscriptionSchema,
} from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { dropGrant, listGrants, setGrant } from '../../spaces/grants.js';
import { userActor } from '../../spaces/principal.js';
import { listSubscriptions, subscribe, unsubscribe } from '../../spaces/subscriptions.js';
import { compact } from '../compact.js';
import { callerOf } from '../plugins/auth.js';
import {
  answers,
  DeletedSchema,
  IdParamsSchema,
  listOf,
  NoBodySchema,
  NoQuerySchema,
  PageQuerySchema,
} from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['spaces'];
const GrantParamsSchema = z.strictObject({ id: IdSchema, principal: PrincipalSchema });
const SubscriptionParamsSchema = z.strictObject({ id: IdSchema, agent: IdSchema });
const NewGrantSchema = z.strictObject({ permission: PermissionSchema });

/** Who may do what in a space, and which agents are told of its changes. */
export function spaceSharingRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { db } = deps.engine;
  return async (app) => {
    app.get(
      '/v1/spaces/:id/grants',
      {
        schema: {
          tags: TAGS,
          summary: 'Who may do what; needs grant',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: listOf(GrantSchema) }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return { items: await db.as(id, (tx) => listGrants(tx, userActor(id), request.params.id)) };
      },
    );

    app.put(
      '/v1/spaces/:id/grants/:principal',
      {
        schema: {
          tags: TAGS,
          summary: 'Share a space with user:ID or agent:ID, or change what was shared',
          params: GrantParamsSchema,
          querystring: NoQuerySchema,
          body: NewGrantSchema,
          response: answers({ 200: GrantSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        const { id: space, principal } = request.params;
        return db.as(id, (tx) => setGrant(tx, userActor(id), space, principal, request.body.permission));
      },
    );

    app.delete(
      '/v1/spaces/:id/grants/:principal',
      {
        schema: {
          tags: TAGS,
          summary: 'Take a grant back, or leave a space',
          params: GrantParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: DeletedSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        const { id: space, principal } = request.params;
        await db.as(id, (tx) => dropGrant(tx, userActor(id), space, principal));
        return { id: principal, deleted: true as const };
      },
    );

    app.get(
      '/v1/spaces/:id/subscriptions',
      {
        schema: {
          tags: TAGS,
          summary: 'Which of my agents are told of changes',
          params: IdParamsSchema,
          querystring: PageQuerySchema,
          response: answers({ 200: listOf(SubscriptionSchema) }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return db.as(id, (tx) => listSubscriptions(tx, userActor(id), request.params.id, compact(request.query)));
      },
    );

    app.put(
      '/v1/spaces/:id/subscriptions/:agent',
      {
        schema: {
          tags: TAGS,
          summary: 'Tell an agent of mine of changes from now on',
          params: SubscriptionParamsSchema,
          querystring: NoQuerySchema,
          body: NewSubscriptionSchema,
          response: answers({ 200: SubscriptionSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        const { id: space, agent } = request.params;
        return db.as(id, (tx) => subscribe(tx, userActor(id), space, agent, request.body));
      },
    );

    app.delete(
      '/v1/spaces/:id/subscriptions/:agent',
      {
        schema: {
          tags: TAGS,
          summary: 'Tell an agent of mine no more',
          params: SubscriptionParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: DeletedSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        const { id: space, agent } = request.params;
        await db.as(id, (tx) => unsubscribe(tx, userActor(id), space, agent));
        return { id: agent, deleted: true as const };
      },
    );
  };
}
