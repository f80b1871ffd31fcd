import { z } from 'zod';
import { CleanTextSchema, DueSchema, IdSchema, InstantSchema, TimeZoneSchema } from './text.js';

const LineSchema = CleanTextSchema.min(1).max(2000);
const NameSchema = CleanTextSchema.min(1).max(200);
/** Names a part of the same record, such as `a1`. */
const PartSchema = CleanTextSchema.min(1).max(50);
/** What dependencies call the next meeting. */
const FOLLOW_UP = 'followUpMeeting';

const ActionItemSchema = z
  .strictObject({
    id: PartSchema.describe('A short name of your own, such as a1; other parts of the record refer to it.'),
    text: LineSchema,
    owner: NameSchema.nullable().describe(
      "A contact's name, the user's own name for “I”, or null unless one person was named.",
    ),
    ownerStatus: z
      .enum(['explicit', 'ambiguous', 'unassigned'])
      .describe('explicit: one person was named. ambiguous: it may be one of several. unassigned: nobody took it.'),
    ownerCandidates: z.array(NameSchema).max(50).optional().describe('Who it may be, where that is open.'),
    due: DueSchema.nullable().describe('The day, or date-time with offset, that was said; null when none was.'),
    dueText: LineSchema.nullable().optional().describe('The words the date was said in.'),
    existingTask: IdSchema.optional().describe('The id of the task on the board that this item is about.'),
    condition: LineSchema.optional(),
  })
  .refine((item) => (item.ownerStatus === 'explicit') === (item.owner !== null), {
    path: ['owner'],
    error: 'must name a person exactly when ownerStatus is explicit',
  });

const QuestionSchema = z.union([LineSchema, z.strictObject({ id: PartSchema.optional(), text: LineSchema })]);

const FollowUpSchema = z
  .strictObject({
    title: LineSchema.optional(),
    start: InstantSchema,
    end: InstantSchema.nullable().optional(),
    timeZone: TimeZoneSchema,
    attendees: z.array(NameSchema).max(100).describe('Names of those who take part, the user included.'),
    agenda: z.array(LineSchema).max(50),
    certainty: z.enum(['confirmed', 'tentative']),
    medium: LineSchema.nullable().optional(),
  })
  .refine(({ start, end }) => typeof end !== 'string' || Date.parse(end) > Date.parse(start), {
    path: ['end'],
    error: 'must be after start',
  });

const ContradictionSchema = z.strictObject({
  agreement: IdSchema.describe('The id of the agreement that does not fit what was said.'),
  item: PartSchema.optional().describe('The action item that contradicts it.'),
  task: IdSchema.optional().describe('The task on the board that would have to change.'),
  text: LineSchema.describe('What does not fit, in one sentence a person can decide on.'),
});

/** What was said in one meeting: the payload of its atom in the space `meetings`. */
export const MeetingSchema = z
  .strictObject({
    title: LineSchema,
    attendees: z.array(NameSchema).max(100).describe('Everybody who was there, the user included.'),
    decisions: z.array(z.strictObject({ id: PartSchema.optional(), text: LineSchema })).max(100),
    actionItems: z.array(ActionItemSchema).max(100),
    openQuestions: z.array(QuestionSchema).max(100),
    dependencies: z
      .array(z.strictObject({ item: PartSchema, dependsOn: PartSchema, reason: LineSchema.optional() }))
      .max(100)
      .describe('Ids of action items, or followUpMeeting where that is not null; no part depends on itself.'),
    followUpMeeting: FollowUpSchema.nullable().describe('null unless a next meeting with a day and a time was agreed.'),
    contradictions: z.array(ContradictionSchema).max(50),
    completedTasks: z.array(IdSchema).max(100).describe('Ids of tasks on the board that are finished by now.'),
  })
  .check(({ value, issues }) => {
    const parts = new Set(value.actionItems.map((item) => item.id));
    const known = (name: string): boolean => parts.has(name) || (name === FOLLOW_UP && value.followUpMeeting !== null);
    const wrong = (
      path: (string | number)[],
      name: string,
      message = 'must be the id of an action item of this record',
    ): void => {
      issues.push({ code: 'custom', input: name, path, message });
    };
    const ofPart = `must be the id of an action item of this record, or ${FOLLOW_UP} where that is not null`;
    if (parts.size < value.actionItems.length)
      issues.push({
        code: 'custom',
        input: value.actionItems,
        path: ['actionItems'],
        message: 'must have ids of their own',
      });
    for (const [index, { id }] of value.actionItems.entries())
      if (id === FOLLOW_UP) wrong(['actionItems', index, 'id'], id, 'is the name of the next meeting');
    for (const [index, { item, dependsOn }] of value.dependencies.entries()) {
      if (!known(item)) wrong(['dependencies', index, 'item'], item, ofPart);
      if (!known(dependsOn)) wrong(['dependencies', index, 'dependsOn'], dependsOn, ofPart);
      else if (item === dependsOn) wrong(['dependencies', index, 'dependsOn'], dependsOn, 'must be another part');
    }
    for (const [index, { item }] of value.contradictions.entries())
      if (item !== undefined && !parts.has(item)) wrong(['contradictions', index, 'item'], item);
  });
export type Meeting = z.infer<typeof MeetingSchema>;
