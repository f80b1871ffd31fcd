/** Workflow ids and names, built in one place. Free of zod: workflows may import it. */

/** Permanent names: they stand in stored histories. */
export const REQUEST_WORKFLOW = 'request';
export const AGENT_WORKFLOW = 'agent';
export const CLOCK_WORKFLOW = 'reminders';
export const WAKE_SIGNAL = 'wake';

export function requestWorkflowId(requestId: string): string {
  return `request:${requestId}`;
}

/** Of an agent that another one spawned; the first agent of a request runs in the request's own workflow. */
export function agentWorkflowId(agentId: string): string {
  return `agent:${agentId}`;
}

/** Of everything of one user that comes due. */
export function clockWorkflowId(userId: string): string {
  return `reminders:${userId}`;
}

const TYPES = { request: REQUEST_WORKFLOW, agent: AGENT_WORKFLOW, reminders: CLOCK_WORKFLOW } as const;

/** The type of the workflow with this id. */
export function workflowTypeOf(workflowId: string): (typeof TYPES)[keyof typeof TYPES] {
  const [name] = workflowId.split(':', 1);
  return name === 'agent' || name === 'reminders' ? TYPES[name] : REQUEST_WORKFLOW;
}
