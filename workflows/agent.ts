import type { AgentWorkflowInput } from '../contracts/step.js';
import { runAgent } from './lib/agent-loop.js';

/** An agent that another one spawned. Its rows tell the other what became of it. Returns the final status. */
export async function agent(input: AgentWorkflowInput): Promise<string> {
  return runAgent(input);
}
