import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { AgentRef, Step } from '../../contracts/step.js';

const USER = defineSearchAttributeKey('RetinueUser', SearchAttributeType.KEYWORD);
const AGENT = defineSearchAttributeKey('RetinueAgent', SearchAttributeType.KEYWORD);

const STATUS = defineSearchAttributeKey('RetinueStatus', SearchAttributeType.KEYWORD);
const WAITING_FOR = defineSearchAttributeKey('RetinueWaitingFor', SearchAttributeType.KEYWORD);
const COST = defineSearchAttributeKey('RetinueCost', SearchAttributeType.DOUBLE);

/** What the run of a subagent can be searched by from its start; a status only once it is another than what Temporal says. */
export function attributesOf({ user, agent }: AgentRef) {
  return [
    { key: USER, value: user },
    { key: AGENT, value: agent },
  ];
}

/** Keeps the run readable in the web UI: what it does now, and attributes to search by when its status changes. */
export class Readable {
  readonly #searchable: boolean;
  /** As the attributes say now; a continued run inherits them. */
  #shown = workflowInfo().typedSearchAttributes.get(STATUS);

  constructor(searchable: boolean) {
    this.#searchable = searchable;
  }

  show(step: Step): void {
    setCurrentDetails(step.summary);
    const status = statusOf(step);
    if (!this.#searchable || status === (this.#shown ?? 'running')) return;
    // Temporal's own status says as much, and each change of attributes costs its server as much as a short step.
    if (this.#shown === undefined && status === 'completed') return;
    this.#shown = status;
    upsertSearchAttributes([
      { key: STATUS, value: status },
      { key: WAITING_FOR, value: step.kind === 'wait' ? step.waitingFor : null },
      ...(step.kind === 'done' ? [{ key: COST, value: step.usd }] : []),
    ]);
  }
}

function statusOf(step: Step): string {
  switch (step.kind) {
    case 'think':
    case 'calls':
    case 'effects':
      return 'running';
    case 'wait':
      return `waiting_${step.waitingFor}`;
    case 'done':
      return step.status;
  }
}
