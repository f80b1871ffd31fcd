import { z } from 'zod';
import { MoneySchema } from '../../contracts/request.js';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { accessShape } from '../shared/access-schema.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const InstructionsSchema = CleanTextSchema.min(1).max(50_000);
const ModelSchema = CleanTextSchema.min(1).max(200);

const SpawnAgentInputSchema = z.strictObject({
  task: CleanTextSchema.min(1)
    .max(100_000)
    .describe('All that it is told: what to do, with every fact it needs, and what to answer with.'),
  instructions: InstructionsSchema.optional().describe(
    'How to behave: a text, atom:ID of an instruction, or a name such as research-guidelines.',
  ),
  ...accessShape,
  model: ModelSchema.optional().describe('fast or smart; fast for simple work if omitted.'),
  budgetUsd: MoneySchema.optional(),
  timeoutSeconds: z.int().min(1).max(1_209_600).optional(),
  label: CleanTextSchema.min(1).max(80).optional(),
  wait: z.boolean().optional().describe('false: go on at once; its result is told to you when it is there.'),
  priority: z.int().min(1).max(5).optional().describe('1: the user waits for it; 5: whenever there is room.'),
  fallback: z
    .strictObject({ model: ModelSchema.optional(), instructions: InstructionsSchema.optional() })
    .optional()
    .describe('Tried once with a fresh agent when it fails.'),
  onFailure: z.enum(['degrade', 'ask']).optional().describe('ask: the user decides when it has failed for good.'),
});

const SpawnAgentOutputSchema = z.strictObject({
  agent: z.string(),
  label: z.string(),
  status: z.string(),
  note: z.string(),
});

/** Pure data of the skill `spawn_agent`. */
export const spawnAgentManifest: SkillManifest<
  z.infer<typeof SpawnAgentInputSchema>,
  z.infer<typeof SpawnAgentOutputSchema>
> = {
  name: 'spawn_agent',
  description:
    'Gives one task to an agent of its own. It knows the task and has what you name here, nothing else: not this conversation, not the memory, no skills or spaces that you leave out. ' +
    'It can have no more than you have. Calls of one turn run side by side; the answer of each is its result. ' +
    'Worth it for long or separate work: more than 1000 words to write, many files, data to go through, research in several directions. Not for a quick call or for talking to the user, which only you do. The guideline when-to-delegate says more.',
  effect: 'internal',
  input: SpawnAgentInputSchema,
  output: SpawnAgentOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  delegates: true,
  summary: ({ task, label }) => `Spawns an agent for ${quote(label ?? task)}`,
};
