import type { JsonValue } from '../../contracts/space.js';
import type { Note } from './notes.js';
import type { PersonApi } from './person-api.js';

export interface Seeded {
  /** Atom id by the id in the notes' file: tasks and agreements. */
  readonly atomOf: ReadonlyMap<string, string>;
  /** What could not be seeded, in plain sentences. */
  readonly remarks: readonly string[];
}

const EVENT_MS = 3_600_000;
const SEED_LIMIT_MS = 60_000;

/**
 * Makes what was known before the note, through the public API: the person's name, zone and address, contacts,
 * agreements, open tasks and calendar entries. Calendar entries have no call of their own, so they are asked for; `model`
 * is the one that is asked.
 */
export async function seedNote(api: PersonApi, note: Note, model?: string): Promise<Seeded> {
  const { speaker, contacts, timeZone, priorContext } = note;
  await api.patchMe({ name: speaker.name, timeZone, channels: [{ kind: 'email', id: speaker.email }] });
  const comment = 'Known before the note';
  const contactSpace = await api.spaceOf('contacts');
  for (const contact of contacts) await api.put(contactSpace, { payload: withoutUndefined(contact), comment });
  const atomOf = new Map<string, string>();
  const meetings = await api.spaceOf('meetings');
  for (const { id, text, date } of priorContext.agreements) {
    const atom = await api.put(meetings, { payload: { text, date }, metadata: { kind: 'agreement' }, comment });
    atomOf.set(id, atom.id);
  }
  const board = await api.spaceOf('tasks');
  for (const { id, title, owner, due, status } of priorContext.openTasks) {
    const payload = { title, ...(owner === null ? {} : { owner }), ...(due === null ? {} : { due }) };
    atomOf.set(id, (await api.put(board, { payload, metadata: { status }, comment })).id);
  }
  return { atomOf, remarks: await seedCalendar(api, note, model) };
}

async function seedCalendar(api: PersonApi, note: Note, model?: string): Promise<string[]> {
  const remarks: string[] = [];
  for (const { title, start } of note.priorContext.calendar ?? []) {
    const end = new Date(Date.parse(start) + EVENT_MS).toISOString();
    const input = JSON.stringify({ title, start, end, timeZone: note.timeZone, attendees: [] });
    const request = await api.ask(
      { text: `use calendar_create_event ${input}`, occurredAt: note.now, ...(model === undefined ? {} : { model }) },
      SEED_LIMIT_MS,
    );
    const isMade = request.result?.outputs.some(({ kind }) => kind === 'event') === true;
    if (!isMade) remarks.push(`${note.id}: the calendar entry “${title}” could not be made (${request.status}).`);
  }
  return remarks;
}

function withoutUndefined(value: object): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}
