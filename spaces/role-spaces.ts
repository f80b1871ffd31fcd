import type { NewSpace, SpaceRole } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { json, sql } from '../store/sql.js';

interface RoleSpace extends NewSpace {
  readonly role: SpaceRole;
  readonly description: string;
  readonly convention: string;
}

/** What every user is born with; each description teaches what the skills rely on and the space's convention. */
export const ROLE_SPACES: readonly RoleSpace[] = [
  {
    role: 'memory',
    name: 'Personal memory',
    convention: 'personal-memory',
    description:
      'Facts about the user and what the user wants remembered. Payload {text}; metadata kind: fact, or style: how the user writes to one group of recipients. References source name where a fact was said, supersedes the one it replaces. Newer facts win; outdated ones are deprecated, not changed.',
  },
  {
    role: 'tasks',
    name: 'Task board',
    convention: 'task-list',
    description:
      'A task list. Payload {title, owner?, due?, notes?}; metadata status: open, done or held (it waits for the user, who must say which of two contradicting facts holds); priority: 1 (urgent) to 3. References blocked_by name tasks that must be done first. What can be done now: space_search {"metadata": {"status": {"in": ["open", null]}}, "references": {"blocked_by": {"status": "done"}}}.',
  },
  {
    role: 'meetings',
    name: 'Meetings',
    convention: 'knowledge-base',
    description:
      'What was said and agreed, by metadata kind. meeting: decisions, action items, open questions, made by record_meeting, with a reference transcript; transcript: the words themselves; agreement: payload {text, date}. A reference contradicts names the agreement that a meeting does not fit, supersedes the one that a newer agreement replaces.',
  },
  {
    role: 'contacts',
    name: 'Contacts',
    convention: 'knowledge-base',
    description:
      'People. Payload {name, email?, role?}. One atom a person: search before you put, and update what has changed. A reference source names where it comes from.',
  },
  {
    role: 'instructions',
    name: 'Instructions',
    convention: 'prompt-library',
    description:
      'How agents should behave. Each atom is one text of guidance that an agent can be given; fork one to adapt it. Metadata topic: the kind of work. A reference based_on names the text that another was made from.',
  },
  {
    role: 'bus',
    name: 'Coordinator bus',
    convention: 'channel',
    description:
      'Where agents that face the outside leave requests for each other: what is wanted, with references to the context it came from. Payload {text}; metadata type: request, answer or note; status of a request: open, taken or done; to: who it is for. References about name the context, reply_to the message that is answered. What waits: space_search {"metadata": {"type": "request", "status": "open"}}.',
  },
];

/** Descriptions of earlier releases. A user's own words are kept, these are not. */
const FORMER_DESCRIPTIONS: Readonly<Record<SpaceRole, string>> = {
  memory:
    'Facts about the user and what the user wants remembered. Payload {text}; metadata kind: fact, or style: how the user writes to one group of recipients. Newer facts win; outdated ones are deprecated, not changed.',
  tasks:
    'A task list. Payload {title, owner?, due?, notes?}; metadata status: open, done or held (it waits for the user, who must say which of two contradicting facts holds). References blocked_by name tasks that must be done first.',
  meetings:
    'What was said and agreed, by metadata kind. meeting: decisions, action items, open questions, made by record_meeting, with a reference transcript; transcript: the words themselves; agreement: payload {text, date}. A reference contradicts names the agreement that a meeting does not fit.',
  contacts: 'People. Payload {name, email?, role?}.',
  instructions:
    'How agents should behave. Each atom is one text of guidance that an agent can be given; fork one to adapt it.',
  bus: 'Where agents that face the outside leave requests for each other: what is wanted, with references to the context it came from.',
};

/**
 * Brings the spaces that users of earlier releases were born with up to date: the convention where there is none, and
 * the description where nobody has changed it. Needs a system transaction; doing it again changes nothing.
 */
export async function renewRoleSpaces(tx: Tx): Promise<void> {
  const texts = ROLE_SPACES.map(({ role, convention, description }) => ({
    role,
    convention,
    description,
    former: FORMER_DESCRIPTIONS[role],
  }));
  await tx.run(sql`
    update spaces s set convention = coalesce(s.convention, t.convention),
      description = case when s.description = t.former then t.description else s.description end
    from jsonb_to_recordset(${json(texts)}) as t(role text, convention text, description text, former text)
    where s.role = t.role and (s.convention is null or s.description = t.former)`);
}
