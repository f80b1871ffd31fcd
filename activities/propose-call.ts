import type { EffectClass } from '../contracts/effect-class.js';
import { raised, SEARCH_SERVICE, stricter } from '../contracts/gate.js';
import type { OutsideContext, OutsideSkill, Skill, TransactionSkill } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { CallInput } from '../contracts/step.js';
import { newApprovalId, storeProposal } from '../engine/approvals.js';
import type { BegunCall } from '../engine/calls.js';
import { retryOrExplain, SkillRefusal, storeOutcome } from './call-failures.js';
import type { ActivityDeps } from './deps.js';
import { classOf, type GateFacts, placesFor, verdictOn } from './outward.js';
import { makeProposal, outsideContext } from './proposer.js';
import { classInStore, withReaders } from './shared-writes.js';
import { withinTime } from './within-time.js';

/** A call that may not simply run becomes a proposal; false when it may run. */
export async function proposeInstead(
  deps: ActivityDeps,
  input: CallInput,
  begun: BegunCall,
  abortSignal: AbortSignal,
): Promise<boolean> {
  const skill = deps.skills.get(begun.call.skill);
  if (skill === undefined || skill.runs === 'question') return false;
  try {
    // Before anything is looked at.
    requireHeld(skill, begun);
    await withinTime(begun.call.timeout_ms, abortSignal, async (signal) => {
      const context = outsideContext(deps, begun.caller, signal);
      const effect = await assessed(deps, skill, begun, context);
      const places = await placesFor(deps, input, [skill], begun.labels);
      if (!mustPropose(skill, { ...begun, places }, effect)) throw new MayRun();
      const id = newApprovalId();
      const made = await makeProposal(skill, begun.call.input, id, context, deps.engine.db);
      const proposal = await withReaders(deps.engine.db, input.user, skill, begun.call.input, made);
      await storeProposal(
        deps.engine,
        input,
        {
          id,
          effect: effect === 'destructive' || effect === 'egress' ? effect : 'outward',
          skill: skill.manifest.name,
          payload: begun.call.input as JsonValue,
          proposal,
          costUsd: skill.manifest.priceUsd,
          call: begun.call.id,
        },
        (facts) =>
          stricter(begun.call.verdict, verdictOn(skill, begun.call.input, effect, { ...facts, places })) === 'run',
      );
    });
    return true;
  } catch (error) {
    if (error instanceof MayRun) return false;
    await storeOutcome(deps, input, begun, { error: retryOrExplain(deps, begun, error) });
    return true;
  }
}

/** Leaves the making of a proposal for a call that needs none. */
class MayRun extends Error {}

/** The class of the call, also where only a look outside or into the store can tell. */
async function assessed(
  deps: ActivityDeps,
  skill: TransactionSkill | OutsideSkill,
  begun: BegunCall,
  context: OutsideContext,
): Promise<EffectClass> {
  if (skill.runs === 'transaction')
    return deps.engine.db.as(begun.caller.user.id, (tx) => classInStore(tx, skill, begun));
  const effect = classOf(skill, begun.call.input, begun.caller);
  if (skill.assess === undefined) return effect;
  return raised(effect, await skill.assess(begun.call.input as never, context));
}

/** Throws where the agent may not use the skill at this moment. */
function requireHeld({ manifest: { name } }: Skill, { skills }: BegunCall): void {
  if (skills === null || skills.includes(name)) return;
  throw new SkillRefusal(`You may not use ${name} any more; it was not run.`);
}

/** An agent that was given certain hosts reaches no others. */
function requireHosts(skill: Skill, { call, hosts }: BegunCall): void {
  if (hosts === null || skill.runs === 'question' || skill.destinations === undefined) return;
  for (const place of skill.destinations(call.input as never)) {
    if (place === SEARCH_SERVICE) continue;
    const host = hostOf(place);
    if (host === undefined || !hosts.includes(host))
      throw new SkillRefusal(
        `You may not reach ${(host ?? place).slice(0, 200)}; you were given ${hosts.join(', ') || 'no host'}. Ask for it with request_access.`,
      );
  }
}

function hostOf(address: string): string | undefined {
  return URL.canParse(address) ? new URL(address).host : undefined;
}

/** What other people see is always written down as an approval, also where a policy gives it. Throws when it may not run at all. */
export function mustPropose(skill: Skill, begun: BegunCall & Pick<GateFacts, 'places'>, effect: EffectClass): boolean {
  const { name } = skill.manifest;
  requireHeld(skill, begun);
  requireHosts(skill, begun);
  const verdict = stricter(begun.call.verdict, verdictOn(skill, begun.call.input, effect, begun));
  if (verdict === 'refuse') throw new SkillRefusal(`${name} may not be used in this way; it was not run.`);
  return effect === 'outward' || verdict === 'approve';
}
