import { ProblemError } from '../contracts/problem.js';
import type { Label } from '../contracts/effect-class.js';
import type { SecretAccess } from '../contracts/services.js';
import type { OutsideContext, Proposal, Skill, SkillCaller, TransactionSkill } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import { wellFormed } from '../contracts/well-formed.js';
import type { Proposer } from '../engine/deps.js';
import type { SkillRegistry } from '../skills/registry.js';
import { boundsOf } from '../engine/calls.js';
import type { Db } from '../store/db.js';
import type { ActivityDeps } from './deps.js';
import { outwardOf, plainProposal } from './outward.js';
import { withinLimit } from './time-limit.js';
import { transactionContext } from './transaction-context.js';

/** Services that skills may use outside. */
export type Services = Pick<
  ActivityDeps,
  'calendar' | 'mail' | 'workspace' | 'attached' | 'transcriber' | 'webSearch' | 'webReader'
>;

const PROPOSE_MS = 20_000;

/** Makes proposals from payloads with the skills of this installation. */
export function createProposer(skills: SkillRegistry, services: Services, db: Db): Proposer {
  return {
    async propose(caller, name, key, payload) {
      const skill = skills.get(name);
      if (skill === undefined || skill.runs === 'question')
        throw new ProblemError('conflict', `There is no skill called ${name} any more.`);
      const input = checked(skill, payload);
      const proposal = await withinLimit(PROPOSE_MS, (signal) =>
        makeProposal(skill, input, key, outsideContext(services, caller, signal), db),
      );
      return { payload: input as JsonValue, proposal };
    },
    isRelaxable(name) {
      const skill = skills.get(name);
      return skill !== undefined && skill.runs !== 'question' && skill.outward?.recipients !== undefined;
    },
  };
}

/** What a skill is handed outside; without `secrets` for a call that is only being proposed. */
export function outsideContext(
  services: Services,
  caller: SkillCaller,
  abortSignal: AbortSignal,
  secrets: SecretAccess = NO_SECRETS,
): OutsideContext {
  const { calendar, mail, workspace, attached, transcriber, webSearch, webReader } = services;
  const outside = { calendar, mail, workspace, attached, transcriber, webSearch, webReader };
  return { ...caller, ...outside, secrets, abortSignal };
}

const NO_SECRETS: SecretAccess = {
  use: async () => {
    throw new ProblemError('forbidden', 'Secrets are handed out while a call runs, not while it is proposed.');
  },
};

/** Everything a person will judge and everything that will be done, finished now. */
export async function makeProposal(
  skill: Exclude<Skill, { runs: 'question' }>,
  input: unknown,
  key: string,
  context: OutsideContext,
  db: Db,
): Promise<Proposal> {
  if (skill.runs === 'transaction' && skill.propose !== undefined) return proposeInStore(skill, input, context, db);
  const outward = outwardOf(skill);
  if (outward === undefined) return plainProposal(skill, input);
  const at = new Date().toISOString();
  return wellFormed(await outward.prepare(input as never, { ...context, key, at }));
}

/** Reads what it needs in a transaction of its own, within the bounds of the agent. */
async function proposeInStore(
  skill: TransactionSkill,
  input: unknown,
  context: OutsideContext,
  db: Db,
): Promise<Proposal> {
  const { callId, requestId, conversationId, agentId, user, timeZone, now } = context;
  const caller = { callId, requestId, conversationId, agentId, user, timeZone, now };
  return db.as(user.id, async (tx) => {
    const noticed = new Set<Label>();
    const inStore = await transactionContext(tx, undefined, { caller, ...(await boundsOf(tx, agentId)) }, noticed);
    const proposal: Proposal = (await skill.propose?.(input as never, inStore)) ?? plainProposal(skill, input);
    return wellFormed({ ...proposal, taints: [...new Set([...(proposal.taints ?? []), ...noticed])] });
  });
}

function checked(skill: Skill, payload: JsonValue): unknown {
  const parsed = skill.manifest.input.safeParse(payload, { reportInput: false });
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => ({
    path: ['payload', ...(issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path)].join(
      '.',
    ),
    message: issue.code === 'unrecognized_keys' ? 'is not a field of this skill' : issue.message,
  }));
  throw new ProblemError('invalid-body', `The payload does not fit ${skill.manifest.name}.`, { errors });
}
