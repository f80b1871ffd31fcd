import { Context } from '@temporalio/activity';
import { ProblemError } from '../contracts/problem.js';
import type {
  AgentRef,
  CallInput,
  ClockInput,
  ClockStep,
  EffectInput,
  LookInput,
  Step,
  ThinkInput,
} from '../contracts/step.js';
import { claimDue } from '../engine/clock/due.js';
import { nextStep } from '../engine/steps.js';
import { failRequest } from '../engine/turn-context.js';
import type { ActivityDeps } from './deps.js';
import { sendEffect, settleEffect } from './effects.js';
import { toFailure } from './failure.js';
import { look } from './look.js';
import { runSkillCall } from './run-skill.js';
import { thinkTurn } from './think.js';

/** What workflows call. Every input is ids, every output a step: content stays in the store. */
export interface Activities {
  /** Asks the model for one turn, once: a stored turn is never asked again. */
  think(input: ThinkInput): Promise<Step>;
  /** Runs or takes back one call and stores what came of it. */
  runSkill(input: CallInput): Promise<void>;
  /** What the rows say is next. Changes nothing. */
  nextStep(input: AgentRef): Promise<Step>;
  /** One attempt of an approved action. */
  sendEffect(input: EffectInput): Promise<void>;
  /** Finds out what became of an attempt whose end nobody saw. */
  settleEffect(input: EffectInput): Promise<void>;
  /** Ends a request whose step failed in a way that repeating cannot mend. */
  giveUp(input: AgentRef): Promise<Step>;
  /** Makes requests of what has come due, and says when something does again. */
  claimDue(input: ClockInput): Promise<ClockStep>;
  /** Looks once at what a trigger watches. */
  lookAt(input: LookInput): Promise<void>;
}

const BEAT_MS = 1_500;
const GIVEN_UP = {
  type: 'internal',
  message:
    'A step failed and repeating it did not help. What was done so far is listed in the trace; send the request again to start over.',
} as const;

export function createActivities(deps: ActivityDeps): Activities {
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const failure = toFailure(error);
      if (failure !== error && !(error instanceof ProblemError))
        deps.log.error({ err: error }, 'an activity failed unexpectedly; it is tried again');
      throw failure;
    }
  };
  return {
    think: (input) => guarded(() => beating((abortSignal) => thinkTurn(deps, input, abortSignal))),
    runSkill: (input) =>
      guarded(() => beating((abortSignal) => runSkillCall(deps, input, Context.current().info.attempt, abortSignal))),
    sendEffect: (input) => guarded(() => sendEffect(deps, input)),
    settleEffect: (input) => guarded(() => settleEffect(deps, input)),
    nextStep: (input) => guarded(() => nextStep(deps.engine, input)),
    claimDue: (input) => guarded(() => claimDue(deps.engine, input)),
    lookAt: (input) => guarded(() => beating((abortSignal) => look(deps, input, abortSignal))),
    giveUp: (input) => guarded(() => failRequest(deps.engine, input, GIVEN_UP)),
  };
}

/** Shows signs of life while the work goes on; the server's answer to them carries the cancellation. */
async function beating<T>(work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), BEAT_MS);
  try {
    return await work(context.cancellationSignal);
  } finally {
    clearInterval(timer);
  }
}
