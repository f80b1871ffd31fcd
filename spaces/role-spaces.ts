import type { NewSpace, SpaceRole } from '../contracts/space.js';

/** What every user is born with; each description teaches the space's convention. */
export const ROLE_SPACES: readonly (NewSpace & { role: SpaceRole; description: string })[] = [
  {
    role: 'memory',
    name: 'Personal memory',
    description:
      'Facts about the user and what the user wants remembered. Payload {text}; metadata kind: fact, or style: how the user writes to one group of recipients. Newer facts win; outdated ones are deprecated, not changed.',
  },
  {
    role: 'tasks',
    name: 'Task board',
    description:
      'A task list. Payload {title, owner?, due?, notes?}; metadata status: open, done or held (it waits for the user, who must say which of two contradicting facts holds). References blocked_by name tasks that must be done first.',
  },
  {
    role: 'meetings',
    name: 'Meetings',
    description:
      'What was said and agreed, by metadata kind. meeting: decisions, action items, open questions, made by record_meeting, with a reference transcript; transcript: the words themselves; agreement: payload {text, date}. A reference contradicts names the agreement that a meeting does not fit.',
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
