import { ProblemError } from '../contracts/problem.js';
import type { SkillCaller, SpaceAccess } from '../contracts/skill.js';
import { holdOf, releaseHolds } from '../engine/holds.js';
import type { Tx } from '../store/db.js';

/** The same access, by which no agent changes a task that waits for the user's word. */
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
  return {
    ...spaces,
    async update(space, atom, patch) {
      await free(atom);
      return spaces.update(space, atom, patch);
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
