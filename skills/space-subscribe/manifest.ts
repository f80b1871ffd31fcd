import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { NewSubscriptionSchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const SpaceSubscribeInputSchema = z
  .strictObject({
    space: IdSchema,
    agent: IdSchema.optional().describe("One of the user's agents; you yourself if omitted."),
    ...NewSubscriptionSchema.shape,
    stop: z.literal(true).optional().describe('Ends the subscription instead.'),
  })
  .refine(({ space: _space, agent: _agent, stop, ...wish }) => stop === undefined || Object.keys(wish).length === 0, {
    path: ['stop'],
    error: 'must stand without metadata, references, author and debounceSeconds',
  });

const SpaceSubscribeOutputSchema = z.strictObject({
  space: z.string(),
  agent: z.string(),
  subscribed: z.boolean(),
  debounceSeconds: z.number().optional(),
});

/** Pure data of the skill `space_subscribe`. */
export const spaceSubscribeManifest: SkillManifest<
  z.infer<typeof SpaceSubscribeInputSchema>,
  z.infer<typeof SpaceSubscribeOutputSchema>
> = {
  name: 'space_subscribe',
  description:
    'From now on tells you, or another agent of the user, of changes in a space: the comment of each change and the id of its atom, never the content. ' +
    "Conditions narrow which changes; the agent's own are left out. It takes the place of the agent's earlier subscription to the space; stop ends it.",
  effect: 'internal',
  input: SpaceSubscribeInputSchema,
  output: SpaceSubscribeOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ space, agent, stop }) => {
    const whom = agent === undefined ? 'itself' : `the agent ${agent}`;
    return stop === true
      ? `Has ${whom} told no more of changes in the space ${space}`
      : `Has ${whom} told of changes in the space ${space}`;
  },
};
