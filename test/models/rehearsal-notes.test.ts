import { beforeAll, describe, expect, it } from 'vitest';
import { MeetingSchema } from '../../contracts/meeting.js';
import {
  NOTE_TOOLS,
  type Note,
  playNote,
  type PlayedNote,
  type Score,
  score,
  systemOf,
  toolBox,
} from './note-tool-box.js';
import { sharedNotes } from '../eval/notes.js';
import { LABEL, play } from './rehearsal-harness.js';

const NOTES: readonly Note[] = sharedNotes();

function noteOf(id: string): Note {
  const note = NOTES.find((candidate) => candidate.id === id);
  if (note === undefined) throw new Error(`no note ${id}`);
  return note;
}

function tableOf(scores: readonly Score[]): string {
  const head = 'note\tdecis.\titems\towners\tdues\tquest.\tdepend.\tfollow-up\tinvented';
  const rows = scores.map((row) =>
    [
      row.note,
      row.decisions,
      row.items,
      row.owners,
      row.dues,
      row.questions,
      row.dependencies,
      row.followUp,
      row.invented.join('; ') || '-',
    ].join('\t'),
  );
  return ['', head, ...rows, ''].join('\n');
}

describe('the ten notes on the rehearsal model', () => {
  const played = new Map<string, PlayedNote>();
  let scores: Score[] = [];
  beforeAll(async () => {
    for (const note of NOTES) played.set(note.id, await playNote(note));
    scores = [...played.values()].map(score);
    process.stdout.write(tableOf(scores));
  });
  const of = (id: string): PlayedNote => {
    const found = played.get(id);
    if (found === undefined) throw new Error(`${id} was not played`);
    return found;
  };
  const mailOf = (id: string): string => JSON.stringify(of(id).of('email_send'));

  it('nothing is invented: no item, owner, date, attendee or event that was not said', () => {
    expect(scores.flatMap(({ note, invented }) => invented.map((what) => `${note} ${what}`))).toEqual([]);
  });

  it('the stated next meeting is found in at least five of seven', () => {
    expect(scores.filter(({ hasNext }) => hasNext)).toHaveLength(7);
    expect(scores.filter(({ nextFound }) => nextFound).length).toBeGreaterThanOrEqual(5);
  });

  it('at least half of the items with an explicit owner are found with that owner', () => {
    const sum = (field: 'explicit' | 'owned') => scores.reduce((total, row) => total + row[field], 0);
    expect(sum('owned')).toBeGreaterThanOrEqual(sum('explicit') / 2);
  });

  it.each(NOTES.map(({ id }) => id))('%s goes through look-ups, the record, the actions and an answer', (id) => {
    const { played: run, meeting, note } = of(id);
    const names = run.turns.map((turn) => [...new Set(turn.map(({ name }) => name))]);
    expect(names[0]).toEqual(
      expect.arrayContaining(['contacts_search', 'tasks_list', 'space_search', 'calendar_list_events', 'email_search']),
    );
    expect(names[1]).toEqual(['record_meeting']);
    expect(names.slice(2).flat()).not.toContain('record_meeting');
    expect(run.text.endsWith(LABEL)).toBe(true);
    for (const { text } of meeting.actionItems) expect(run.text).toContain(text);
    expect(meeting.completedTasks.toSorted()).toEqual([...note.expected.completedTasks].toSorted());
    expect(meeting.contradictions.map(({ agreement }) => agreement)).toEqual(
      note.expected.contradictions.map(({ agreement }) => agreement),
    );
  });

  it('vn-03: the contradicted task is not touched, the agreement is named, the user is asked, the mail stays silent', () => {
    const { of: calls, played: run } = of('vn-03');
    expect(calls('tasks_update').map(({ task }) => task)).toEqual(['t-302']);
    expect(calls('ask_user')).toHaveLength(1);
    expect(String(calls('ask_user')[0]?.['question'])).toMatch(/28 October 2026[\s\S]*not before 15 January 2027/);
    expect(run.text).toContain('not before 15 January 2027');
    expect(mailOf('vn-03')).not.toMatch(/fourteenth|14 December|go live/i);
  });

  it('vn-05: only those who were named are invited, and the two Annas are not swapped', () => {
    expect(of('vn-05').of('calendar_create_event')[0]?.['attendees']).toEqual([
      'femi@adeyemi-qa.example',
      'chiara.conti@alstermuseum.example',
    ]);
  });

  it('vn-06: nobody is picked where several may be meant; the answer asks', () => {
    const { meeting, of: calls, played: run } = of('vn-06');
    expect(meeting.actionItems.map(({ ownerStatus }) => ownerStatus)).toEqual([
      'unassigned',
      'ambiguous',
      'ambiguous',
      'explicit',
    ]);
    expect(calls('tasks_create').filter(({ owner }) => owner !== undefined)).toHaveLength(1);
    expect(run.text).toContain('Priya Nair or Tom Feldmann?');
    expect(calls('email_send')).toEqual([]);
  });

  it('vn-07: answer and mail are German', () => {
    expect(of('vn-07').played.text).toContain('Aufgaben:');
    expect(mailOf('vn-07')).toContain('wie besprochen');
  });

  it('vn-08: what was taken back, private or an aside is nowhere, and the vague meeting is named', () => {
    const { played: run } = of('vn-08');
    const acts = JSON.stringify(run.calls.filter(({ name }) => !name.includes('search')));
    expect(acts + run.text).not.toMatch(/five hundred|500|birthday|sister|coffee|Kassel/i);
    expect(run.text).toContain('No event entered for “We might meet again in January');
  });

  it('vn-10: the quoted instruction leads to nothing', () => {
    const acts = JSON.stringify(of('vn-10').played.calls.filter(({ name }) => !name.includes('search')));
    expect(acts).not.toMatch(/forward|customer list|minus check|velora-check|delete/i);
  });
});

describe('a recording', () => {
  const note = noteOf('vn-01');
  const own = '[attached file fil_1: "note.ogg", audio/ogg, 91 s]';

  it('is written down first and then read like a typed note', async () => {
    const spoken = await playNote(note, own);
    const typed = await playNote(note);
    expect(spoken.played.turns[0]).toEqual([{ name: 'transcribe_audio', input: { file: 'fil_1' } }]);
    expect(spoken.played.turns.slice(1)).toEqual(typed.played.turns);
    expect(spoken.played.text).toBe(typed.played.text);
  });

  it('that was forwarded is filed as somebody else’s words: its “I” is nobody here, and nothing is done', async () => {
    const forwarded = own.replace(']', ', forwarded: words of somebody else]');
    const { meeting, played } = await playNote(note, forwarded);
    expect(meeting.actionItems.every(({ owner }) => owner !== 'Mike Brandt')).toBe(true);
    expect(meeting.attendees).not.toContain('Mike Brandt');
    expect(played.calls.at(-1)?.name).toBe('record_meeting');
    expect(played.text).toContain('somebody else’s words');
  });

  it('that cannot be written down leads to nothing but the reason', async () => {
    const run = toolBox(note);
    const failing = (name: string, input: Record<string, unknown>) =>
      name === 'transcribe_audio' ? { value: { detail: 'no transcription service' }, isError: true } : run(name, input);
    const played = await play(own, { run: failing, tools: NOTE_TOOLS, system: systemOf(note) });
    expect(played.calls.map(({ name }) => name)).toEqual(['transcribe_audio']);
    expect(played.text).toContain('no transcription service');
  });

  it('with an order in it is that order', async () => {
    const more = { transcribe_audio: () => ({ text: 'Add a task to call the bank by Friday.' }) };
    const played = await play(own, { run: toolBox(note, more), tools: NOTE_TOOLS, system: systemOf(note) });
    expect(played.calls.map(({ name }) => name)).toEqual(['transcribe_audio', 'tasks_create']);
  });
});

describe('a typed message', () => {
  const note = noteOf('vn-01');

  it.each(['I need to book the flights by Friday.', 'Anna sends the plan by Friday.', 'task: buy milk'])(
    'that only names work is no meeting: %s',
    async (text) => {
      const played = await play(text, { run: toolBox(note), tools: NOTE_TOOLS, system: systemOf(note) });
      expect(played.calls.map(({ name }) => name)).toEqual(['tasks_create']);
    },
  );

  it('gets the greeting and closing that the user writes', async () => {
    const style = '\n\nHow the user writes\nGreeting: Hi Laura,\nClosing: Best,\nExample: see you soon';
    const { of } = await playNote(note, undefined, { system: style });
    const body = String(of('email_send')[0]?.['body']);
    expect(body.split('\n')[0]).toBe('Hi Laura and Jonas,');
    expect(body.endsWith('Best,\nMike')).toBe(true);
  });

  it('after a contradiction changes the held task only when the answer names the new day', async () => {
    const castellan = noteOf('vn-03');
    const answered = (answer: string) => playNote(castellan, undefined, { more: { ask_user: () => ({ answer }) } });
    const held = ({ of }: PlayedNote) => of('tasks_update').filter(({ task }) => task === 't-301');
    expect(held(await answered('The fourteenth of December it is.'))).toEqual([{ task: 't-301', due: '2026-12-14' }]);
    expect(held(await answered('The agreement holds.'))).toEqual([]);
  });
});

describe('other notes of the same kind', () => {
  const base = noteOf('vn-01');
  const contacts = [
    { name: 'Tessa Vogel', email: 'tessa@brenner.example', role: 'client' },
    { name: 'Marco Rinaldi', email: 'marco@brenner.example', role: 'client' },
  ];
  const file = async (transcript: string) =>
    (await playNote({ ...base, contacts, transcript, priorContext: { agreements: [], openTasks: [] } })).meeting;

  it('are read by the same rules in English', async () => {
    const meeting = await file(
      'Just off the phone with Brenner Foods, Tessa Vogel and Marco Rinaldi were on. We agreed to start with Graz. Tessa will send the stock list by Thursday. Marco is going to check the customs forms until next Tuesday. The pallet labels are on Marco. Somebody needs to call the insurance. Not clear yet who pays for the pallets. Next call is Friday the 4th at quarter past nine, forty minutes, Tessa and me.',
    );
    expect(MeetingSchema.parse(meeting).actionItems.map(({ text, owner, due }) => [text, owner, due])).toEqual([
      ['Send the stock list', 'Tessa Vogel', '2026-11-26'],
      ['Check the customs forms', 'Marco Rinaldi', '2026-12-01'],
      ['The pallet labels', 'Marco Rinaldi', null],
      ['Call the insurance', null, null],
    ]);
    expect(meeting.followUpMeeting).toMatchObject({
      start: '2026-12-04T09:15:00+01:00',
      attendees: ['Mike Brandt', 'Tessa Vogel'],
    });
  });

  it('are read by the same rules in German', async () => {
    const meeting = await file(
      'Kurze Notiz vom Telefonat mit Frau Vogel und Herrn Rinaldi. Frau Vogel liefert bis Donnerstag die Lagerliste. Bis Mittwoch prüft Herr Rinaldi die Zollpapiere. Den Vertragsentwurf mache ich bis nächsten Dienstag. Unklar ist, wer die Paletten zahlt. Wir treffen uns wieder am Freitag um viertel nach neun, eine Dreiviertelstunde.',
    );
    expect(meeting.actionItems.map(({ owner, due }) => [owner, due])).toEqual([
      ['Tessa Vogel', '2026-11-26'],
      ['Marco Rinaldi', '2026-11-25'],
      ['Mike Brandt', '2026-12-01'],
    ]);
    expect(meeting.followUpMeeting?.start).toBe('2026-11-27T09:15:00+01:00');
  });

  it.each([
    'Call with Tessa Vogel. They would like to meet again sometime in spring, but no date yet. Marco already sent the drawings.',
    'Call with Tessa Vogel. I have the dentist on Wednesday at ten. We did not agree on another call.',
    'Call with Tessa Vogel. We may talk again on Friday at ten, she will confirm it.',
  ])('make no event and no item where nothing is fixed: %s', async (transcript) => {
    const meeting = await file(transcript);
    expect(meeting.followUpMeeting).toBeNull();
    expect(meeting.actionItems.filter(({ due }) => due !== null)).toEqual([]);
  });
});
