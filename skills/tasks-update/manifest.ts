import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { DueSchema, IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import {
  type BoardTask,
  BoardTaskSchema,
  TaskOwnerSchema,
  TaskStatusSchema,
  TaskTitleSchema,
} from '../shared/task-schema.js';

const TasksUpdateInputSchema = z
  .strictObject({
    task: IdSchema.describe('The id of the task, as tasks_list or tasks_create returned it.'),
    status: TaskStatusSchema.optional().describe('held: must not be worked on until a question is answered.'),
    title: TaskTitleSchema.optional(),
    owner: TaskOwnerSchema.nullable().optional().describe('null takes the owner away.'),
    due: DueSchema.nullable().optional().describe('null takes the due date away.'),
  })
  .refine(({ task: _task, ...changes }) => Object.keys(changes).length > 0, {
    error: 'name at least one change: status, title, owner or due',
  });

export type TasksUpdateInput = z.infer<typeof TasksUpdateInputSchema>;

/** Pure data of the skill `tasks_update`. */
export const tasksUpdateManifest: SkillManifest<TasksUpdateInput, BoardTask> = {
  name: 'tasks_update',
  description:
    "Changes the status, title, owner or due date of one task on the user's task board and returns the task as it is now. " +
    'Fields that are not named stay as they are. A task that is held because a meeting contradicted an agreement is not changed before the user has answered; the result then says why (held).',
  effect: 'internal',
  input: TasksUpdateInputSchema,
  output: BoardTaskSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: ['private'],
  summary: ({ task, status, title, owner, due }) => {
    const fields = Object.entries({ status, title, owner, due }).filter(([, value]) => value !== undefined);
    return `Changes ${fields.map(([name]) => name).join(', ')} of the task ${task}`;
  },
};
