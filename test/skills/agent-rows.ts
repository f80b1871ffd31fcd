const TEAM = { effect: 'internal', taints: [], undoable: false };

/** The rows of the skills that are about other agents; see `every-skill.test.ts`. */
export const agentRows = [
  {
    name: 'spawn_agent',
    ...TEAM,
    input: { task: 'Look around', skills: ['web_search'], wait: false },
    wrong: { task: 'Look around', priority: 6 },
    path: 'priority',
  },
  {
    name: 'message_agent',
    ...TEAM,
    input: { agent: 'agt_scout', text: 'What did you see?' },
    wrong: { agent: 'agt_scout', text: '' },
    path: 'text',
  },
  {
    name: 'request_access',
    ...TEAM,
    input: { skills: ['web_fetch'], reason: 'The task names a page.' },
    wrong: { skills: ['web_fetch'] },
    path: 'reason',
  },
  {
    name: 'answer_access',
    ...TEAM,
    input: { access: 'acc_1', grant: true, reason: 'The task needs it.' },
    wrong: { access: 'acc_1', grant: 'yes', reason: 'The task needs it.' },
    path: 'grant',
  },
  {
    name: 'revoke_access',
    ...TEAM,
    input: { agent: 'agt_scout', skills: ['web_fetch'], reason: 'It is done.' },
    wrong: { agent: 'agt_scout', spaces: 'spc_1', reason: 'It is done.' },
    path: 'spaces',
  },
  {
    name: 'list_work',
    effect: 'read',
    taints: [],
    undoable: false,
    input: {},
    wrong: { all: true },
    path: 'all',
  },
  {
    name: 'steer_work',
    ...TEAM,
    input: { agent: 'agt_scout', text: 'Look left' },
    wrong: { agent: 'agt_scout', text: 'Look left', force: true },
    path: 'force',
  },
  {
    name: 'cancel_work',
    ...TEAM,
    input: { target: 'agt_scout', reason: 'No longer needed' },
    wrong: { target: 'agt_scout' },
    path: 'reason',
  },
];
