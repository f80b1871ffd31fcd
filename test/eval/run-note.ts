import { z } from 'zod';
import type { Approval } from '../../contracts/approval.js';
import { MeetingSchema, type Meeting } from '../../contracts/meeting.js';
import type { Request, TraceNode } from '../../contracts/request.js';
import type { Atom } from '../../contracts/space.js';
import type { PrivateInstallation } from './installation.js';
import { readCalendar, readMails } from './local-services.js';
import type { Note } from './notes.js';
import type { BoardTask, CalendarEntry, Mail, Outcome } from './outcome.js';
import { addPerson, type PersonApi } from './person-api.js';
import { seedNote } from './seed.js';

export interface RunOptions {
  /** Default is the installation's. */
  readonly model?: string | undefined;
  /** How long one note may take, in ms. */
  readonly limitMs: number;
}

/** One note as it was handled. */
export interface NoteRun {
  readonly outcome: Outcome;
  readonly status: Request['status'];
  readonly error: string | undefined;
  /** Names of the models that answered. */
  readonly models: readonly string[];
  /** The skills that were called, in order, each with what became of the call, such as `tasks_create done`. */
  readonly calls: readonly string[];
  /** What the note itself has cost, in USD; without the seeding. */
  readonly usd: number;
  readonly seconds: number;
  readonly remarks: readonly string[];
}

/** Sends a note as a new person who knows what was known before it, and collects what came of it. Decides nothing. */
export async function runNote(
  installation: PrivateInstallation,
  note: Note,
  { model, limitMs }: RunOptions,
): Promise<NoteRun> {
  const api = await addPerson(installation, note.speaker.name);
  const { atomOf, remarks } = await seedNote(api, note, model);
  const fileIdOf = new Map([...atomOf].map(([fileId, atom]) => [atom, fileId]));
  const tasksBefore = await readBoard(api, fileIdOf);
  const eventsBefore = await readCalendar(installation.localFolder, api.user);
  const begun = performance.now();
  const request = await api.ask(
    {
      text: note.transcript,
      occurredAt: note.now,
      timeZone: note.timeZone,
      ...(model === undefined ? {} : { model }),
    },
    limitMs,
  );
  const seconds = (performance.now() - begun) / 1_000;
  const approvals = await api.approvals(request.id);
  return {
    outcome: {
      meeting: await readMeeting(api, fileIdOf),
      mails: [...proposedMails(approvals), ...(await readMails(installation.localFolder, api.user))],
      invitations: invitationsIn(approvals),
      otherProposals: approvals.filter(({ skill }) => !KNOWN_PROPOSALS.has(skill)).map(({ title }) => title),
      eventsBefore,
      eventsAfter: await readCalendar(installation.localFolder, api.user),
      tasksBefore,
      tasksAfter: await readBoard(api, fileIdOf),
      questions: request.waitingFor.filter(({ kind }) => kind === 'user').map(({ text }) => text),
      answer: [...request.messages.map(({ text }) => text), request.result?.text ?? ''].join('\n').trim(),
    },
    status: request.status,
    error: request.error?.message,
    models: [...new Set(request.cost.charges.filter(({ kind }) => kind === 'model').map(({ name }) => name))],
    calls: callsIn(await api.trace(request.id)),
    usd: Number(request.cost.totalUsd),
    seconds,
    remarks,
  };
}

function callsIn({ kind, name, status, children }: TraceNode): string[] {
  return [...(kind === 'call' ? [`${name} ${status}`] : []), ...children.flatMap(callsIn)];
}

const TaskPayloadSchema = z.looseObject({
  title: z.string(),
  owner: z.string().nullish(),
  due: z.string().nullish(),
});

type FileIds = ReadonlyMap<string, string>;

async function readBoard(api: PersonApi, fileIdOf: FileIds): Promise<BoardTask[]> {
  const atoms = await api.atoms(await api.spaceOf('tasks'));
  return atoms.map(({ id, payload, metadata }) => {
    const { title, owner, due } = TaskPayloadSchema.parse(payload);
    return {
      id: fileIdOf.get(id) ?? id,
      title,
      owner: owner ?? null,
      due: due ?? null,
      status: String(metadata['status'] ?? 'open'),
    };
  });
}

/** The newest record in the person's meetings, with the file's ids for tasks and agreements. */
async function readMeeting(api: PersonApi, fileIdOf: FileIds): Promise<Meeting | undefined> {
  const atoms = await api.atoms(await api.spaceOf('meetings'));
  const newest = atoms
    .filter(({ metadata }) => metadata['kind'] === 'meeting')
    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))[0];
  return newest === undefined ? undefined : withFileIds(newest, fileIdOf);
}

function withFileIds({ payload }: Atom, fileIdOf: FileIds): Meeting {
  const meeting = MeetingSchema.parse(payload);
  const named = (id: string): string => fileIdOf.get(id) ?? id;
  return {
    ...meeting,
    actionItems: meeting.actionItems.map(({ existingTask, ...item }) => ({
      ...item,
      ...(existingTask === undefined ? {} : { existingTask: named(existingTask) }),
    })),
    contradictions: meeting.contradictions.map(({ agreement, task, ...rest }) => ({
      ...rest,
      agreement: named(agreement),
      ...(task === undefined ? {} : { task: named(task) }),
    })),
    completedTasks: meeting.completedTasks.map(named),
  };
}

const MailPayloadSchema = z.looseObject({
  to: z.array(z.string()),
  cc: z.array(z.string()).default([]),
  bcc: z.array(z.string()).default([]),
  subject: z.string(),
  body: z.string(),
});

const InvitationPayloadSchema = z.looseObject({
  title: z.string(),
  start: z.string(),
  end: z.string().optional(),
  attendees: z.array(z.string()).default([]),
  description: z.string().optional(),
});

const KNOWN_PROPOSALS = new Set(['email_send', 'calendar_create_event']);

function proposedMails(approvals: readonly Approval[]): Mail[] {
  return approvals
    .filter(({ skill }) => skill === 'email_send')
    .map(({ payload }) => {
      const { to, cc, bcc, subject, body } = MailPayloadSchema.parse(payload);
      return { to: [...to, ...cc, ...bcc].map((address) => address.toLowerCase()), subject, body };
    });
}

function invitationsIn(approvals: readonly Approval[]): CalendarEntry[] {
  return approvals
    .filter(({ skill }) => skill === 'calendar_create_event')
    .map(({ payload }) => {
      const { title, start, end, attendees, description } = InvitationPayloadSchema.parse(payload);
      return { title, start, end, attendees, description };
    });
}
