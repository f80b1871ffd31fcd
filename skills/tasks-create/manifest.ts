import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { DueSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';
import {
  type BoardTask,
  BoardTaskSchema,
  TaskNotesSchema,
  TaskOwnerSchema,
  TaskTitleSchema,
} from '../shared/task-schema.js';

const TasksCreateInputSchema = z.strictObject({
  title: TaskTitleSchema.describe('What is to be done, in one line.'),
  owner: TaskOwnerSchema.optional().describe("Who does it: a contact's name, or the user's own name; omit if unknown."),
  due: DueSchema.optional().describe('A date, or a date-time with offset; omit if none was said.'),
  notes: TaskNotesSchema.optional(),
});

/** Pure data of the skill `tasks_create`. */
export const tasksCreateManifest: SkillManifest<z.infer<typeof TasksCreateInputSchema>, BoardTask> = {
  name: 'tasks_create',
  description:
    "Puts one open task on the user's task board and returns it with its id. " +
    'Look with tasks_list first whether it stands there already. Only record owners and dates that were really said.',
  effect: 'internal',
  input: TasksCreateInputSchema,
  output: BoardTaskSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ title, owner }) => `Creates the task ${quote(title)}${owner === undefined ? '' : ` for ${quote(owner)}`}`,
};
