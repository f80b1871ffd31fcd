import type { Meeting } from '../../../contracts/meeting.js';
import { blocksOf, resultText } from '../../stand-ins/anthropic-body.js';
import type { ScriptCall, ScriptInput, ScriptTurn } from '../../stand-ins/anthropic-script.js';
import type { ExpectedFacts, Note } from '../../eval/notes.js';

/** One call the model has made, with the answer it was given. */
interface Made {
  readonly name: string;
  readonly input: Record<string, unknown>;
  readonly result: Record<string, unknown> | undefined;
}

/**
 * A model that understands each note exactly as its expected facts say, and does every later step only from what it was
 * given back: mail, event and board come from the record as it stands in its input, addresses from what was found.
 */
export function noteMind(notes: readonly Note[], factsOf: (note: Note) => ExpectedFacts = (note) => note.expected) {
  return (input: ScriptInput): ScriptTurn => {
    const note = notes.find((candidate) => isAbout(input, candidate));
    if (note === undefined) throw new Error('no note is known that this could be');
    const made = callsIn(input);
    const has = (name: string): boolean => made.some((call) => call.name === name);
    const file = /\[attached file ([\w-]+): [^\]]*audio\//.exec(input.text)?.[1];
    if (file !== undefined && !has('transcribe_audio'))
      return { calls: [{ name: 'transcribe_audio', input: { file } }] };
    if (!has('tasks_list')) return { calls: lookUp(note) };
    if (!has('record_meeting'))
      return { calls: [{ name: 'record_meeting', input: record(note, factsOf(note), made) }] };
    // Where it asks, the user has this much of an answer while the questions are open.
    if (!has('email_send')) return { text: report(note, made), calls: act(note, factsOf(note), made) };
    const answer = made.find((call) => call.name === 'ask_user')?.result?.['answer'];
    const followUps = typeof answer === 'string' && !isAnswered(made) ? afterAnswer(answer, made) : [];
    return followUps.length > 0 ? { calls: followUps } : { text: report(note, made) };
  };
}

function isAbout({ text }: ScriptInput, note: Note): boolean {
  return text.includes(`"${note.id}.ogg"`) || text.includes(note.transcript);
}

function callsIn({ body }: ScriptInput): Made[] {
  const blocks = body.messages.flatMap((message) => blocksOf(message.content));
  const results = new Map(
    blocks.flatMap((block) => (block.type === 'tool_result' ? [[block.tool_use_id, resultText(block)] as const] : [])),
  );
  return blocks.flatMap((block) =>
    block.type === 'tool_use'
      ? [
          {
            name: block.name ?? '',
            input: block.input as Record<string, unknown>,
            result: parsed(results.get(block.id)),
          },
        ]
      : [],
  );
}

function parsed(text: string | undefined): Record<string, unknown> | undefined {
  return text?.startsWith('{') === true ? (JSON.parse(text) as Record<string, unknown>) : undefined;
}

/** Step 3: everything the note connects to, in one turn. */
function lookUp(note: Note): ScriptCall[] {
  const day = note.now.slice(0, 10);
  const surnames = note.contacts.map((contact) => contact.name.split(' ').at(-1) ?? '');
  return [
    ...note.contacts.map((contact) => ({ name: 'contacts_search', input: { query: contact.name } })),
    { name: 'tasks_list', input: { status: 'open' } },
    { name: 'space_search', input: { metadata: { kind: 'agreement' } } },
    { name: 'space_search', input: { metadata: { kind: 'meeting' }, query: surnames.join(' ') } },
    { name: 'calendar_list_events', input: { from: day, to: later(day, 30) } },
    { name: 'email_search', input: { words: surnames[0] } },
  ];
}

function later(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

function listIn(made: readonly Made[], name: string, field: string): Record<string, unknown>[] {
  return made
    .filter((call) => call.name === name)
    .flatMap((call) => (call.result?.[field] ?? []) as Record<string, unknown>[]);
}

/** Ids as the store gave them, for the ids of the file. */
function idsOf(note: Note, made: readonly Made[]): (id: string) => string {
  const tasks = listIn(made, 'tasks_list', 'tasks');
  const agreements = listIn(made, 'space_search', 'items').map((item) => item['atom'] as Record<string, unknown>);
  const known = new Map<string, string>();
  for (const task of note.priorContext.openTasks) {
    // The note may have been heard before: then the task has the name of its item.
    const renamed = note.expected.actionItems.find((item) => item.existingTask === task.id)?.text;
    const found = tasks.find(({ title }) => title === task.title || title === renamed);
    if (found !== undefined) known.set(task.id, String(found['id']));
  }
  for (const agreement of note.priorContext.agreements) {
    const found = agreements.find((atom) => (atom['payload'] as { text?: string }).text === agreement.text);
    if (found !== undefined) known.set(agreement.id, String(found['id']));
  }
  return (id) => {
    const atom = known.get(id);
    if (atom === undefined) throw new Error(`${id} was not found by the searches`);
    return atom;
  };
}

/** Step 2: the facts, with the ids that the searches found. */
function record(note: Note, facts: ExpectedFacts, made: readonly Made[]): Meeting {
  const idOf = idsOf(note, made);
  const { followUpMeeting: next } = facts;
  return {
    title: note.title,
    attendees: [note.speaker.name, ...note.contacts.map((contact) => contact.name)],
    decisions: facts.decisions.map(({ id, text }) => ({ id, text })),
    actionItems: facts.actionItems.map((item) => ({
      id: item.id,
      text: item.text,
      owner: item.owner,
      ownerStatus: item.ownerStatus,
      ...(item.ownerCandidates === undefined ? {} : { ownerCandidates: [...item.ownerCandidates] }),
      due: item.due,
      ...(item.existingTask === undefined ? {} : { existingTask: idOf(item.existingTask) }),
    })),
    openQuestions: facts.openQuestions.map(({ id, text }) => ({ id, text })),
    dependencies: facts.dependencies.map(({ item, dependsOn, reason }) => ({ item, dependsOn, reason })),
    followUpMeeting:
      next === null
        ? null
        : {
            start: next.start,
            ...(next.end === null ? {} : { end: next.end }),
            timeZone: next.timeZone,
            attendees: [...next.attendees],
            agenda: [...next.agenda],
            certainty: next.certainty,
          },
    contradictions: facts.contradictions.map(({ agreement, text }) => ({
      agreement: idOf(agreement),
      text,
    })),
    completedTasks: facts.completedTasks.map(idOf),
  };
}

/** Steps 4 to 6, from the record as the store has taken it. */
function act(note: Note, facts: ExpectedFacts, made: readonly Made[]): ScriptCall[] {
  const meeting = made.find((call) => call.name === 'record_meeting')?.input as unknown as Meeting;
  const addresses = addressesIn(made);
  const attending = (meeting.followUpMeeting?.attendees ?? []).flatMap((name) => addresses.get(name) ?? []);
  const next = meeting.followUpMeeting;
  return [
    ...meeting.actionItems.map((item): ScriptCall => {
      const fields = {
        title: item.text,
        ...(item.owner === null ? {} : { owner: item.owner }),
        ...(item.due === null ? {} : { due: item.due }),
      };
      if (item.existingTask === undefined) return { name: 'tasks_create', input: fields };
      return { name: 'tasks_update', input: { task: item.existingTask, ...fields } };
    }),
    // What a careless model would do as well: the board must stay as it is.
    ...heldIn(made).map((task) => ({ name: 'tasks_update', input: { task, due: '2026-12-14', status: 'open' } })),
    ...meeting.completedTasks.map((task) => ({ name: 'tasks_update', input: { task, status: 'done' } })),
    ...(next === null
      ? []
      : [
          {
            name: 'calendar_create_event',
            input: {
              title: meeting.title,
              start: next.start,
              end: next.end ?? next.start,
              timeZone: next.timeZone,
              attendees: attending,
              description: next.agenda.map((topic) => `- ${topic}`).join('\n'),
            },
          },
        ]),
    { name: 'email_send', input: mail(note, meeting, made, [...addresses.values()]) },
    ...(facts.clarificationsNeeded.length === 0
      ? []
      : [{ name: 'ask_user', input: { question: facts.clarificationsNeeded.join('; ') } }]),
  ];
}

/** Tasks that the record was answered with as held. */
function heldIn(made: readonly Made[]): unknown[] {
  return listIn(made, 'record_meeting', 'held').map((hold) => hold['task']);
}

function addressesIn(made: readonly Made[]): Map<string, string> {
  return new Map(
    listIn(made, 'contacts_search', 'contacts').map((contact) => [String(contact['name']), String(contact['email'])]),
  );
}

function mail(note: Note, meeting: Meeting, made: readonly Made[], to: readonly string[]): Record<string, unknown> {
  const agreed = listIn(made, 'space_search', 'items')
    .map((item) => (item['atom'] as { payload: { text?: string; date?: string } }).payload)
    .flatMap(({ text, date }) => (text === undefined || date === undefined ? [] : [`- ${date}: ${text}`]));
  const contested = meeting.contradictions.length > 0 ? meeting.decisions.slice(0, 1) : [];
  const greeting = note.language === 'de' ? 'Guten Tag,' : 'Hello,';
  return {
    to,
    subject: note.language === 'de' ? 'Wie besprochen' : 'As discussed',
    body: [
      greeting,
      ...meeting.decisions.filter((decision) => !contested.includes(decision)).map(({ text }) => `- ${text}`),
      ...meeting.actionItems.map(({ text, owner, due }) => `- ${text} (${owner ?? '?'}, ${due ?? '-'})`),
      ...agreed,
    ].join('\n'),
  };
}

function isAnswered(made: readonly Made[]): boolean {
  const asked = made.findIndex((call) => call.name === 'ask_user');
  return made.slice(asked + 1).some((call) => call.name === 'tasks_update');
}

/** The answer names a value for each task it is about, as `TITLE WORD: VALUE` lines. */
function afterAnswer(answer: string, made: readonly Made[]): ScriptCall[] {
  const created = made.filter((call) => call.name === 'tasks_create');
  const held = made.flatMap((call) => (call.result?.['status'] === 'held' ? [call.result] : []));
  return answer.split('\n').flatMap((line): ScriptCall[] => {
    const [word = '', value = ''] = line.split(': ');
    const held_ = held.find((task) => String(task['title']).includes(word));
    if (held_ !== undefined) return [{ name: 'tasks_update', input: { task: held_['id'], due: value } }];
    const task = created.find((call) => String(call.input['title']).includes(word));
    return task === undefined ? [] : [{ name: 'tasks_update', input: { task: task.result?.['id'], owner: value } }];
  });
}

/** The one answer: what was done, by which board and calendar, and what it rests on. */
function report(note: Note, made: readonly Made[]): string {
  const meeting = made.find((call) => call.name === 'record_meeting')?.input as unknown as Meeting;
  const routes = new Set(made.flatMap((call) => [call.result?.['board'], call.result?.['route']]).filter(isText));
  const agreed = listIn(made, 'space_search', 'items').map(
    (item) => (item['atom'] as { payload: { text?: string; date?: string } }).payload,
  );
  return [
    note.title,
    ...meeting.decisions.map(({ text }) => `- ${text}`),
    meeting.followUpMeeting === null ? 'No next meeting was agreed, so there is no event.' : 'The invitation waits.',
    ...meeting.contradictions.map(({ text }) => `Contradiction: ${text}`),
    ...agreed.flatMap(({ text, date }) =>
      text === undefined || date === undefined ? [] : [`Rests on ${date}: ${text}`],
    ),
    ...[...routes].map((route) => `By ${route}`),
  ].join('\n');
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
