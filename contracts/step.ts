/** What the workflow is told to do next: ids, verdicts and times, never content. Free of zod: workflows import it. */
import type { Verdict } from './effect-class.js';

export interface AgentRef {
  /** Owner of the rows; every activity checks it again in the store. */
  readonly user: string;
  readonly request: string;
  readonly agent: string;
}

/** Input of the `request` workflow. */
export interface RequestWorkflowInput extends AgentRef {
  /** Events after which the run continues as new at its next quiet moment. */
  readonly historyLimit: number;
  /** Whether the namespace knows our search attributes; upserting an unknown one would stick the run for ever. */
  readonly searchable: boolean;
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
  readonly summary: string;
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

export type Step =
  | { readonly kind: 'think'; readonly turn: number; readonly summary: string }
  | { readonly kind: 'calls'; readonly calls: readonly CallStep[]; readonly turn: number; readonly summary: string }
  | { readonly kind: 'effects'; readonly effects: readonly EffectStep[]; readonly summary: string }
  | { readonly kind: 'wait'; readonly until: string; readonly waitingFor: string; readonly summary: string }
  | { readonly kind: 'done'; readonly status: string; readonly usd: number; readonly summary: string };

/** The step that asks the model for a turn. */
export function thinkStep(turn: number): Step {
  return { kind: 'think', turn, summary: `turn ${turn}: ask the model` };
}

export interface ThinkInput extends AgentRef {
  readonly turn: number;
}

export interface CallInput extends AgentRef {
  readonly callId: string;
  readonly mode: 'run' | 'undo';
  readonly quick: boolean;
}

export interface EffectInput extends AgentRef {
  readonly key: string;
  readonly fence: number;
}
