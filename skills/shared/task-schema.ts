import { z } from 'zod';
import { CleanTextSchema } from '../../contracts/text.js';

const TASK_STATUSES = ['open', 'done', 'held'] as const;
export const TaskStatusSchema = z.enum(TASK_STATUSES);
export type TaskStatus = z.infer<typeof TaskStatusSchema>;

export const TaskTitleSchema = CleanTextSchema.min(1).max(500);
export const TaskOwnerSchema = CleanTextSchema.min(1).max(200);
export const TaskNotesSchema = CleanTextSchema.min(1).max(10_000);

/** A task as skills answer with it; an absent field is null. */
export const TaskSchema = z.strictObject({
  id: z.string(),
  title: z.string(),
  owner: z.string().nullable(),
  due: z.string().nullable(),
  notes: z.string().nullable(),
  status: TaskStatusSchema,
  version: z.int(),
});
export type Task = z.infer<typeof TaskSchema>;

/** One task and the board it stands on. `held` says why a change was not made. */
export const BoardTaskSchema = TaskSchema.extend({
  board: z.string(),
  held: z.strictObject({ agreement: z.string(), text: z.string(), note: z.string() }).optional(),
});
export type BoardTask = z.infer<typeof BoardTaskSchema>;
