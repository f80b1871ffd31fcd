import type { EffectClass, Label } from '../contracts/effect-class.js';
import { SendError } from '../contracts/effect.js';
import { type Destination, destinationOf, gate, type KnownPlaces, raised } from '../contracts/gate.js';
import { ProblemError } from '../contracts/problem.js';
import type {
  ApprovedAction,
  OutsideContext,
  OutsideSkill,
  OutwardAction,
  SendContext,
  Sent,
  Skill,
  SkillCaller,
  SkillResult,
  TransactionSkill,
} from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { AgentRef } from '../contracts/step.js';
import { placesInRequest } from '../engine/destinations.js';
import { explained } from './call-failures.js';
import type { ActivityDeps } from './deps.js';
import { visibleText } from '../skills/shared/visible-text.js';

/** The class of one call: the skill's own as it is today, raised by its input. */
export function classOf(skill: Skill, input: unknown, caller: Pick<SkillCaller, 'conversationId'>): EffectClass {
  const declared = skill.manifest.effect;
  if (skill.runs === 'question' || skill.classify === undefined) return declared;
  return raised(declared, skill.classify(input as never, caller));
}

/** What the user has allowed beforehand for one skill, and where its text may go; without `places` the model has chosen. */
export interface GateFacts {
  readonly labels: readonly Label[];
  readonly covered: readonly string[];
  readonly places?: KnownPlaces | undefined;
}

/** Asks the gate about a call of a known class; a policy counts only where it covers every recipient there is. */
export function verdictOn(skill: Skill, input: unknown, effect: EffectClass, facts: GateFacts) {
  const recipients = skill.runs === 'question' ? [] : (skill.outward?.recipients?.(input as never) ?? []);
  const relaxed = recipients.length > 0 && recipients.every((recipient) => facts.covered.includes(recipient));
  return gate({ effect, labels: facts.labels, relaxed, destination: destinationOfCall(skill, input, facts.places) });
}

function destinationOfCall(skill: Skill, input: unknown, places: KnownPlaces | undefined): Destination {
  if (places === undefined || skill.runs === 'question') return 'chosen';
  return destinationOf(skill.destinations?.(input as never) ?? [], places);
}

/** What the gate must know of the places that these skills reach; undefined where it does not matter. */
export async function placesFor(
  deps: Pick<ActivityDeps, 'engine' | 'webReader'>,
  ref: Pick<AgentRef, 'user' | 'request'>,
  skills: readonly (Skill | undefined)[],
  labels: readonly Label[],
): Promise<KnownPlaces | undefined> {
  const reaches = skills.some((skill) => skill?.runs === 'outside' && skill.destinations !== undefined);
  if (!reaches || !labels.includes('private')) return undefined;
  return { ...(await placesInRequest(deps.engine, ref)), allows: (url) => deps.webReader.allows(url) };
}

/** How the skill acts once approved: as it says itself, or by running as it would have run without asking. */
export function outwardOf(skill: Exclude<Skill, { runs: 'question' }>): OutwardAction<never> | undefined {
  if (skill.outward !== undefined) return skill.outward;
  return skill.runs === 'outside' ? runOnceApproved(skill) : undefined;
}

function runOnceApproved(skill: OutsideSkill): OutwardAction<never> {
  return {
    prepare: async (input) => plainProposal(skill, input),
    send: async (action, context: SendContext) => {
      context.beforeSend();
      return sentOf(skill, action.key, await refusing(() => skill.run(action.input, context)));
    },
    ...(skill.reconcile === undefined && skill.manifest.effect !== 'egress'
      ? {}
      : { probe: (action, context) => reconciled(skill, action, context) }),
  };
}

/** A skill that says no has done nothing. */
async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProblemError && error.type !== 'unavailable')
      throw new SendError('rejected', explained(error), { cause: error });
    throw error;
  }
}

/** Reading again leaks nothing that has not left already, so an interrupted egress call may be repeated. */
async function reconciled(
  skill: OutsideSkill,
  action: ApprovedAction<never>,
  context: OutsideContext,
): Promise<Sent | 'absent'> {
  const found = await skill.reconcile?.(action.input, context);
  return found === undefined ? 'absent' : sentOf(skill, action.key, found);
}

/** What an ordinary run came to, as an action outside. */
export function sentOf(skill: OutsideSkill | TransactionSkill, key: string, result: SkillResult<unknown>): Sent {
  return {
    providerId: key,
    output: skill.manifest.output.parse(result.output) as JsonValue,
    outputs: result.outputs ?? [],
    taints: result.taints ?? [],
  };
}

/** For skills that have nothing special to show: their sentence about the call, and its whole input. */
export function plainProposal(skill: Skill, input: unknown) {
  const title = skill.manifest.summary(input as never);
  const { text, warnings } = visibleText(JSON.stringify(input, null, 2));
  return {
    title: visibleText(title).text,
    preview: { text: [...warnings, title, '', text].join('\n'), recipients: [] },
  };
}
