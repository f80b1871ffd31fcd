import type { AgentWorkflowInput } from '../contracts/step.js';
import { runAgent } from './lib/agent-loop.js';

/** One message and everything done for it. The root agent's loop runs here. Returns the final status. */
export async function request(input: AgentWorkflowInput): Promise<string> {
  return runAgent(input);
}
