import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Approval } from '../../../contracts/approval.js';
import type { Meeting } from '../../../contracts/meeting.js';
import type { Request, TraceNode } from '../../../contracts/request.js';
import type { Atom } from '../../../contracts/space.js';
import type { ApiClient } from '../../helpers/api-client.js';
import { type ExpectedFacts, sharedNotes } from '../../eval/notes.js';
import { openNotesDesk, type NotesDesk, type Seeded } from './desk.js';

const NOTES = sharedNotes();
/** What the user answers to the questions of a note, a line for each task. */
const ANSWERS: Readonly<Record<string, string>> = {
  'vn-03': 'Go-live: 2027-01-15',
  'vn-06': 'landlord: Viktor Hess\nrates: Priya Nair\nquote: Tom Feldmann',
};

/** The task that the agreement in vn-03 is about. */
const CONTRADICTED = 't-301';

let desk: NotesDesk;
beforeAll(async () => {
  desk = await openNotesDesk(NOTES);
}, 60_000);
afterAll(async () => {
  await desk.close();
});

describe.each(NOTES.map((note) => [note.id, note] as const))('the recording %s', (_id, note) => {
  const facts: ExpectedFacts = note.expected;
  let seeded: Seeded;
  let api: ApiClient;
  let request: Request;
  let approvals: Approval[];
  let board: Atom[];
  let calendarBefore: string;

  beforeAll(async () => {
    seeded = await desk.seed(note);
    api = seeded.api;
    calendarBefore = seeded.calendar();
    const id = await desk.send(seeded, note);
    request = await api.until(id, ({ status }) => status.startsWith('waiting_'), 30_000);
    approvals = await seeded.pending(id);
    board = await seeded.atoms('tasks');
  }, 60_000);

  const meeting = async (): Promise<Atom> => {
    const found = (await seeded.atoms('meetings')).filter((atom) => atom.metadata['kind'] === 'meeting');
    if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} meetings`);
    return found[0];
  };

  test('is stored word for word, shown in the trace, and its record refers to it [S0-02]', async () => {
    const record = await meeting();
    const [transcript] = record.references.filter(({ type }) => type === 'transcript');
    const atoms = await seeded.atoms('meetings');
    const atom = atoms.find(({ id }) => id === transcript?.atom);
    expect(atom?.payload).toMatchObject({ text: note.transcript });
    expect(atom?.origin).toBe('agent');
    const calls = nodes(await api.trace(request.id)).filter(({ kind }) => kind === 'call');
    expect(calls.find(({ name }) => name === 'transcribe_audio')?.atoms).toEqual([atom?.id]);
    expect(calls.find(({ name }) => name === 'record_meeting')?.atoms).toContain(record.id);
  });

  test('becomes the facts of the file, field by field [S0-03]', async () => {
    const payload = (await meeting()).payload as unknown as Meeting;
    expect(payload.decisions.map(({ text }) => text)).toEqual(facts.decisions.map(({ text }) => text));
    expect(
      payload.actionItems.map(({ id, text, owner, ownerStatus, due }) => ({ id, text, owner, ownerStatus, due })),
    ).toEqual(
      facts.actionItems.map(({ id, text, owner, ownerStatus, due }) => ({ id, text, owner, ownerStatus, due })),
    );
    expect(payload.actionItems.map(({ existingTask }) => existingTask)).toEqual(
      facts.actionItems.map(({ existingTask }) => (existingTask === undefined ? undefined : seeded.idOf(existingTask))),
    );
    expect(payload.openQuestions).toEqual(facts.openQuestions.map(({ id, text }) => ({ id, text })));
    expect(payload.dependencies).toEqual(
      facts.dependencies.map(({ item, dependsOn, reason }) => ({ item, dependsOn, reason })),
    );
    expect(payload.completedTasks).toEqual(facts.completedTasks.map((id) => seeded.idOf(id)));
    expect(payload.contradictions.map(({ agreement, text }) => ({ agreement, text }))).toEqual(
      facts.contradictions.map(({ agreement, text }) => ({ agreement: seeded.idOf(agreement), text })),
    );
    const { followUpMeeting: next } = facts;
    const { start, timeZone, attendees, agenda, certainty } = next ?? {};
    const stored = payload.followUpMeeting;
    expect(stored === null).toBe(next === null);
    expect(stored ?? {}).toMatchObject(next === null ? {} : { start, timeZone, attendees, agenda, certainty });
    expect(request.result?.outputs).toContainEqual({
      kind: 'meeting',
      title: note.title,
      ref: `atom:${(await meeting()).id}`,
    });
  });

  test('brings what it connects to before the model, and the answer cites it [S0-04]', () => {
    const before = desk.inputOf(note);
    for (const agreement of note.priorContext.agreements) expect(before).toContain(agreement.text);
    for (const task of note.priorContext.openTasks) expect(before).toContain(task.title);
    for (const event of note.priorContext.calendar ?? []) expect(before).toContain(event.title);
    for (const contact of note.contacts) expect(before).toContain(contact.email);
    for (const agreement of note.priorContext.agreements)
      expect(request.result?.text).toContain(`${agreement.date}: ${agreement.text}`);
  });

  test('waits with a mail to those who were there, by the record and the agreements [S0-05, S0-10]', () => {
    const [draft, ...others] = approvals.filter(({ skill }) => skill === 'email_send');
    expect(others).toEqual([]);
    expect(draft?.preview.recipients.toSorted()).toEqual(note.contacts.map(({ email }) => email).toSorted());
    const { body } = (draft?.payload ?? {}) as { body: string };
    const contested = facts.contradictions.length > 0 ? facts.decisions.slice(0, 1) : [];
    expect(facts.decisions.filter(({ text }) => body.includes(text))).toEqual(
      facts.decisions.filter((decision) => !contested.includes(decision)),
    );
    for (const agreement of note.priorContext.agreements) expect(body).toContain(agreement.text);
    expect(request.result?.outputs.some(({ kind, ref }) => kind === 'draft' && ref === `approval:${draft?.id}`)).toBe(
      true,
    );
    expect(draft?.preview.contradictions ?? []).toEqual(facts.contradictions.map(({ text }) => text));
    expect(seeded.outbox()).toEqual([]);
  });

  test('makes an invitation with an agenda where a next meeting was agreed, and nothing otherwise [S0-08]', () => {
    expect(seeded.calendar()).toBe(calendarBefore);
    const { followUpMeeting: next } = facts;
    const invited = approvals
      .filter(({ skill }) => skill === 'calendar_create_event')
      .map(({ payload }) => payload as { start: string; end: string; description: string; attendees: string[] })
      .map(({ start, end, description, attendees }) => ({
        start: Date.parse(start),
        end: Date.parse(end),
        topics: description.split('\n').map((line) => line.replace(/^- /, '')),
        attendees: attendees.toSorted(),
      }));
    const agreed = next === null ? [] : [next];
    expect(invited).toEqual(
      agreed.map(({ start, end, agenda, attendees }) => ({
        start: Date.parse(start),
        end: Date.parse(end ?? ''),
        topics: agenda,
        attendees: note.contacts.flatMap(({ name, email }) => (attendees.includes(name) ? [email] : [])).toSorted(),
      })),
    );
    expect(request.result?.text.includes('there is no event')).toBe(next === null);
  });

  test('brings the board up to date: finished ones closed, new ones with owner and deadline', () => {
    const byItem = new Map(facts.actionItems.map((item) => [item.existingTask ?? item.text, item]));
    const seededTasks = note.priorContext.openTasks.map(({ id }) => {
      const { payload } = seeded.before(id);
      const item = byItem.get(id);
      return [seeded.idOf(id), { ...(payload as object), ...(item && fieldsOf(item)) }, statusOf(id)] as const;
    });
    const added = facts.actionItems.filter(({ existingTask }) => existingTask === undefined);
    const now = board.map(({ id, payload, metadata }) => [id, payload, metadata['status']] as const);
    for (const row of seededTasks) expect(now).toContainEqual(row);
    const known = new Set(seededTasks.map(([id]) => id));
    const others = now.filter(([id]) => !known.has(id)).map(([, ...rest]) => rest);
    expect(others).toHaveLength(added.length);
    for (const item of added) expect(others).toContainEqual([fieldsOf(item), 'open']);
  });

  test('asks what is unclear, shows what each step cost, and ends once all is answered', async () => {
    const questions = request.waitingFor.filter(({ kind }) => kind === 'user');
    expect(questions.map(({ text }) => text)).toEqual(
      facts.clarificationsNeeded.length === 0 ? [] : [facts.clarificationsNeeded.join('; ')],
    );
    const answer = ANSWERS[note.id] ?? '';
    if (questions.length > 0) {
      await api.post(`/v1/requests/${request.id}/messages`, { text: answer });
      await api.until(request.id, ({ status }) => status === 'waiting_approval');
    }
    for (const approval of await seeded.pending(request.id)) await seeded.approve(approval);
    const ended = await api.ended(request.id);
    expect(ended).toMatchObject({ status: 'completed', waitingFor: [] });
    expect(ended.cost.charges.length).toBeGreaterThanOrEqual(5);
    expect(ended.cost.charges.every(({ step }) => /^turn \d/.test(step))).toBe(true);
    expect(ended.result?.text).toContain('the task board in Retinue; Notion is not connected');
    expect(seeded.outbox()).toHaveLength(1);
    expect(seeded.calendar() !== calendarBefore).toBe(facts.followUpMeeting !== null);
    const answered = (await seeded.atoms('tasks')).map(({ payload, metadata }) => ({
      ...(payload as object),
      ...metadata,
    }));
    expect(answered.filter(({ status }) => status === 'held')).toEqual([]);
    for (const [word = '', value] of answer.split('\n').map((line) => line.split(': ')))
      expect(answered.find(({ title }) => String(title).includes(word)) ?? {}).toSatisfy(
        (task: object) => value === undefined || Object.values(task).includes(value),
      );
  });

  const statusOf = (id: string): string => {
    if (facts.completedTasks.includes(id)) return 'done';
    return facts.contradictions.length > 0 && id === CONTRADICTED ? 'held' : 'open';
  };
});

function fieldsOf({ text, owner, due }: ExpectedFacts['actionItems'][number]): object {
  return { title: text, ...(owner === null ? {} : { owner }), ...(due === null ? {} : { due }) };
}

describe('what came before', () => {
  test('an earlier meeting with the same people and their mail are found and reach the model [S0-04]', async () => {
    const [note] = NOTES;
    if (note === undefined) throw new Error('no note');
    const seeded = await desk.seed(note);
    const first = await desk.send(seeded, note);
    await seeded.api.until(first, ({ status }) => status.startsWith('waiting_'));
    const mail = {
      from: 'Laura Hartmann <laura.hartmann@hartmann-logistics.example>',
      subject: 'Rollout',
      text: 'Hartmann.',
    };
    seeded.receive(mail);
    const second = await desk.send(seeded, note);
    await seeded.api.until(second, ({ status }) => status.startsWith('waiting_'));
    const [meeting] = (await seeded.atoms('meetings'))
      .filter((atom) => atom.metadata['kind'] === 'meeting')
      .toReversed();
    expect(desk.inputOf(note)).toContain(meeting?.id);
    expect(desk.inputOf(note)).toContain('"subject":"Rollout"');
    const agents = (await seeded.api.request(second)).agents;
    expect(agents).toHaveLength(1);
  });
});

describe('a fact that is different', () => {
  test('makes mail, agenda and board different too [S0-10]', async () => {
    const [note] = NOTES;
    if (note === undefined) throw new Error('no note');
    const changed: ExpectedFacts = {
      ...note.expected,
      decisions: [{ ...note.expected.decisions[0], id: 'd1', text: 'One big bang in May, all depots.', keywords: [] }],
      actionItems: note.expected.actionItems.map((item) =>
        item.id === 'a2' ? { ...item, owner: 'Laura Hartmann' } : item,
      ),
      followUpMeeting: note.expected.followUpMeeting && { ...note.expected.followUpMeeting, agenda: ['big bang'] },
    };
    const [as, other] = await Promise.all([desk.play(note), desk.play(note, changed)]);
    expect(as.mail).toContain('Phased rollout');
    expect(other.mail).toContain('One big bang in May');
    expect(other.mail).not.toContain('Phased rollout');
    expect([as.agenda, other.agenda]).toEqual([
      '- phase one proposal\n- training costs\n- works council sign-off',
      '- big bang',
    ]);
    const owners = [as, other].map(({ board }) => board.find(({ title }) => title.startsWith('Export'))?.owner);
    expect(owners).toEqual(['Jonas Weiss', 'Laura Hartmann']);
  });
});

function nodes(node: TraceNode): TraceNode[] {
  return [node, ...node.children.flatMap(nodes)];
}
