import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { CleanTextSchema } from '../../contracts/text.js';
import { MAX_ITEMS, TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';
import { TaskOwnerSchema, TaskSchema, TaskStatusSchema } from '../shared/task-schema.js';

const TasksListInputSchema = z.strictObject({
  status: TaskStatusSchema.optional().describe('Only tasks in this state; omit for all.'),
  owner: TaskOwnerSchema.optional().describe('Only tasks of this person; a name or a word of it, in any case.'),
  query: CleanTextSchema.min(1).max(500).optional().describe('Only tasks with any of these words, best match first.'),
});

const TasksListOutputSchema = z.strictObject({
  board: z.string(),
  tasks: z.array(TaskSchema).max(MAX_ITEMS),
  note: z.string().optional(),
});

/** Pure data of the skill `tasks_list`. */
export const tasksListManifest: SkillManifest<
  z.infer<typeof TasksListInputSchema>,
  z.infer<typeof TasksListOutputSchema>
> = {
  name: 'tasks_list',
  description:
    "Lists the tasks on the user's task board with id, title, owner, due date, notes (shortened), status and version. " +
    'Use it before creating a task that may exist already and to find the id that tasks_update needs.',
  effect: 'read',
  input: TasksListInputSchema,
  output: TasksListOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ status, owner, query }) =>
    [
      `Lists ${status ?? 'all'} tasks`,
      owner === undefined ? '' : ` of ${quote(owner)}`,
      query === undefined ? '' : ` about ${quote(query)}`,
    ].join(''),
};
