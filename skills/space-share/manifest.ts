import { z } from 'zod';
import type { SkillManifest } from '../../contracts/skill.js';
import { PERMISSIONS, type Permission, PrincipalSchema } from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';

const SpaceShareInputSchema = z.strictObject({
  space: IdSchema,
  with: PrincipalSchema.describe('agent:ID for an agent of the user, user:ID for another person. Never guess an id.'),
  permission: z
    .enum([...PERMISSIONS, 'none'])
    .describe(
      'read; append: also add atoms; write: also change and withdraw them; grant: also share the space on; none: take the access back.',
    ),
});

export type SpaceShareInput = z.infer<typeof SpaceShareInputSchema>;

const SpaceShareOutputSchema = z.strictObject({
  space: z.string(),
  with: z.string(),
  permission: z.enum([...PERMISSIONS, 'none']),
});

const ALLOWED: Readonly<Record<Permission, string>> = {
  read: 'read',
  append: 'read and add to',
  write: 'read, add to and change',
  grant: 'read, add to, change and share on',
};

/** What the permission lets somebody do, as a part of a sentence that a space stands behind. */
export function allowedWords(permission: Permission): string {
  return ALLOWED[permission];
}

/** Pure data of the skill `space_share`. */
export const spaceShareManifest: SkillManifest<SpaceShareInput, z.infer<typeof SpaceShareOutputSchema>> = {
  name: 'space_share',
  description:
    "Lets one of the user's agents or another person use a space, changes what they may do there, or takes their access back (none). " +
    'It replaces what they had. For another person the user is asked for approval first, because they will see everything in the space with its whole history. You need the permission grant on the space.',
  effect: 'internal',
  input: SpaceShareInputSchema,
  output: SpaceShareOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  summary: ({ space, with: principal, permission }) =>
    permission === 'none'
      ? `Takes the access of ${principal} to the space ${space} back`
      : `Lets ${principal} ${allowedWords(permission)} the space ${space}`,
};
