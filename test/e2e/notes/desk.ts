import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Approval } from '../../../contracts/approval.js';
import type { Request } from '../../../contracts/request.js';
import type { Atom, JsonValue, Space, SpaceRole } from '../../../contracts/space.js';
import { startHttp } from '../../../workers/http.js';
import type { ExpectedFacts, Note } from '../../eval/notes.js';
import { type Answer, type ApiClient, createApiClient } from '../../helpers/api-client.js';
import { opusOf } from '../../helpers/recordings.js';
import { createWorld } from '../../helpers/world.js';
import { startAnthropicStandIn } from '../../stand-ins/anthropic.js';
import { startTranscriptionStandIn } from '../../stand-ins/transcription.js';
import { noteMind } from './mind.js';

/** One person with the context of one note, seeded through the public API. */
export interface Seeded {
  readonly api: ApiClient;
  /** The atom that stands for an id of the file. */
  idOf(id: string): string;
  /** The atom as it was seeded. */
  before(id: string): Atom;
  atoms(role: SpaceRole): Promise<Atom[]>;
  pending(request: string): Promise<Approval[]>;
  approve(approval: Approval): Promise<void>;
  calendar(): string;
  outbox(): string[];
  /** A mail that comes in. */
  receive(mail: { from: string; subject: string; text: string }): void;
}

/** What one play of a note came to. */
export interface Played {
  readonly mail: string;
  readonly agenda: string;
  readonly board: { readonly title: string; readonly owner?: string }[];
}

export interface NotesDesk {
  seed(note: Note): Promise<Seeded>;
  /** Sends the note as a recording; returns the request's id. */
  send(seeded: Seeded, note: Note): Promise<string>;
  /** The whole path, with other facts than those of the file where they are given. */
  play(note: Note, facts?: ExpectedFacts): Promise<Played>;
  /** What the model was given when it recorded the meeting. */
  inputOf(note: Note): string;
  close(): Promise<void>;
}

const OWNER_TOKEN = 'test-token-of-the-owner';

/** An installation whose model understands these notes, and whose transcription service knows their recordings. */
export async function openNotesDesk(notes: readonly Note[]): Promise<NotesDesk> {
  const transcription = await startTranscriptionStandIn();
  for (const note of notes)
    transcription.hear(`${note.id}.ogg`, note.transcript, { language: note.language, seconds: note.durationSeconds });
  const other = new Map<string, ExpectedFacts>();
  const inputs = new Map<string, string>();
  const understand = noteMind(notes, (note) => note.expected);
  const model = await startAnthropicStandIn({
    factsFrom: 'anywhere',
    script: (input) => {
      const event = /^PUT (\{.*\})$/m.exec(input.userText)?.[1];
      if (event !== undefined)
        return input.turn > 0
          ? { text: 'It is in the calendar.' }
          : { calls: [{ name: 'calendar_create_event', input: JSON.parse(event) as JsonValue }] };
      const special = [...other].find(([key]) => input.text.includes(key))?.[1];
      const turn = special === undefined ? understand(input) : noteMind(notes, () => special)(input);
      const named = notes.find((note) => input.text.includes(`"${note.id}.ogg"`));
      if (named !== undefined && turn.calls?.[0]?.name === 'record_meeting') inputs.set(named.id, input.text);
      return turn;
    },
  });
  const world = await createWorld({ modelUrl: model.url, transcriptionUrl: transcription.url });
  const http = await startHttp(world.serving);
  const seed = async (note: Note): Promise<Seeded> => actingAs(http.url, world.home, await seedNote(http.url, note));
  return {
    seed,
    send: (seeded, note) => sendRecording(seeded.api, note),
    async play(note, facts) {
      const seeded = await seed(note);
      const key = facts === undefined ? '' : `variant ${other.size + 1}`;
      if (facts !== undefined) other.set(key, facts);
      const id = await sendRecording(seeded.api, note, key);
      await seeded.api.until(id, ({ status }) => status.startsWith('waiting_'));
      return played(seeded, id);
    },
    inputOf: (note) => inputs.get(note.id) ?? '',
    async close() {
      await http.close();
      await world.close();
      await model.close();
      await transcription.close();
      model.assertClean();
      transcription.assertClean();
    },
  };
}

/** A person made for one note: how to act as them, and the atoms that stand for the ids of the file. */
export interface Person {
  readonly id: string;
  readonly token: string;
  readonly known: ReadonlyMap<string, Atom>;
}

/** Makes a person and seeds the note's prior context, through the public API alone. */
export async function seedNote(url: string, note: Note): Promise<Person> {
  const owner = createApiClient(url, OWNER_TOKEN);
  const { speaker, timeZone, priorContext } = note;
  const made = good(
    await owner.post<{ id: string; token: string }>('/v1/users', { name: speaker.name, timeZone }),
    201,
  );
  const api = createApiClient(url, made.token);
  const known = new Map<string, Atom>();
  const put = async (role: SpaceRole, id: string, payload: JsonValue, metadata: Record<string, string> = {}) => {
    const space = await spaceOf(api, role);
    const body = { payload, metadata, comment: 'set up' };
    known.set(id, good(await api.post<Atom>(`/v1/spaces/${space}/atoms`, body), 201));
  };
  for (const contact of note.contacts) await put('contacts', contact.email, contact as Record<string, string>);
  for (const { id, text, date } of priorContext.agreements)
    await put('meetings', id, { text, date }, { kind: 'agreement' });
  for (const { id, title, owner: who, due, status } of priorContext.openTasks)
    await put(
      'tasks',
      id,
      { title, ...(who === null ? {} : { owner: who }), ...(due === null ? {} : { due }) },
      { status },
    );
  for (const { title, start } of priorContext.calendar ?? []) {
    const end = new Date(Date.parse(start) + 3_600_000).toISOString();
    await api.ended(await api.send(`PUT ${JSON.stringify({ title, start, end, timeZone, attendees: [] })}`));
  }
  return { id: made.id, token: made.token, known };
}

/** What a person and whoever looks into their home can see. */
export function actingAs(url: string, home: string, { id: user, token, known }: Person): Seeded {
  const api = createApiClient(url, token);
  const local = path.join(home, 'local', user);
  const textIn = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const find = (id: string): Atom => {
    const atom = known.get(id);
    if (atom === undefined) throw new Error(`${id} was not seeded`);
    return atom;
  };
  return {
    api,
    idOf: (id) => find(id).id,
    before: find,
    atoms: async (role) =>
      good(await api.get<{ items: Atom[] }>(`/v1/spaces/${await spaceOf(api, role)}/atoms?limit=200`), 200).items,
    pending: async (request) =>
      good(await api.get<{ items: Approval[] }>(`/v1/approvals?status=pending&request=${request}`), 200).items,
    async approve({ id, payloadHash }) {
      good(await api.post(`/v1/approvals/${id}`, { decision: 'approve', payloadHash }), 200);
    },
    receive({ from, subject, text }) {
      const inbox = path.join(local, 'mail', 'inbox');
      mkdirSync(inbox, { recursive: true });
      const head = [`From: ${from}`, `Subject: ${subject}`, 'Date: Mon, 23 Nov 2026 09:00:00 +0100', ''];
      writeFileSync(path.join(inbox, 'one.eml'), [...head, text, ''].join('\r\n'));
    },
    calendar: () => textIn(path.join(local, 'calendar.ics')),
    outbox() {
      const folder = path.join(local, 'mail', 'outbox');
      if (!existsSync(folder)) return [];
      const mails = readdirSync(folder).filter((name) => !name.startsWith('.'));
      return mails.map((name) => textIn(path.join(folder, name)));
    },
  };
}

async function spaceOf(api: ApiClient, role: SpaceRole): Promise<string> {
  const [space] = good(await api.get<{ items: Space[] }>(`/v1/spaces?role=${role}`), 200).items;
  if (space === undefined) throw new Error(`no space for ${role}`);
  return space.id;
}

/** Sends the note as a recording; `key` makes sending it again harmless. */
export async function sendRecording(api: ApiClient, note: Note, text = '', key?: string): Promise<string> {
  const data = opusOf(note.durationSeconds).toString('base64');
  const body = {
    ...(text === '' ? {} : { text }),
    occurredAt: note.now,
    timeZone: note.timeZone,
    attachments: [{ mediaType: 'audio/ogg', name: `${note.id}.ogg`, data }],
  };
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  const answer = await api.post<Request>('/v1/requests', body, headers);
  // One that has ended meanwhile is not accepted any more, but shown.
  return good(answer, answer.status === 200 ? 200 : 202).id;
}

async function played(seeded: Seeded, request: string): Promise<Played> {
  const approvals = await seeded.pending(request);
  const textOf = (skill: string, field: string): string => {
    const found = approvals.find((approval) => approval.skill === skill)?.payload as Record<string, string> | undefined;
    return found?.[field] ?? '';
  };
  return {
    mail: textOf('email_send', 'body'),
    agenda: textOf('calendar_create_event', 'description'),
    board: (await seeded.atoms('tasks')).map((atom) => atom.payload as { title: string; owner?: string }),
  };
}

function good<T>({ status, body }: Answer<T>, expected: number): T {
  if (status !== expected) throw new Error(`expected ${expected}, got ${status}: ${JSON.stringify(body)}`);
  return body;
}
