import { type Permission, PERMISSIONS } from './space.js';

/** Whether holding `held` allows what needs `needed`. */
export function allows(held: Permission | undefined, needed: Permission): boolean {
  return held !== undefined && PERMISSIONS.indexOf(held) >= PERMISSIONS.indexOf(needed);
}

/** What an agent may do: never more than its user, and, once it is confined, never more than its own grant. */
export function effectivePermission(
  user: Permission | undefined,
  agent: { readonly confined: boolean; readonly held: Permission | undefined },
): Permission | undefined {
  if (!agent.confined) return user;
  if (user === undefined || agent.held === undefined) return undefined;
  return allows(user, agent.held) ? agent.held : user;
}
