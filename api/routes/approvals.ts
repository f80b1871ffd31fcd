import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  ApprovalSchema,
  ApprovalStatusSchema,
  BatchDecisionSchema,
  DecisionSchema,
  NewPolicySchema,
  PolicySchema,
} from '../../contracts/approval.js';
import { IdSchema } from '../../contracts/text.js';
import { listApprovals, viewApproval, viewApprovals } from '../../engine/approval-views.js';
import { decide, decideBatch } from '../../engine/decisions.js';
import { createPolicy, deletePolicy, listPolicies } from '../../engine/policies.js';
import { callerOf } from '../plugins/auth.js';
import { answers, DeletedSchema, IdParamsSchema, listOf, NoBodySchema, NoQuerySchema, pageFields } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['approvals'];
const FilterSchema = z.strictObject({
  status: ApprovalStatusSchema.optional(),
  request: IdSchema.optional(),
  ...pageFields,
});

/** What waits for a person, their decisions, and what they have allowed once and for all. */
export function approvalRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine } = deps;
  return async (app) => {
    app.get(
      '/v1/approvals',
      {
        schema: {
          tags: TAGS,
          summary: 'What waits for a decision, or waited',
          querystring: FilterSchema,
          response: answers({ 200: listOf(ApprovalSchema) }),
        },
      },
      async (request) => listApprovals(engine, callerOf(request).id, request.query),
    );

    app.get(
      '/v1/approvals/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'One approval, in full',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: ApprovalSchema }),
        },
      },
      async (request) => viewApproval(engine, callerOf(request).id, request.params.id),
    );

    app.post(
      '/v1/approvals/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Approve, edit, reject or respond',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: DecisionSchema,
          response: answers({ 200: ApprovalSchema }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        await decide(engine, user, request.params.id, request.body);
        return viewApproval(engine, user, request.params.id);
      },
    );

    app.post(
      '/v1/approvals/batch',
      {
        schema: {
          tags: TAGS,
          summary: 'Several decisions, all or none of them',
          querystring: NoQuerySchema,
          body: BatchDecisionSchema,
          response: answers({ 200: listOf(ApprovalSchema) }),
        },
      },
      async (request) => {
        const user = callerOf(request).id;
        await decideBatch(engine, user, request.body);
        const ids = request.body.items.map(({ id }) => id);
        return { items: await viewApprovals(engine, user, ids) };
      },
    );

    app.get(
      '/v1/policies',
      {
        schema: {
          tags: TAGS,
          summary: 'What needs no approval any more',
          querystring: z.strictObject(pageFields),
          response: answers({ 200: listOf(PolicySchema) }),
        },
      },
      async (request) => listPolicies(engine, callerOf(request).id, request.query),
    );

    app.post(
      '/v1/policies',
      {
        schema: {
          tags: TAGS,
          summary: 'Allow one skill to reach one recipient without asking',
          querystring: NoQuerySchema,
          body: NewPolicySchema,
          response: answers({ 201: PolicySchema }),
        },
      },
      async (request, reply) => reply.code(201).send(await createPolicy(engine, callerOf(request).id, request.body)),
    );

    app.delete(
      '/v1/policies/:id',
      {
        schema: {
          tags: TAGS,
          summary: 'Ask again from now on',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NoBodySchema,
          response: answers({ 200: DeletedSchema }),
        },
      },
      async (request) => {
        await deletePolicy(engine, callerOf(request).id, request.params.id);
        return { id: request.params.id, deleted: true as const };
      },
    );
  };
}
