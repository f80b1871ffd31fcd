import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const ListWorkInputSchema = z.strictObject({});

const WorkSchema = z.strictObject({
  request: z.string(),
  said: z.string(),
  agent: z.string(),
  label: z.string(),
  parent: z.string().optional(),
  task: z.string().optional(),
  status: z.string(),
  position: z.int().optional(),
  outcome: z.string().optional(),
  said_last: z.string().optional(),
  waitingFor: z.string().optional(),
  costUsd: z.string(),
});
const ListWorkOutputSchema = z.strictObject({ work: z.array(WorkSchema) });

/** Pure data of the skill `list_work`. */
export const listWorkManifest: SkillManifest<
  z.infer<typeof ListWorkInputSchema>,
  z.infer<typeof ListWorkOutputSchema>
> = {
  name: 'list_work',
  description:
    'What is under way: the open requests of this conversation and the agents at work for them, with what each said last, what it waits for, its place in the queue and its cost. The way to answer how far something is.',
  effect: 'read',
  input: ListWorkInputSchema,
  output: ListWorkOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: () => 'Looks at what is under way',
};
