import { ProblemError } from '../../contracts/problem.js';
import type { SpaceAccess } from '../../contracts/skill.js';
import type { Permission } from '../../contracts/space.js';

/** What a principal was given on a space, or nothing. Needs `grant`. */
export async function permissionOf(
  spaces: SpaceAccess,
  space: string,
  principal: string,
): Promise<Permission | undefined> {
  return (await spaces.grants(space)).find((grant) => grant.principal === principal)?.permission;
}

/** Gives exactly this permission, or takes back what there is. */
export async function setPermission(
  spaces: SpaceAccess,
  space: string,
  principal: string,
  permission: Permission | 'none',
): Promise<void> {
  if (permission === 'none') await spaces.unshare(space, principal);
  else await spaces.share(space, principal, permission);
}

/** The user's own access is theirs to change: who leaves a space cannot take that back alone. */
export function requireSomebodyElse(principal: string, user: string): void {
  if (principal !== `user:${user}`) return;
  throw new ProblemError(
    'invalid-body',
    "with: this is the user, whose own access you cannot change. Name one of the user's agents or another person; to leave a space is up to the user.",
  );
}
