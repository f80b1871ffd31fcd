import type { Label } from '../contracts/effect-class.js';
import type { SkillCaller, TransactionContext } from '../contracts/skill.js';
import { postToConversation, saidInRequest } from '../engine/calls.js';
import { holdAccess } from '../engine/holds.js';
import { spaceAccess } from '../spaces/access.js';
import type { Tx } from '../store/db.js';
import { withoutHeld } from './held.js';
import { noticing } from './noticing.js';

/**
 * What a skill of the store may use in this transaction; labels of what it reads are added to `noticed`. Whoever takes a
 * call back acts for the user, whom no hold binds.
 */
export function transactionContext(
  tx: Tx,
  begun: { readonly caller: SkillCaller; readonly labels: readonly Label[] },
  noticed: Set<Label>,
  mode: 'run' | 'undo' = 'run',
): TransactionContext {
  const { caller } = begun;
  const origin = begun.labels.includes('untrusted') ? 'untrusted' : 'agent';
  const actor = { user: caller.user.id, author: `agent:${caller.agentId}`, origin, callId: caller.callId } as const;
  const all = spaceAccess(tx, actor);
  return {
    ...caller,
    spaces: noticing(mode === 'undo' ? all : withoutHeld(all, tx, caller), noticed, caller.user.id),
    conversation: {
      post: (text, files) => postToConversation(tx, caller, text, files),
      said: () => saidInRequest(tx, caller),
    },
    holds: holdAccess(tx, caller),
  };
}
