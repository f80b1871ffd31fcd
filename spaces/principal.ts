import type { AtomOrigin, Permission } from '../contracts/space.js';

/** Who acts on a space: the user whose grants count, and what is written down as author. */
export interface Actor {
  readonly user: string;
  /** `user:ID` or `agent:ID`. */
  readonly author: string;
  readonly origin: AtomOrigin;
  /** The call that acts, kept with each version it writes. */
  readonly callId?: string;
}

export function userActor(user: string): Actor {
  return { user, author: `user:${user}`, origin: 'user' };
}

const ORDER: readonly Permission[] = ['read', 'append', 'write', 'grant'];

/** Whether holding `held` allows what needs `needed`; each level includes the ones before it. */
export function allows(held: Permission, needed: Permission): boolean {
  return ORDER.indexOf(held) >= ORDER.indexOf(needed);
}
