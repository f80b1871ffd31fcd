import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { log, ParentClosePolicy, sleep, startChild } from '@temporalio/workflow';
import { AGENT_WORKFLOW, agentWorkflowId } from '../../contracts/ids.js';
import type { AgentStart, AgentWorkflowInput, DoneStep } from '../../contracts/step.js';
import { attributesOf } from './readable.js';
import type { Wakes } from './wakes.js';

const AGAIN_MS = 1_000;

/**
 * The agents this one has spawned and that were let in: each gets a workflow of its own, or its loop runs here. Nobody
 * awaits them; what becomes of them is in the rows.
 */
export class Team {
  readonly #input: AgentWorkflowInput;
  readonly #wakes: Wakes;
  readonly #runHere: (input: AgentWorkflowInput) => Promise<DoneStep>;
  readonly #begun = new Set<string>();
  #busy = 0;

  constructor(input: AgentWorkflowInput, wakes: Wakes, runHere: (input: AgentWorkflowInput) => Promise<DoneStep>) {
    const { deadline: _own, ...shared } = input;
    this.#input = shared;
    this.#wakes = wakes;
    this.#runHere = runHere;
  }

  /** No loop runs here, and nobody is just being started. */
  get isIdle(): boolean {
    return this.#busy === 0;
  }

  /** Sets those to work that were not begun yet; beginning one twice is harmless. */
  begin(starts: readonly AgentStart[] = []): void {
    for (const start of starts) {
      if (this.#begun.has(start.key)) continue;
      this.#begun.add(start.key);
      this.#busy += 1;
      void this.#set(start)
        .catch((error: unknown) => log.warn('an agent could not be set to work here', { error: String(error) }))
        .finally(() => {
          this.#busy -= 1;
        });
    }
  }

  async #set(start: AgentStart): Promise<void> {
    const { agent, deadline } = start;
    const input: AgentWorkflowInput = { ...this.#input, agent, ...(deadline === undefined ? {} : { deadline }) };
    if (!start.inline) await this.#startWorkflow(start, input);
    else if ((await this.#runHere(input)).rouses === true) this.#wakes.rouse();
  }

  async #startWorkflow(start: AgentStart, input: AgentWorkflowInput): Promise<void> {
    try {
      await startChild(AGENT_WORKFLOW, {
        workflowId: agentWorkflowId(start.agent),
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowTaskTimeout: '2s',
        priority: { priorityKey: start.priority, fairnessKey: input.user },
        staticSummary: start.summary,
        ...(input.searchable ? { typedSearchAttributes: attributesOf(input) } : {}),
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      // Its last run may just be closing: where the rows still want it begun, it is tried again.
      await sleep(AGAIN_MS);
      this.#begun.delete(start.key);
      this.#wakes.rouse();
    }
  }
}
