import { ProblemError } from '../../contracts/problem.js';
import type { AgentAccess } from '../../contracts/agent-access.js';
import type { SkillCaller } from '../../contracts/skill.js';
import type { Actor } from '../../spaces/principal.js';
import type { Tx } from '../../store/db.js';
import type { Engine } from '../deps.js';
import { spawning } from './births.js';
import { answerAccess, requestAccess, revokeAccess } from './access.js';
import { messageAgent } from './notes.js';
import { type Holder, readHolder } from './rights.js';
import { spawnAgent } from './spawn.js';
import { cancelWork, listWork, steerWork } from './work.js';

/** What the acting agent may do with others, in this transaction; its rights are read when they are needed. */
export function agentAccess(tx: Tx, engine: Engine, caller: SkillCaller, actor: Actor): AgentAccess {
  const holder = async (): Promise<Holder> => {
    const found = spawning(tx, caller.agentId) ?? (await readHolder(tx, engine, caller.agentId));
    if (found === undefined) throw new ProblemError('conflict', 'This agent has ended.');
    return found;
  };
  return {
    spawn: async (wish) => spawnAgent(tx, engine, caller, actor, await holder(), wish),
    message: async (to, words) => messageAgent(tx, engine, actor, await holder(), to, words),
    requestAccess: async (wish, reason) => requestAccess(tx, engine, actor, await holder(), wish, reason),
    answerAccess: async (id, answer) => answerAccess(tx, engine, actor, await holder(), id, answer),
    revokeAccess: async (agent, wish, reason) => revokeAccess(tx, engine, actor, await holder(), agent, wish, reason),
    list: async () => listWork(tx, await holder()),
    steer: async (agent, text) => steerWork(tx, await holder(), agent, text),
    cancel: async (target, reason) => cancelWork(tx, engine, await holder(), target, reason),
  };
}
