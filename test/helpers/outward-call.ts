import type {
  ApprovedAction,
  OutwardAction,
  Proposal,
  ProposalContext,
  SendContext,
  Sent,
  Skill,
} from '../../contracts/skill.js';
import type { JsonValue } from '../../contracts/space.js';
import { parseInput } from '../../skills/registry.js';
import type { FakeContext } from './skill-context.js';

/** The real time of a proposal, a little after it was asked for. */
export const PROPOSED_AT = '2026-11-23T07:00:05.250Z';

/** A call of a skill that acts where others see it, from its proposal to its end. */
export interface OutwardCall {
  readonly proposal: Proposal;
  readonly recipients: readonly string[];
  difference(): Promise<string | undefined>;
  send(beforeSend?: () => void): Promise<Sent>;
  probe(): Promise<Sent | 'absent' | 'unsure' | undefined>;
}

/** Checks the input as a model's is checked and proposes it; what is kept between the steps goes through JSON, as in the store. */
export async function propose(skill: Skill, raw: unknown, context: FakeContext, key = 'apr_1'): Promise<OutwardCall> {
  const parsed = parseInput(skill, raw);
  if (!parsed.ok) throw new Error(`${skill.manifest.name} refused its input: ${parsed.message}`);
  const outward: OutwardAction<never> | undefined = skill.runs === 'question' ? undefined : skill.outward;
  if (outward === undefined) throw new Error(`${skill.manifest.name} does not act outside`);
  const proposing: ProposalContext = { ...context, key, at: PROPOSED_AT };
  const proposal = await outward.prepare(parsed.input, proposing);
  const stored = (value: JsonValue): JsonValue => JSON.parse(JSON.stringify(value)) as JsonValue;
  const action: ApprovedAction<never> = {
    key,
    input: parsed.input,
    ...(proposal.frozen === undefined ? {} : { frozen: proposal.frozen.text }),
    ...(proposal.precondition === undefined ? {} : { precondition: stored(proposal.precondition) }),
  };
  return {
    proposal,
    recipients: outward.recipients?.(parsed.input) ?? [],
    difference: async () => outward.difference?.(action, context),
    send: (beforeSend = () => undefined) => {
      const sending: SendContext = { ...context, beforeSend };
      return outward.send(action, sending);
    },
    probe: async () => outward.probe?.(action, context),
  };
}
