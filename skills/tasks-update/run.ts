import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { type PlacedHold, type TransactionContext, transactionSkill } from '../../contracts/skill.js';
import { type Atom, type JsonValue, JsonValueSchema, type Metadata, MetadataSchema } from '../../contracts/space.js';
import { taskResult } from '../shared/task-board.js';
import { TaskStatusSchema } from '../shared/task-schema.js';
import { type TasksUpdateInput, tasksUpdateManifest } from './manifest.js';

/** Values to write; null takes a field away. Also what `undo` keeps: the former values of the changed fields only. */
interface TaskChange {
  readonly fields: Record<string, JsonValue>;
  readonly metadata: Metadata;
}

const UndoSchema = z.strictObject({
  task: z.string(),
  fields: z.record(z.string(), JsonValueSchema),
  metadata: MetadataSchema,
});

/**
 * Changes a task, unless it waits for the user's word; one that was held has its former status with the first change after the answer.
 * Its undo gives the changed fields their former values and leaves the others alone.
 */
export const tasksUpdate = transactionSkill({
  manifest: tasksUpdateManifest,
  async run(input, context) {
    const before = await liveTask(context, input.task);
    const hold = await context.holds.of(before.id);
    if (hold?.isAnswered === false) return { output: taskResult(before, hold).output };
    const change = changeOf(hold === undefined ? input : { ...formerStatus(hold), ...input });
    const former = formerValues(before, change);
    const changed = await writeChange(context, before, change, `Changed ${namesOf(change).join(', ')}`);
    return { ...taskResult(changed), undo: { task: before.id, fields: former.fields, metadata: former.metadata } };
  },
  async undo(undo, context) {
    const { task, ...former } = UndoSchema.parse(undo);
    await writeChange(context, await liveTask(context, task), former, 'Undo: the change was taken back');
  },
});

function formerStatus({ former }: PlacedHold): Pick<TasksUpdateInput, 'status'> {
  const status = TaskStatusSchema.safeParse(former);
  return { status: status.success ? status.data : 'open' };
}

function changeOf({ task: _task, status, ...fields }: TasksUpdateInput): TaskChange {
  return {
    fields: Object.fromEntries(
      Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    metadata: status === undefined ? {} : { status },
  };
}

function namesOf(change: TaskChange): string[] {
  return [...Object.keys(change.metadata), ...Object.keys(change.fields)];
}

function formerValues(atom: Atom, change: TaskChange): TaskChange {
  const payload = payloadOf(atom);
  return {
    fields: Object.fromEntries(Object.keys(change.fields).map((name) => [name, payload[name] ?? null])),
    metadata: Object.fromEntries(Object.keys(change.metadata).map((name) => [name, atom.metadata[name] ?? null])),
  };
}

async function writeChange(
  { spaces }: TransactionContext,
  before: Atom,
  change: TaskChange,
  comment: string,
): Promise<Atom> {
  const merged = Object.entries({ ...payloadOf(before), ...change.fields });
  return spaces.update(before.space, before.id, {
    payload: Object.fromEntries(merged.filter(([name, value]) => !(value === null && name in change.fields))),
    metadata: change.metadata,
    comment,
    ifVersion: before.version,
  });
}

async function liveTask({ spaces }: TransactionContext, id: string): Promise<Atom> {
  const board = await spaces.ofRole('tasks');
  const atom = await spaces.get(board.id, id);
  if (!atom.deprecated) return atom;
  throw new ProblemError('conflict', `The task ${id} was withdrawn from the board and cannot change.`);
}

function payloadOf(atom: Atom): Record<string, JsonValue> {
  const { payload } = atom;
  if (payload !== null && typeof payload === 'object' && !Array.isArray(payload)) return payload;
  return { title: typeof payload === 'string' ? payload : JSON.stringify(payload) };
}
