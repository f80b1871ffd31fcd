import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DueSchema, InstantSchema, TimeZoneSchema } from '../../contracts/text.js';

/** For every inner list, one of its strings must occur in a text, in whatever case. */
const KeywordsSchema = z.array(z.array(z.string().min(1)).min(1)).min(1);
export type Keywords = z.infer<typeof KeywordsSchema>;

const PersonSchema = z.strictObject({ name: z.string(), email: z.email(), role: z.string().optional() });
export type Person = z.infer<typeof PersonSchema>;

const FactSchema = z.strictObject({
  id: z.string(),
  text: z.string(),
  keywords: KeywordsSchema,
  optional: z.boolean().optional(),
});
export type ExpectedFact = z.infer<typeof FactSchema>;

const ActionItemSchema = z.strictObject({
  ...FactSchema.shape,
  /** null unless the note names one person. */
  owner: z.string().nullable(),
  ownerStatus: z.enum(['explicit', 'ambiguous', 'unassigned']),
  ownerCandidates: z.array(z.string()).optional(),
  /** A day, or an instant with offset where a time was said. */
  due: DueSchema.nullable(),
  dueAlso: z.array(DueSchema.nullable()).optional(),
  dueText: z.string().nullable(),
  /** The open task this item is about. */
  existingTask: z.string().optional(),
  condition: z.string().optional(),
});
export type ExpectedItem = z.infer<typeof ActionItemSchema>;

const DependencySchema = z.strictObject({
  /** Id of an action item, or `followUpMeeting`. */
  item: z.string(),
  dependsOn: z.string(),
  reason: z.string(),
  optional: z.boolean().optional(),
});

const FollowUpSchema = z.strictObject({
  certainty: z.enum(['confirmed', 'tentative']),
  start: InstantSchema,
  end: InstantSchema.nullable(),
  startInUserZone: InstantSchema.optional(),
  timeZone: TimeZoneSchema,
  attendees: z.array(z.string()),
  medium: z.string().nullable(),
  agenda: z.array(z.string()),
});
export type ExpectedFollowUp = z.infer<typeof FollowUpSchema>;

const ExpectedSchema = z.strictObject({
  decisions: z.array(FactSchema),
  actionItems: z.array(ActionItemSchema),
  openQuestions: z.array(FactSchema),
  dependencies: z.array(DependencySchema),
  /** null: no calendar event may be made. */
  followUpMeeting: FollowUpSchema.nullable(),
  contradictions: z.array(z.strictObject({ agreement: z.string(), text: z.string(), keywords: KeywordsSchema })),
  completedTasks: z.array(z.string()),
  taskChanges: z.array(z.strictObject({ task: z.string(), expected: z.string() })).optional(),
  clarificationsNeeded: z.array(z.string()),
  mustNot: z.array(z.string()),
});
/** What a correct extraction of one note contains. */
export type ExpectedFacts = z.infer<typeof ExpectedSchema>;

const PriorContextSchema = z.strictObject({
  agreements: z.array(z.strictObject({ id: z.string(), date: z.iso.date(), text: z.string() })),
  openTasks: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      owner: z.string().nullable(),
      due: DueSchema.nullable(),
      status: z.literal('open'),
    }),
  ),
  calendar: z.array(z.strictObject({ title: z.string(), start: InstantSchema })).optional(),
});

const NoteSchema = z.strictObject({
  id: z.string(),
  title: z.string(),
  language: z.enum(['en', 'de']),
  features: z.array(z.string()),
  now: InstantSchema,
  timeZone: TimeZoneSchema,
  durationSeconds: z.int(),
  speaker: PersonSchema,
  contacts: z.array(PersonSchema),
  provenance: z.record(z.string(), z.unknown()).optional(),
  priorContext: PriorContextSchema,
  transcript: z.string().min(1),
  expected: ExpectedSchema,
});
/** A transcribed voice note with what was known before it and what a correct extraction contains. */
export type Note = z.infer<typeof NoteSchema>;

const PolicySchema = z.strictObject({
  dates: z.string(),
  due: z.string(),
  owners: z.string(),
  keywords: z.string(),
  contradictions: z.string(),
  followUpMeeting: z.string(),
  optional: z.string(),
});

const NoteFileSchema = z.strictObject({
  _meta: z.strictObject({ description: z.string(), schema: z.string(), policy: PolicySchema }),
  items: z.array(NoteSchema).min(1),
});

const inData = (name: string): string => fileURLToPath(new URL(`../data/${name}`, import.meta.url));

/** Ten notes that everybody who works on the product may read. */
export const SHARED_NOTES = inData('voice-notes.json');
/** Ten more in other words: no rule and no prompt is written with them in view. */
export const UNSEEN_NOTES = inData('unseen-notes.json');

/** Reads a file of notes; throws a `ZodError` that names every wrong field. */
export function loadNotes(file: string): Note[] {
  return NoteFileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).items;
}

export const sharedNotes = (): Note[] => loadNotes(SHARED_NOTES);
export const unseenNotes = (): Note[] => loadNotes(UNSEEN_NOTES);

/** Everybody a note may name: the one who speaks, then the contacts. */
export function peopleOf(note: Note): Person[] {
  return [note.speaker, ...note.contacts];
}
