import type { AgentAccess } from '../../contracts/agent-access.js';

/** One agent called Scout, to which everything succeeds. */
export function fakeAgents(): AgentAccess {
  const scout = { agent: 'agt_scout', label: 'Scout' };
  return {
    spawn: async () => scout,
    message: async () => scout,
    requestAccess: async () => ({ id: 'acc_1' }),
    answerAccess: async (_id, { grant }) => ({ status: grant ? 'granted' : 'denied' }),
    revokeAccess: async (_agent, { skills = [] }) => ({ taken: [...skills] }),
    list: async () => ({
      work: [{ request: 'req_1', said: 'Look around', ...scout, status: 'running', costUsd: '0.01' }],
      labels: [],
    }),
    steer: async () => ({ label: 'Scout' }),
    cancel: async (target) => ({ stopped: target }),
  };
}
