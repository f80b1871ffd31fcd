/** Workflow ids and names, built in one place. Free of zod: workflows may import it. */

/** Permanent names: they stand in stored histories. */
export const REQUEST_WORKFLOW = 'request';
export const WAKE_SIGNAL = 'wake';

export function requestWorkflowId(requestId: string): string {
  return `request:${requestId}`;
}
