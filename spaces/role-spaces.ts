import type { NewSpace, SpaceRole } from '../contracts/space.js';

/** What every user is born with; each description teaches the space's convention. */
export const ROLE_SPACES: readonly (NewSpace & { role: SpaceRole; description: string })[] = [
  {
    role: 'memory',
    name: 'Personal memory',
    description:
      'Facts about the user and what the user wants remembered. Payload {text}; metadata kind: fact. Newer facts win; outdated ones are deprecated, not changed.',
  },
  {
    role: 'tasks',
    name: 'Task board',
    description:
      'A task list. Payload {title, owner?, due?, notes?}; metadata status: open, done or held. References blocked_by name tasks that must be done first.',
  },
  {
    role: 'meetings',
    name: 'Meetings',
    description:
      'What was said and agreed. A meeting holds decisions, action items and open questions; an agreement has the payload {text, date} and metadata kind: agreement.',
  },
  { role: 'contacts', name: 'Contacts', description: 'People. Payload {name, email?, role?}.' },
  {
    role: 'instructions',
    name: 'Instructions',
    description:
      'How agents should behave. Each atom is one text of guidance that an agent can be given; fork one to adapt it.',
  },
  {
    role: 'bus',
    name: 'Coordinator bus',
    description:
      'Where agents that face the outside leave requests for each other: what is wanted, with references to the context it came from.',
  },
];
