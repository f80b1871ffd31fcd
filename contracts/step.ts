/** What the workflow is told to do next: ids, verdicts and times, never content. Free of zod: workflows import it. */
import type { Verdict } from './effect-class.js';

export interface AgentRef {
  /** Owner of the rows; every activity checks it again in the store. */
  readonly user: string;
  readonly request: string;
  readonly agent: string;
}

/** Input of the workflows `request` and `agent`. */
export interface AgentWorkflowInput extends AgentRef {
  /** Events after which the run continues as new at its next quiet moment. */
  readonly historyLimit: number;
  /** Whether the namespace knows our search attributes; upserting an unknown one would stick the run for ever. */
  readonly searchable: boolean;
  /** When the agent's own time is over, RFC 3339, where it is bound by less than its request. */
  readonly deadline?: string;
}

export interface CallStep {
  readonly callId: string;
  readonly skill: string;
  readonly verdict: Verdict;
  /** `undo` takes back a finished call. */
  readonly mode: 'run' | 'undo';
  readonly timeoutMs: number;
  /** The step only touches the store and ends within a second. */
  readonly quick: boolean;
  /** What it does may be left to other agents: calls of this kind run together, and the rows say what is next. */
  readonly delegates?: true;
  readonly summary: string;
}

/** An agent that has been let in and whose loop is not running yet. */
export interface AgentStart {
  readonly agent: string;
  /** Names this start among all of the same agent. */
  readonly key: string;
  /** Its loop runs inside the workflow of the agent that spawned it. */
  readonly inline: boolean;
  readonly priority: number;
  readonly summary: string;
  /** When its time is over, RFC 3339. */
  readonly deadline?: string;
}

/** One entry of the effects ledger that something can be done about now. */
export interface EffectStep {
  /** Id of the approval it carries out. */
  readonly key: string;
  /** The attempt this step is about; the ledger refuses every other. */
  readonly fence: number;
  /** `settle` finds out what became of an attempt whose end nobody saw. */
  readonly mode: 'send' | 'settle';
  readonly summary: string;
}

/** What every step may carry beside its own work. */
interface Beside {
  /** Agents to be set to work, whatever else is done. */
  readonly start?: readonly AgentStart[];
  /** When the agent's time is over, RFC 3339; only where it is bound by less than its request. */
  readonly deadline?: string;
}

export type Step = Beside & StepKind;
type StepKind =
  | { readonly kind: 'think'; readonly turn: number; readonly summary: string }
  | { readonly kind: 'calls'; readonly calls: readonly CallStep[]; readonly turn: number; readonly summary: string }
  | { readonly kind: 'effects'; readonly effects: readonly EffectStep[]; readonly summary: string }
  | { readonly kind: 'wait'; readonly until: string; readonly waitingFor: string; readonly summary: string }
  | DoneStep;

/** The agent's loop ends. */
export interface DoneStep {
  readonly kind: 'done';
  readonly status: string;
  readonly usd: number;
  readonly summary: string;
  /** The agent that runs this one's loop in its own workflow has something to look at now. */
  readonly rouses?: true;
}

/** The step that asks the model for a turn. */
export function thinkStep(turn: number): Step {
  return { kind: 'think', turn, summary: `turn ${turn}: ask the model` };
}

export interface ThinkInput extends AgentRef {
  readonly turn: number;
}

export interface CallInput extends AgentRef {
  readonly callId: string;
  /** Further calls of the same skill that run in the same transaction. */
  readonly together?: readonly string[];
  readonly mode: 'run' | 'undo';
  readonly quick: boolean;
}

export interface EffectInput extends AgentRef {
  readonly key: string;
  readonly fence: number;
}

/** Input of the workflow `reminders`. */
export interface ClockWorkflowInput {
  readonly user: string;
  /** Events after which the run continues as new. */
  readonly historyLimit: number;
  /** Looks that the run before has left to this one. */
  readonly looks?: readonly Look[];
}

/** What of a user has come due by a moment of the workflow's own clock, which is the server's. */
export interface ClockInput {
  readonly user: string;
  /** RFC 3339. */
  readonly at: string;
}

/** A look outside that a trigger wants now: at a page, a mailbox, a space. */
export interface Look {
  readonly trigger: string;
  /** The look this is; the store refuses the outcome of one that is older than what is stored. */
  readonly fence: number;
  readonly summary: string;
}

export interface LookInput extends Look {
  readonly user: string;
  /** RFC 3339, by the workflow's clock. */
  readonly at: string;
}

/** What the workflow of a user's reminders does next. */
export interface ClockStep {
  /** More is due than one step takes. */
  readonly more: boolean;
  readonly looks: readonly Look[];
  /** When something comes due again, RFC 3339; undefined where nothing does. */
  readonly next?: string;
  readonly summary: string;
}
