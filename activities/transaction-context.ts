import type { AgentAccess } from '../contracts/agent-access.js';
import type { Label } from '../contracts/effect-class.js';
import { ProblemError } from '../contracts/problem.js';
import type { SkillCaller, TransactionContext } from '../contracts/skill.js';
import { postToConversation, saidInRequest } from '../engine/calls.js';
import { agentAccess } from '../engine/agents/agent-access.js';
import type { Engine } from '../engine/deps.js';
import { holdAccess } from '../engine/holds.js';
import { scheduleAccess } from '../engine/schedule-access.js';
import { spaceAccess } from '../spaces/access.js';
import type { Meaning } from '../spaces/search.js';
import type { Tx } from '../store/db.js';
import { withoutHeld } from './held.js';
import { noticing } from './noticing.js';

const refuse = (): Promise<never> =>
  Promise.reject(
    new ProblemError('conflict', 'A proposal sets nobody to work; it is made first and carried out later.'),
  );
/** While a proposal is made. */
const NO_AGENTS: AgentAccess = {
  spawn: refuse,
  message: refuse,
  requestAccess: refuse,
  answerAccess: refuse,
  revokeAccess: refuse,
  list: refuse,
  steer: refuse,
  cancel: refuse,
};

/** On whose behalf, and within which bounds, a skill acts. */
interface Acting {
  readonly caller: SkillCaller;
  readonly labels: readonly Label[];
  readonly confined?: boolean;
  readonly hop?: number;
}

/**
 * What a skill of the store may use in this transaction; labels of what it reads are added to `noticed`. Whoever takes a
 * call back acts for the user, whom no hold and no narrower grant of the agent binds. A confined agent has no more than
 * its own grants for the rest of the transaction. `meanings` are those of the queries it will search for, where known.
 */
export async function transactionContext(
  tx: Tx,
  engine: Engine | undefined,
  begun: Acting,
  noticed: Set<Label>,
  mode: 'run' | 'undo' = 'run',
  meanings: ReadonlyMap<string, Meaning> = new Map(),
): Promise<TransactionContext> {
  const { caller, confined, hop } = begun;
  const isConfined = confined === true && mode === 'run';
  if (isConfined) await tx.confineTo(caller.agentId);
  const origin = begun.labels.includes('untrusted') ? 'untrusted' : 'agent';
  const actor = {
    user: caller.user.id,
    author: `agent:${caller.agentId}`,
    origin,
    callId: caller.callId,
    ...(isConfined ? { confinedTo: caller.agentId } : {}),
    ...(hop === undefined ? {} : { hop }),
  } as const;
  const all = spaceAccess(tx, actor, { meanings });
  return {
    ...caller,
    agents: engine === undefined ? NO_AGENTS : agentAccess(tx, engine, caller, actor),
    spaces: noticing(mode === 'undo' ? all : withoutHeld(all, tx, caller), noticed, caller.user.id),
    conversation: {
      post: (text, files) => postToConversation(tx, caller, text, files),
      said: () => saidInRequest(tx, caller),
    },
    holds: holdAccess(tx, caller),
    schedule: scheduleAccess(tx, caller),
  };
}
