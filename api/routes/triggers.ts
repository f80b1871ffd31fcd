import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import {
  MadeTriggerSchema,
  NewTriggerSchema,
  type Trigger,
  TriggerPatchSchema,
  TriggerSchema,
} from '../../contracts/trigger.js';
import {
  changeTrigger,
  listTriggers,
  makeTrigger,
  removeTrigger,
  type TriggerHouse,
  viewTrigger,
} from '../../engine/triggers/triggers.js';
import { getMe } from '../../engine/users.js';
import type { ApiDeps, ApiSettings } from '../deps.js';
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

const TAGS = ['triggers'];

/** What sets an agent to work without anybody writing: times, calls from outside, changes, mails, pages and servers. */
export function triggerRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine, settings } = deps;
  return async (app) => {
    app.get(
      '/v1/triggers',
      {
        schema: {
          tags: TAGS,
          summary: 'Triggers of mine, newest first',
          querystring: PageQuerySchema,
          response: answers({ 200: listOf(TriggerSchema) }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        const page = await engine.db.as(user, (tx) => listTriggers(tx, user, request.query));
        return { ...page, items: page.items.map((trigger) => withLinks(trigger, settings)) };
      },
    );

    app.post(
      '/v1/triggers',
      {
        schema: {
          tags: TAGS,
          summary:
            'Make a trigger; each time it fires its instructions become a request. A webhook’s secret is shown once',
          querystring: NoQuerySchema,
          body: NewTriggerSchema,
          response: answers({ 201: MadeTriggerSchema }),
        },
      },
      async (request, reply) => {
        const { id: user, isOwner } = callerOf(request);
        const { timeZone } = await getMe(engine, user);
        const maker = {
          user,
          author: `user:${user}`,
          agent: 'default',
          labels: [],
          skills: null,
          now: Date.now(),
          timeZone,
        };
        const house = houseOf(deps, { isOwner, needsBox: request.body.kind === 'webhook' });
        const made = await engine.db.as(user, (tx) => makeTrigger(tx, maker, request.body, house));
        return reply.code(201).send(withLinks(made, settings));
      },
    );

    app.get(
      '/v1/triggers/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'One trigger: when it comes round, and what its last look came to',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: TriggerSchema }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        return withLinks(await engine.db.as(user, (tx) => viewTrigger(tx, user, request.params.id)), settings);
      },
    );

    app.patch(
      '/v1/triggers/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Change a trigger, or switch it on or off; with a new spec it begins afresh',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: TriggerPatchSchema,
          response: answers({ 200: TriggerSchema }),
        },
      },
      async (request) => {
        const { id: user, isOwner } = callerOf(request);
        const { id } = request.params;
        const house = houseOf(deps, { isOwner, needsBox: false });
        const changed = await engine.db.as(user, (tx) => changeTrigger(tx, user, id, request.body, Date.now(), house));
        return withLinks(changed, settings);
      },
    );

    app.delete(
      '/v1/triggers/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Remove a trigger; the requests it has made stay',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: DeletedSchema }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        const { id } = await engine.db.as(user, (tx) => removeTrigger(tx, user, request.params.id));
        return { id, deleted: true as const };
      },
    );
  };
}

/** The installation's key is made when it is first asked for. */
function houseOf({ engine, sealing }: ApiDeps, who: { isOwner: boolean; needsBox: boolean }): TriggerHouse {
  const box = who.needsBox ? sealing?.() : undefined;
  return { agents: Object.keys(engine.agents), isOwner: who.isOwner, ...(box === undefined ? {} : { box }) };
}

function withLinks<T extends Trigger>(trigger: T, { publicUrl }: ApiSettings): T {
  const base = publicUrl.replace(/\/+$/, '');
  const { self, webhook } = trigger.links;
  return {
    ...trigger,
    links: { self: `${base}${self}`, ...(webhook === undefined ? {} : { webhook: `${base}${webhook}` }) },
  };
}
