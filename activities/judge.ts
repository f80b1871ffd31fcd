import type { EffectClass, Label } from '../contracts/effect-class.js';
import type { KnownPlaces } from '../contracts/gate.js';
import type { ModelReply, ToolUseBlock } from '../contracts/model.js';
import type { Skill } from '../contracts/skill.js';
import { cutText } from '../contracts/text.js';
import { wellFormed } from '../contracts/well-formed.js';
import type { ChosenCall } from '../engine/turns.js';
import { parseInput, type SkillRegistry } from '../skills/registry.js';
import { classOf, verdictOn } from './outward.js';

export interface Judged {
  readonly registry: SkillRegistry;
  /** Names the agent may use; null means every skill. */
  readonly allowed: readonly string[] | null;
  readonly labels: readonly Label[];
  readonly mostCalls: number;
  /** The request's own conversation: writing there is not outward. */
  readonly conversationId: string;
  /** What the user has allowed beforehand. */
  readonly policies: readonly { readonly skill: string; readonly recipient: string }[];
  /** Where text may go that leaves the house. */
  readonly places?: KnownPlaces | undefined;
}

const SUMMARY_BYTES = 200;

/** Every call the model chose, in order, each either fit to run or refused with what the model should do instead. */
export function judgeCalls(reply: ModelReply, rules: Judged): ChosenCall[] {
  const seen = new Set<string>();
  const blocks = reply.content.filter((block): block is ToolUseBlock => block.type === 'tool_use');
  return blocks.map((block, index) => {
    const repeated = seen.has(block.id);
    seen.add(block.id);
    if (index >= rules.mostCalls)
      return refused(
        block,
        `Too many calls in one turn: at most ${rules.mostCalls} run. Make the remaining calls in your next turn.`,
      );
    if (repeated)
      return refused(
        block,
        `The call id ${block.id.slice(0, 80).toWellFormed()} was used twice in this turn; this second call was not run.`,
      );
    return judgeCall(block, rules);
  });
}

function judgeCall(block: ToolUseBlock, rules: Judged): ChosenCall {
  const skill =
    rules.allowed === null || rules.allowed.includes(block.name) ? rules.registry.get(block.name) : undefined;
  if (skill === undefined) {
    const names = rules.registry
      .list()
      .map((known) => known.manifest.name)
      .filter((name) => rules.allowed === null || rules.allowed.includes(name));
    return refused(
      block,
      `There is no skill called ${block.name.slice(0, 80).toWellFormed()}. You have: ${names.join(', ')}.`,
    );
  }
  const parsed = parseInput(skill, block.input);
  if (!parsed.ok) return refused(block, parsed.message);
  const effect = classOf(skill, parsed.input, rules);
  const covered = rules.policies.flatMap((policy) => (policy.skill === block.name ? [policy.recipient] : []));
  const verdict = verdictOn(skill, parsed.input, effect, { labels: rules.labels, covered, places: rules.places });
  if (verdict === 'refuse') return refused(block, `${block.name} may not be used in this way.`);
  return chosen(skill, parsed.input, verdict, effect);
}

function chosen(skill: Skill, input: unknown, verdict: ChosenCall['verdict'], effect: EffectClass): ChosenCall {
  const { manifest } = skill;
  return {
    skill: manifest.name,
    input,
    summary: wellFormed(cutText(manifest.summary(input as never), SUMMARY_BYTES)),
    verdict,
    timeoutMs: manifest.timeoutSeconds * 1000,
    // What is proposed may look outside first.
    quick: skill.runs === 'transaction' && verdict === 'run' && effect !== 'outward',
    first: manifest.first === true,
    delegates: manifest.delegates === true,
    ...(skill.runs === 'question' ? { question: (input as { question: string }).question } : {}),
  };
}

function refused(block: ToolUseBlock, refusal: string): ChosenCall {
  return {
    skill: block.name.slice(0, 200).toWellFormed(),
    input: block.input,
    summary: 'refused',
    verdict: 'refuse',
    timeoutMs: 0,
    quick: true,
    first: false,
    delegates: false,
    refusal,
  };
}
