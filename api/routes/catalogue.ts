import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EFFECT_CLASSES } from '../../contracts/effect-class.js';
import { ProblemError } from '../../contracts/problem.js';
import { ChargeSchema } from '../../contracts/request.js';
import { InstantSchema } from '../../contracts/text.js';
import { capabilityOf } from '../../engine/agents/capabilities.js';
import { CHARGE_GROUPS, listCharges, sumCharges } from '../../engine/charges.js';
import { compact } from '../compact.js';
import { callerOf } from '../plugins/auth.js';
import { answers, listOf, NoQuerySchema, pageFields } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['catalogue'];

const SkillSchema = z
  .object({
    name: z.string(),
    description: z.string(),
    effect: z.enum(EFFECT_CLASSES),
    inputSchema: z.record(z.string(), z.unknown()),
    priceUsd: z.string().optional(),
    timeoutSeconds: z.number(),
    maxConcurrent: z.int().optional().describe('Calls at work at once for one user; others wait.'),
    minIntervalSeconds: z.number().optional().describe('Between the beginnings of two calls for one user.'),
    hints: z
      .object({ seconds: z.number().optional(), usd: z.string().optional() })
      .optional()
      .describe('What a call usually takes: wall-clock seconds, and USD.'),
    capability: z.string().describe('What it is good for, in the word that agents are described with.'),
    facesUser: z.boolean().describe('Only the first agent of a request can have it.'),
    delegates: z.boolean().describe('It leaves work to other agents.'),
  })
  .meta({ id: 'Skill' });

const ModelSchema = z
  .object({
    id: z.string(),
    tiers: z.array(z.string()),
    priced: z.boolean(),
    maxOutputTokens: z.int(),
    pricesUsdPerMillion: z
      .object({
        input: z.string(),
        output: z.string(),
        cacheRead: z.string(),
        cacheWrite5m: z.string(),
        cacheWrite1h: z.string(),
      })
      .optional(),
  })
  .meta({ id: 'Model' });

const ChargeSumSchema = z.object({ key: z.string(), usd: z.string(), count: z.int() }).meta({ id: 'ChargeSum' });
const ChargesQuerySchema = z.strictObject({
  from: InstantSchema.optional(),
  to: InstantSchema.optional(),
  groupBy: z.enum(CHARGE_GROUPS).optional(),
  ...pageFields,
});

/** What can be done, by what, and what it has cost. */
export function catalogueRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine, settings } = deps;
  return async (app) => {
    app.get(
      '/v1/skills',
      {
        schema: {
          tags: TAGS,
          summary: 'Skills an agent can be given',
          querystring: NoQuerySchema,
          response: answers({ 200: listOf(SkillSchema) }),
        },
      },
      async () => ({
        items: settings.catalogue.skills().map((skill) => {
          const facts = engine.skillFacts(skill.name);
          return {
            ...compact(skill),
            inputSchema: { ...skill.inputSchema },
            capability: capabilityOf(skill.name),
            facesUser: facts?.facesUser === true,
            delegates: facts?.delegates === true,
          };
        }),
      }),
    );

    app.get(
      '/v1/models',
      {
        schema: {
          tags: TAGS,
          summary: 'Models that can be asked',
          querystring: NoQuerySchema,
          response: answers({ 200: listOf(ModelSchema) }),
        },
      },
      async () => ({
        items: settings.catalogue.models().map((model) => ({ ...compact(model), tiers: [...model.tiers] })),
      }),
    );

    app.get(
      '/v1/charges',
      {
        schema: {
          tags: TAGS,
          summary: 'What was spent: charges, or sums with groupBy',
          querystring: ChargesQuerySchema,
          response: answers({ 200: z.union([listOf(ChargeSchema), listOf(ChargeSumSchema)]) }),
        },
      },
      async (request) => {
        const { groupBy, ...filter } = request.query;
        if (groupBy === undefined) return listCharges(engine, callerOf(request).id, filter);
        if (filter.cursor !== undefined)
          throw new ProblemError('invalid-body', 'Sums come in one page.', {
            errors: [{ path: 'cursor', message: 'is not taken together with groupBy' }],
          });
        return { items: await sumCharges(engine, callerOf(request), groupBy, filter) };
      },
    );
  };
}
