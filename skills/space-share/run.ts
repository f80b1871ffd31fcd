import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { transactionSkill } from '../../contracts/skill.js';
import { PERMISSIONS } from '../../contracts/space.js';
import { permissionOf, requireSomebodyElse, setPermission } from './grant.js';
import { spaceShareManifest } from './manifest.js';
import { proposeShare } from './proposal.js';

const PermissionOrNoneSchema = z.enum([...PERMISSIONS, 'none']);
const UndoSchema = z.strictObject({
  space: z.string(),
  with: z.string(),
  before: PermissionOrNoneSchema,
  after: PermissionOrNoneSchema,
});

/** Gives, changes or takes back a grant; another person is let in only once that was approved. */
export const spaceShare = transactionSkill({
  manifest: spaceShareManifest,
  classify: ({ with: principal, permission }) =>
    principal.startsWith('user:') && permission !== 'none' ? 'outward' : 'internal',
  async run(input, { spaces, user }) {
    const { space, with: principal, permission } = input;
    requireSomebodyElse(principal, user.id);
    const before = (await permissionOf(spaces, space, principal)) ?? 'none';
    await setPermission(spaces, space, principal, permission);
    return { output: input, undo: { space, with: principal, before, after: permission } };
  },
  propose: proposeShare,
  async undo(undo, { spaces }) {
    const { space, with: principal, before, after } = UndoSchema.parse(undo);
    const now = (await permissionOf(spaces, space, principal)) ?? 'none';
    if (now === before) return;
    if (now !== after)
      throw new ProblemError(
        'conflict',
        `What ${principal} may do there was changed again since; undo would lose that change. Set it by hand.`,
      );
    await setPermission(spaces, space, principal, before);
  },
});
