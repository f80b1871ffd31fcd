import { ProblemError } from '../contracts/problem.js';
import type { SkillCaller, SpaceAccess } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import { holdOf, type OpenHold, openHolds, placeHold, releaseHolds } from '../engine/holds.js';
import { textField } from '../skills/shared/payload-field.js';
import { isSameWork } from '../skills/shared/same-work.js';
import type { Tx } from '../store/db.js';

/**
 * The same access, by which no agent changes a task that waits for the user's word, and none puts the same work on the
 * board under a title of its own.
 */
export function withoutHeld(spaces: SpaceAccess, tx: Tx, caller: SkillCaller): SpaceAccess {
  const free = async (atom: string): Promise<void> => {
    const hold = await holdOf(tx, caller, atom);
    if (hold === undefined) return;
    if (!hold.isAnswered)
      throw new ProblemError(
        'conflict',
        `The task ${atom} is held: ${hold.text} It stays as it is until the user has said what holds. Ask with ask_user.`,
      );
    await releaseHolds(tx, atom);
  };
  /** An agent that may not read the board sees none, and cannot put anything there either. */
  const isBoard = async (space: string): Promise<boolean> =>
    (await spaces.list({ role: 'tasks' })).some(({ id, owner }) => id === space && owner === caller.user.id);
  /** What holds work of this title back, where it is about to stand on the board. */
  const holdOn = async (space: string, payload: JsonValue | undefined): Promise<OpenHold | undefined> => {
    const title = payload === undefined ? undefined : textField(payload, 'title');
    if (title === undefined) return undefined;
    const hold = (await openHolds(tx, caller)).find((open) => isSameWork(open.title, title));
    return hold === undefined || !(await isBoard(space)) ? undefined : hold;
  };
  return {
    ...spaces,
    async put(space, atom) {
      const hold = await holdOn(space, atom.payload);
      if (hold === undefined) return spaces.put(space, atom);
      const put = await spaces.put(space, { ...atom, metadata: { ...atom.metadata, status: 'held' } });
      await placeHold(tx, caller, put.id, hold, 'open');
      return put;
    },
    async update(space, atom, patch) {
      await free(atom);
      const hold = await holdOn(space, patch.payload);
      const before = hold === undefined ? undefined : await spaces.get(space, atom);
      const isRenamed =
        before !== undefined && textField(before.payload, 'title') !== textField(patch.payload ?? null, 'title');
      if (hold === undefined || !isRenamed || hold.task === atom) return spaces.update(space, atom, patch);
      await placeHold(tx, caller, atom, hold, String(before.metadata['status'] ?? 'open'));
      return spaces.update(space, atom, { ...patch, metadata: { ...patch.metadata, status: 'held' } });
    },
    async deprecate(space, atom, comment) {
      await free(atom);
      return spaces.deprecate(space, atom, comment);
    },
    async restore(space, atom, comment) {
      await free(atom);
      return spaces.restore(space, atom, comment);
    },
  };
}
