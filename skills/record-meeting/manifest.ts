import { z } from 'zod';
import { type Meeting, MeetingSchema } from '../../contracts/meeting.js';
import type { SkillManifest } from '../../contracts/skill.js';
import { TRANSACTION_TIMEOUT_SECONDS } from '../shared/limits.js';
import { quote } from '../shared/summary-text.js';

const HeldSchema = z.strictObject({
  task: z.string().nullable().describe('null for one that is not on the board yet.'),
  agreement: z.string(),
  text: z.string(),
});
export type HeldTask = z.infer<typeof HeldSchema>;

const RecordMeetingOutputSchema = z.strictObject({
  meeting: z.string(),
  transcripts: z.array(z.string()),
  held: z.array(HeldSchema),
  note: z.string().optional(),
});

/** Pure data of the skill `record_meeting`. */
export const recordMeetingManifest: SkillManifest<Meeting, z.infer<typeof RecordMeetingOutputSchema>> = {
  name: 'record_meeting',
  description:
    'Files what was said in one meeting or call: decisions, action items, open questions, dependencies, the next meeting, ' +
    'finished tasks, and what contradicts an earlier agreement. Look up earlier agreements, meetings and open tasks first, ' +
    'so that their ids can be named. Record only what was said. A task whose change would contradict an agreement is held: ' +
    'it stays as it is until the user has answered. Board, calendar and mail are changed by calls of their own.',
  effect: 'internal',
  input: MeetingSchema,
  output: RecordMeetingOutputSchema,
  timeoutSeconds: TRANSACTION_TIMEOUT_SECONDS,
  taints: [],
  first: true,
  summary: ({ title, actionItems }) => `Records the meeting ${quote(title)} with ${actionItems.length} action items`,
};
