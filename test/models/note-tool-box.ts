import type Anthropic from '@anthropic-ai/sdk';
import { type Meeting, MeetingSchema } from '../../contracts/meeting.js';
import { askUserManifest } from '../../skills/ask-user/manifest.js';
import { calendarCreateEventManifest } from '../../skills/calendar-create-event/manifest.js';
import { calendarListEventsManifest } from '../../skills/calendar-list-events/manifest.js';
import { contactsSearchManifest } from '../../skills/contacts-search/manifest.js';
import { emailSearchManifest } from '../../skills/email-search/manifest.js';
import { emailSendManifest } from '../../skills/email-send/manifest.js';
import { inputSchemaOf } from '../../skills/input-schema.js';
import { recordMeetingManifest } from '../../skills/record-meeting/manifest.js';
import { spaceSearchManifest } from '../../skills/space-search/manifest.js';
import { tasksCreateManifest } from '../../skills/tasks-create/manifest.js';
import { tasksListManifest } from '../../skills/tasks-list/manifest.js';
import { tasksUpdateManifest } from '../../skills/tasks-update/manifest.js';
import { transcribeAudioManifest } from '../../skills/transcribe-audio/manifest.js';
import { hasKeywords, isSameWhen } from '../eval/matching.js';
import type { ExpectedFacts, Note as SharedNote } from '../eval/notes.js';
import { type Answer, type Input, type Played, play, type Run } from './rehearsal-harness.js';

/** What these tests need of a note; one of the shared file has more. */
export interface Note extends Pick<SharedNote, 'id' | 'now' | 'timeZone' | 'transcript' | 'contacts'> {
  readonly speaker: Pick<SharedNote['speaker'], 'name'>;
  readonly priorContext: Pick<SharedNote['priorContext'], 'agreements' | 'openTasks'>;
  readonly expected: Omit<ExpectedFacts, 'taskChanges' | 'clarificationsNeeded' | 'mustNot'>;
}

/** The skills of a note, with the schemas the product offers. */
export const NOTE_TOOLS: readonly Anthropic.Tool[] = [
  recordMeetingManifest,
  tasksCreateManifest,
  tasksListManifest,
  tasksUpdateManifest,
  contactsSearchManifest,
  spaceSearchManifest,
  calendarListEventsManifest,
  calendarCreateEventManifest,
  emailSearchManifest,
  emailSendManifest,
  askUserManifest,
  transcribeAudioManifest,
].map((manifest) => ({
  name: manifest.name,
  description: manifest.description,
  input_schema: inputSchemaOf(manifest) as Anthropic.Tool.InputSchema,
}));

function atom(id: string, payload: unknown, metadata: Input): unknown {
  return {
    score: 1,
    atom: {
      id,
      space: 'spc_meetings',
      version: 1,
      payload,
      mediaType: 'application/json',
      metadata,
      references: [],
      origin: {},
      comment: '',
      updatedAt: '2026-11-01T00:00:00Z',
    },
  };
}

type Answers = (note: Note, input: Input) => unknown;

const BOARD = 'the task board in Retinue; Notion is not connected';
const CALENDAR = 'the local calendar file; Google Calendar is not connected';

const ANSWERS: Readonly<Record<string, Answers>> = {
  transcribe_audio: (note) => ({ text: note.transcript, language: 'en' }),
  contacts_search: ({ contacts }, input) => {
    const words = String(input['query']).toLowerCase().split(/\s+/);
    const fits = (name: string) =>
      words.some((word) =>
        name
          .toLowerCase()
          .split(/[\s.]+/)
          .includes(word),
      );
    return {
      route: 'the contacts in Retinue; Google Contacts is not connected',
      contacts: contacts.filter(({ name }) => fits(name)).map((contact, index) => ({ id: `c${index}`, ...contact })),
    };
  },
  tasks_list: ({ priorContext }) => ({
    board: BOARD,
    tasks: priorContext.openTasks.map((task) => ({ notes: null, version: 1, ...task })),
  }),
  space_search: ({ priorContext }, input) => {
    const isAgreement = (input['metadata'] as Input)['kind'] === 'agreement';
    return {
      items: isAgreement
        ? priorContext.agreements.map(({ id, date, text }) => atom(id, { text, date }, { kind: 'agreement' }))
        : [],
    };
  },
  calendar_list_events: ({ timeZone }) => ({ route: CALENDAR, timeZone, events: [] }),
  email_search: () => ({ route: 'the local inbox', mails: [] }),
  record_meeting: (_note, input) => {
    const meeting = MeetingSchema.parse(input);
    return {
      meeting: 'atm_1',
      transcripts: [],
      held: meeting.contradictions.map(({ task, agreement, text }) => ({ task: task ?? null, agreement, text })),
    };
  },
  tasks_create: (_note, input) => ({
    id: 'tsk_new',
    owner: null,
    due: null,
    notes: null,
    status: 'open',
    version: 1,
    board: BOARD,
    ...input,
  }),
  tasks_update: ({ priorContext }, input) => ({
    ...priorContext.openTasks.find(({ id }) => id === input['task']),
    ...input,
    board: BOARD,
  }),
  calendar_create_event: (_note, input) =>
    (input['attendees'] as unknown[]).length > 0
      ? { status: 'waiting_approval', approval: 'apr_event' }
      : { id: 'evt_1', route: CALENDAR, ...input },
  email_send: () => ({ status: 'waiting_approval', approval: 'apr_mail' }),
  ask_user: () => ({ answer: 'I will ask them.' }),
};

/** Answers calls as the product would with what is known around this note. */
export function toolBox(note: Note, more: Readonly<Record<string, Answers>> = {}): Run {
  return (name, input): Answer => {
    const answer = more[name] ?? ANSWERS[name];
    return answer === undefined
      ? { value: { detail: `no ${name} here` }, isError: true }
      : { value: answer(note, input) };
  };
}

export function systemOf(note: Note, more = ''): string {
  const space = 'Spaces you can use:\n- Meetings (id spc_meetings): What was said and agreed.';
  return `You are an assistant.\n\nUser: ${note.speaker.name}\nTime zone: ${note.timeZone}\nNow: ${note.now}\n\n${space}${more}`;
}

/** A note that was played to its end. */
export interface PlayedNote {
  readonly note: Note;
  readonly played: Played;
  readonly meeting: Meeting;
  readonly of: (name: string) => Input[];
}

export async function playNote(
  note: Note,
  said = note.transcript,
  options: { system?: string; more?: Readonly<Record<string, Answers>> } = {},
): Promise<PlayedNote> {
  const played = await play(said, {
    run: toolBox(note, options.more),
    tools: NOTE_TOOLS,
    system: systemOf(note, options.system),
  });
  const of = (name: string) => played.calls.filter((call) => call.name === name).map((call) => call.input);
  return { note, played, meeting: MeetingSchema.parse(of('record_meeting')[0]), of };
}

export interface Score {
  readonly note: string;
  readonly decisions: string;
  readonly items: string;
  readonly owners: string;
  readonly dues: string;
  readonly questions: string;
  readonly dependencies: string;
  readonly followUp: string;
  readonly explicit: number;
  readonly owned: number;
  readonly hasNext: boolean;
  readonly nextFound: boolean;
  readonly invented: readonly string[];
}

/** Compares what was filed with what the data expects. */
export function score({ note, meeting, of }: PlayedNote): Score {
  const { expected } = note;
  const matched = expected.actionItems.map((item) => ({
    item,
    mine:
      meeting.actionItems.find(({ text, owner }) => hasKeywords(text, item.keywords) && owner === item.owner) ??
      meeting.actionItems.find(({ text }) => hasKeywords(text, item.keywords)),
  }));
  const explicit = matched.filter(({ item }) => item.ownerStatus === 'explicit');
  const isOwner = ({ item, mine }: (typeof matched)[number]) => mine !== undefined && mine.owner === item.owner;
  const isDue = ({ item, mine }: (typeof matched)[number]) =>
    mine !== undefined && [item.due, ...(item.dueAlso ?? [])].some((due) => isSameWhen(due, mine.due));
  const count = (found: number, all: number) => `${found}/${all}`;
  const start = meeting.followUpMeeting?.start ?? null;
  const wanted = expected.followUpMeeting;
  const idOf = new Map(matched.flatMap(({ item, mine }) => (mine ? [[mine.id, item.id] as const] : [])));
  const pairs = meeting.dependencies.map(
    ({ item, dependsOn }) => `${idOf.get(item) ?? item} ${idOf.get(dependsOn) ?? dependsOn}`,
  );
  return {
    note: note.id,
    decisions: count(
      expected.decisions.filter((decision) =>
        meeting.decisions.some(({ text }) => hasKeywords(text, decision.keywords)),
      ).length,
      expected.decisions.length,
    ),
    items: count(matched.filter(({ mine }) => mine !== undefined).length, matched.length),
    owners: count(explicit.filter(isOwner).length, explicit.length),
    dues: count(matched.filter(isDue).length, matched.length),
    questions: count(
      expected.openQuestions.filter((question) =>
        meeting.openQuestions.some((open) =>
          hasKeywords(typeof open === 'string' ? open : open.text, question.keywords),
        ),
      ).length,
      expected.openQuestions.length,
    ),
    dependencies: count(
      expected.dependencies.filter(({ item, dependsOn }) => pairs.includes(`${item} ${dependsOn}`)).length,
      expected.dependencies.length,
    ),
    followUp:
      wanted === null ? (start === null ? 'none' : 'PHANTOM') : isSameWhen(start, wanted.start) ? 'found' : 'missed',
    explicit: explicit.length,
    owned: explicit.filter(isOwner).length,
    hasNext: wanted !== null,
    nextFound: wanted !== null && isSameWhen(start, wanted.start),
    invented: [
      ...meeting.actionItems
        .filter((mine) => !expected.actionItems.some((item) => hasKeywords(mine.text, item.keywords)))
        .map(({ text }) => `item: ${text}`),
      ...matched
        .filter(({ item, mine }) => mine?.owner != null && mine.owner !== item.owner)
        .map(({ mine }) => `owner: ${mine?.owner} of ${mine?.text}`),
      ...matched
        .filter((pair) => pair.mine?.due != null && !isDue(pair))
        .map(({ mine }) => `due: ${mine?.due} of ${mine?.text}`),
      ...(start !== null && !(wanted !== null && isSameWhen(start, wanted.start)) ? [`start: ${start}`] : []),
      ...(meeting.followUpMeeting?.attendees ?? [])
        .filter((name) => !wanted?.attendees.includes(name))
        .map((name) => `attendee: ${name}`),
      ...(of('calendar_create_event').length > (wanted === null ? 0 : 1) ? ['event'] : []),
    ],
  };
}
