import type { Label } from '../contracts/effect-class.js';
import type { SkillCaller, TransactionContext } from '../contracts/skill.js';
import { postToConversation } from '../engine/calls.js';
import { spaceAccess } from '../spaces/access.js';
import type { Tx } from '../store/db.js';
import { noticing } from './noticing.js';

/** What a skill of the store may use in this transaction; labels of what it reads are added to `noticed`. */
export function transactionContext(
  tx: Tx,
  begun: { readonly caller: SkillCaller; readonly labels: readonly Label[] },
  noticed: Set<Label>,
): TransactionContext {
  const { caller } = begun;
  const origin = begun.labels.includes('untrusted') ? 'untrusted' : 'agent';
  const actor = { user: caller.user.id, author: `agent:${caller.agentId}`, origin, callId: caller.callId } as const;
  return {
    ...caller,
    spaces: noticing(spaceAccess(tx, actor), noticed),
    conversation: { post: (text, files) => postToConversation(tx, caller, text, files) },
  };
}
