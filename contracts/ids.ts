/** Workflow ids and names, built in one place. Free of zod: workflows may import it. */

/** Permanent names: they stand in stored histories. */
export const REQUEST_WORKFLOW = 'request';
export const AGENT_WORKFLOW = 'agent';
export const WAKE_SIGNAL = 'wake';

export function requestWorkflowId(requestId: string): string {
  return `request:${requestId}`;
}

/** Of an agent that another one spawned; the first agent of a request runs in the request's own workflow. */
export function agentWorkflowId(agentId: string): string {
  return `agent:${agentId}`;
}

/** The type of the workflow with this id. */
export function workflowTypeOf(workflowId: string): typeof REQUEST_WORKFLOW | typeof AGENT_WORKFLOW {
  return workflowId.startsWith('agent:') ? AGENT_WORKFLOW : REQUEST_WORKFLOW;
}
