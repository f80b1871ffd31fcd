import type { AtomOrigin } from '../contracts/space.js';

/** Who acts on a space: the user whose grants count, and what is written down as author. */
export interface Actor {
  readonly user: string;
  /** `user:ID` or `agent:ID`. */
  readonly author: string;
  readonly origin: AtomOrigin;
  /** The call that acts, kept with each version it writes. */
  readonly callId?: string;
  /** Id of the agent whose own grants bind it; the transaction must be confined to it as well. */
  readonly confinedTo?: string;
  /** How many notifications, one from another, led to what it does. */
  readonly hop?: number;
}

export function userActor(user: string): Actor {
  return { user, author: `user:${user}`, origin: 'user' };
}

/** Whose grants bind the actor: those of its user, and the agent's own where it is confined. */
export function principalsOf(actor: Actor): string[] {
  return [`user:${actor.user}`, ...(actor.confinedTo === undefined ? [] : [`agent:${actor.confinedTo}`])];
}
