import {
  CancellationScope,
  continueAsNew,
  isCancellation,
  log,
  proxyActivities,
  proxyLocalActivities,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import {
  type AgentWorkflowInput,
  type CallInput,
  type CallStep,
  type DoneStep,
  type Step,
  thinkStep,
} from '../../contracts/step.js';
import { ignoreCancellation } from './ignore-cancellation.js';
import { Outward } from './outward.js';
import { Readable } from './readable.js';
import { Team } from './team.js';
import { WakeBoard, type Wakes } from './wakes.js';

const RETRY = { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '30s' } as const;

const { think } = proxyActivities<Activities>({ startToCloseTimeout: '20m', heartbeatTimeout: '6s', retry: RETRY });
const { runSkill, giveUp } = proxyActivities<Activities>({ startToCloseTimeout: '30s', retry: RETRY });
/** Steps of the store alone: over in milliseconds, keyed by their rows, so running one again after a crash changes nothing. */
const QUICK = { startToCloseTimeout: '10s', retry: RETRY, localRetryThreshold: '5s' } as const;
const { nextStep } = proxyLocalActivities<Activities>(QUICK);
/** One activity type a skill, because the web UI shows a local activity's type and not its summary; all are `runSkill`. */
const quickSkills = proxyLocalActivities<Record<`skill:${string}`, Activities['runSkill']>>(QUICK);

/** Calls that take longer than this must show signs of life. */
const HEARTBEAT_FROM_MS = 10_000;

/** What one agent's loop holds in memory; everything else is in the rows. */
interface Run {
  readonly input: AgentWorkflowInput;
  readonly wakes: Wakes;
  readonly outward: Outward;
  readonly team: Team;
}

/**
 * Runs one agent until its rows say it is done. The rows decide everything: the loop asks for the next step, does it,
 * and asks again; signals only say that it is time to ask. Returns the final status.
 */
export async function runAgent(input: AgentWorkflowInput): Promise<string> {
  const board = new WakeBoard();
  const wakes = board.open(input.agent);
  const team = new Team(input, wakes, (child) => runHere(board, child));
  const run: Run = { input, wakes, outward: new Outward(input, wakes), team };
  const readable = new Readable(input.searchable);
  let steps = 0;
  const { status } = await loop(run, async (step) => {
    steps += 1;
    // The first step of a continued run only finds its place, so a run without a second one would get nowhere.
    const isLong = steps > 2 && workflowInfo().historyLength > input.historyLimit;
    if (step.kind !== 'done' && isLong && run.outward.isIdle && team.isIdle)
      await continueAsNew<(input: AgentWorkflowInput) => Promise<string>>(input);
    readable.show(step);
  });
  return status;
}

/** The loop of an agent that has no workflow of its own. */
async function runHere(board: WakeBoard, input: AgentWorkflowInput): Promise<DoneStep> {
  const wakes = board.open(input.agent);
  try {
    const team = new Team(input, wakes, () =>
      Promise.reject(new Error('an agent without a workflow of its own spawns none')),
    );
    return await loop({ input, wakes, outward: new Outward(input, wakes), team }, () => Promise.resolve());
  } finally {
    board.close(input.agent);
  }
}

/** Takes steps until there is none; `before` sees each of them first. */
async function loop(run: Run, before: (step: Step) => Promise<void>): Promise<DoneStep> {
  let step = until(run.input.deadline, thinkStep(1));
  for (;;) {
    await before(step);
    run.team.begin(step.start);
    if (step.kind === 'done') {
      // It goes on elsewhere, whatever came meanwhile.
      if (step.status === 'moved') return step;
      if (!run.wakes.take() && run.outward.isIdle) return step;
      step = await afterWake(run);
    } else {
      step = await follow(run, step);
    }
  }
}

function until(deadline: string | undefined, step: Step): Step {
  return deadline === undefined ? step : { ...step, deadline };
}

/** The rows have the last word, once what is being carried out is over. */
async function afterWake({ input, wakes, outward }: Run): Promise<Step> {
  if (!outward.isIdle) await wakes.arrived;
  wakes.take();
  return nextStep(input);
}

async function follow(run: Run, step: Exclude<Step, { kind: 'done' }>): Promise<Step> {
  const { input } = run;
  switch (step.kind) {
    case 'wait':
      return waitForChange(run, step.until);
    case 'think':
      return interruptible(run, step, () =>
        think.executeWithOptions({ summary: step.summary }, [{ ...input, turn: step.turn }]),
      );
    case 'effects':
      return carryOut(run, step);
    case 'calls':
      if (isUndo(step)) return takeBack(input, step);
      return interruptible(run, step, async () => {
        await runCalls(input, step);
        if (step.calls.some((call) => call.delegates)) return nextStep(input);
        return until(step.deadline, thinkStep(step.turn + 1));
      });
  }
}

type CallsStep = Extract<Step, { kind: 'calls' }>;

function isUndo(step: CallsStep): boolean {
  return step.calls.some((call) => call.mode === 'undo');
}

/** An undo is wanted whatever else happens, so nothing interrupts it. */
async function takeBack(input: AgentWorkflowInput, step: CallsStep): Promise<Step> {
  await runCalls(input, step);
  return nextStep(input);
}

type EffectsStep = Extract<Step, { kind: 'effects' }>;

/** Begins what is due outside and goes on beside it; where all of it is under way already, waits until something is over. */
async function carryOut({ input, wakes, outward }: Run, step: EffectsStep): Promise<Step> {
  if (!outward.begin(step.effects)) {
    await wakes.arrived;
    wakes.take();
  }
  return nextStep(input);
}

async function runCalls(input: AgentWorkflowInput, step: CallsStep): Promise<void> {
  await Promise.all(together(step.calls).map(([call, ...others]) => runCall(input, call, others)));
}

/** Calls that leave work to others run as one; every other by itself. */
function together(calls: readonly CallStep[]): [CallStep, ...CallStep[]][] {
  const groups = new Map<string, [CallStep, ...CallStep[]]>();
  for (const call of calls) {
    const key = call.delegates && call.quick ? call.skill : call.callId;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [call]);
    else group.push(call);
  }
  return [...groups.values()];
}

async function runCall(input: AgentWorkflowInput, call: CallStep, others: readonly CallStep[]): Promise<void> {
  const work: CallInput = {
    user: input.user,
    request: input.request,
    agent: input.agent,
    callId: call.callId,
    mode: call.mode,
    quick: call.quick,
    ...(others.length === 0 ? {} : { together: others.map(({ callId }) => callId) }),
  };
  const runQuick = call.quick ? quickSkills[`skill:${call.skill}`] : undefined;
  if (runQuick !== undefined) {
    return runQuick.executeWithOptions({ summary: call.summary, startToCloseTimeout: call.timeoutMs }, [work]);
  }
  const options = {
    summary: call.summary,
    startToCloseTimeout: call.timeoutMs + 5_000,
    ...(call.timeoutMs > HEARTBEAT_FROM_MS ? { heartbeatTimeout: 6_000 } : {}),
  };
  return runSkill.executeWithOptions(options, [work]);
}

/** The server's clock may be a little ahead of ours: looking again too early must not become a busy loop. */
const SHORTEST_WAIT_MS = 1_000;

/** Sleeps until the rows change or the time has come. */
async function waitForChange({ input, wakes }: Run, until: string): Promise<Step> {
  const timer = new CancellationScope();
  const over = timer
    .run(() => sleep(Math.max(SHORTEST_WAIT_MS, Date.parse(until) - Date.now())))
    .catch(ignoreCancellation);
  await Promise.race([wakes.arrived, over]);
  timer.cancel();
  wakes.take();
  return nextStep(input);
}

/**
 * Does the work, but looks at the rows whenever a wake comes: what was approved is carried out and calls are taken back
 * meanwhile, and when all is over, or the agent's time is, the work is cancelled. Work that failed for good ends the
 * agent.
 */
async function interruptible(run: Run, about: Step, work: () => Promise<Step>): Promise<Step> {
  const timer = new CancellationScope();
  const scope = new CancellationScope();
  const outcome = scope.run(work).then(
    (step) => ({ step }),
    (error: unknown) => ({ error }),
  );
  if (about.deadline !== undefined) rouseAt(timer, about.deadline, run.wakes);
  try {
    return await watched(run, scope, outcome);
  } finally {
    timer.cancel();
  }
}

type Outcome = { readonly step: Step } | { readonly error: unknown };

async function watched(run: Run, scope: CancellationScope, outcome: Promise<Outcome>): Promise<Step> {
  const { input, wakes, outward, team } = run;
  let isWoken = false;
  for (;;) {
    const settled = await Promise.race([outcome, wakes.arrived.then(() => undefined)]);
    if (settled !== undefined) {
      if (!('step' in settled)) return failed(input, settled.error);
      // Every other step is checked again when it is taken; a wait may have been over before we heard of it.
      return isWoken && settled.step.kind === 'wait' ? nextStep(input) : settled.step;
    }
    isWoken = wakes.take() || isWoken;
    let now = await nextStep(input);
    while (now.kind === 'calls' && isUndo(now)) now = await takeBack(input, now);
    team.begin(now.start);
    if (now.kind === 'effects') outward.begin(now.effects);
    if (now.kind !== 'done') continue;
    scope.cancel();
    await outcome;
    return now;
  }
}

/** The rows are asked when the agent's time is over, and end it. */
function rouseAt(timer: CancellationScope, deadline: string, wakes: Wakes): void {
  void timer
    .run(async () => {
      await sleep(Math.max(SHORTEST_WAIT_MS, Date.parse(deadline) - Date.now()));
      wakes.rouse();
    })
    .catch(ignoreCancellation);
}

async function failed(input: AgentWorkflowInput, error: unknown): Promise<Step> {
  if (isCancellation(error)) throw error;
  log.warn('a step failed for good; the request is ended', { error: String(error) });
  return giveUp(input);
}
