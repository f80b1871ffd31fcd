import type Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { type Input, LABEL, play, type Run, TOOLS } from './rehearsal-harness.js';

const only = (...names: string[]) => TOOLS.filter((tool) => names.includes(tool.name));
const answers =
  (values: Record<string, unknown>): Run =>
  (name, input) => ({ value: values[name] ?? { id: 'x1', ...input } });

describe('a recap', () => {
  const note =
    'Call with Lena and Tom. Lena sends the contract draft by tomorrow. I need to book the flights by Friday. The follow-up call is on Thursday at ten for an hour.';

  it('becomes tasks, one event without attendees and the note itself in one turn', async () => {
    const played = await play(note);
    expect(played.turns).toHaveLength(1);
    expect(played.calls).toEqual([
      { name: 'tasks_create', input: { title: 'Send the contract draft', owner: 'Lena', due: '2026-11-25' } },
      { name: 'tasks_create', input: { title: 'Book the flights', owner: 'Mike Brandt', due: '2026-11-27' } },
      {
        name: 'calendar_create_event',
        input: {
          title: 'Follow-up call',
          start: '2026-11-26T10:00:00+01:00',
          end: '2026-11-26T11:00:00+01:00',
          timeZone: 'Europe/Berlin',
          attendees: [],
        },
      },
      { name: 'remember', input: { text: note } },
    ]);
    expect(played.text).toContain('Send the contract draft (Lena, due Wednesday, 25 November 2026)');
    expect(played.text).toContain('Follow-up call, Thursday, 26 November 2026, 10:00–11:00 (Europe/Berlin)');
    expect(played.text).toContain('Remembered.');
    expect(played.text.endsWith(LABEL)).toBe(true);
  });

  it('names the calls that failed with their reason', async () => {
    const run: Run = (name, input) =>
      name === 'calendar_create_event'
        ? { value: { type: '/problems/unavailable', detail: 'the calendar is away' }, isError: true }
        : { value: input };
    const played = await play(note, { run });
    expect(played.turns).toHaveLength(1);
    expect(played.text).toContain('Failed: calendar_create_event “Follow-up call”: the calendar is away');
  });

  it('says what waits for an approval and which route was used', async () => {
    const run: Run = (name, input) => ({
      value:
        name === 'remember'
          ? { status: 'waiting_approval', approval: 'ap7' }
          : { ...input, route: 'the local task list; Notion is not connected' },
    });
    const played = await play(note, { run });
    expect(played.text).toContain('waits for your approval: ap7');
    expect(played.text).toContain('Notion is not connected');
  });

  it('is remembered also without any action item', async () => {
    const played = await play('Just came out of a meeting with Eva. She loves the new design, nothing to do for us.');
    expect(played.calls.map((call) => call.name)).toEqual(['remember']);
    expect(played.text).toContain('no explicit action item');
  });

  it('says which skill is missing instead of calling it', async () => {
    const played = await play(note, { tools: only('remember') });
    expect(played.calls.map((call) => call.name)).toEqual(['remember']);
    expect(played.text).toContain('The skill tasks_create is not available here.');
  });

  it('does not ask twice for what a steering message adds', async () => {
    const first = await play('Tom checks the budget by Friday.');
    const [said, called, results] = first.messages;
    const steered = [
      ...((results?.content ?? []) as Anthropic.ToolResultBlockParam[]),
      { type: 'text' as const, text: 'remember that Tom is new' },
    ];
    const played = await play([said, called, { role: 'user', content: steered }] as Anthropic.MessageParam[]);
    expect(played.calls).toEqual([{ name: 'remember', input: { text: 'Tom is new' } }]);
    expect(played.text).toContain('Check the budget (Tom, due Friday, 27 November 2026)');
  });
});

describe('the direct form', () => {
  it('calls every line in one turn with exactly that input, also over several lines', async () => {
    const played = await play(
      'use tasks_list {}\nuse remember {"text": "a } in\\" braces"}\nplease use file_write {\n  "path": "a.txt",\n  "text": "hi"\n}',
    );
    expect(played.turns).toHaveLength(1);
    expect(played.calls).toEqual([
      { name: 'tasks_list', input: {} },
      { name: 'remember', input: { text: 'a } in" braces' } },
      { name: 'file_write', input: { path: 'a.txt', text: 'hi' } },
    ]);
  });

  it.each([
    ['use no_such_skill {}', 'no_such_skill is not available'],
    ['use remember {"txt": 1}', 'text is missing'],
    ['use remember {broken', 'not JSON'],
    ['use tasks_update {"task": "t", "status": "gone"}', 'none of the allowed values'],
  ])('explains why it did not call: %s', async (text, reason) => {
    const played = await play(text);
    expect(played.calls).toEqual([]);
    expect(played.text).toContain(reason);
  });
});

describe('single commands', () => {
  it.each<[string, string, Input]>([
    ['Remember that Anna is allergic to nuts.', 'remember', { text: 'Anna is allergic to nuts.' }],
    ['add a task to call the bank by Friday', 'tasks_create', { title: 'Call the bank', due: '2026-11-27' }],
    [
      'Task: paint the fence for Tom by Monday',
      'tasks_create',
      { title: 'Paint the fence', owner: 'Tom', due: '2026-11-30' },
    ],
    [
      'put dentist on Tuesday at 10:00',
      'calendar_create_event',
      {
        title: 'Dentist',
        start: '2026-12-01T10:00:00+01:00',
        end: '2026-12-01T10:30:00+01:00',
        timeZone: 'Europe/Berlin',
        attendees: [],
      },
    ],
    [
      'schedule lunch with Eva on Friday at noon for an hour',
      'calendar_create_event',
      {
        title: 'Lunch with Eva',
        start: '2026-11-27T12:00:00+01:00',
        end: '2026-11-27T13:00:00+01:00',
        timeZone: 'Europe/Berlin',
        attendees: [],
      },
    ],
    [
      'am I free tomorrow at 3 pm for an hour?',
      'calendar_find_free',
      { from: '2026-11-25T15:00:00+01:00', to: '2026-11-25T16:00:00+01:00', durationMinutes: 60 },
    ],
    [
      'am I free on Friday?',
      'calendar_find_free',
      { from: '2026-11-27T00:00:00+01:00', to: '2026-11-28T00:00:00+01:00', durationMinutes: 30 },
    ],
    ['write a file notes/a.md: # Title\nbody', 'file_write', { path: 'notes/a.md', text: '# Title\nbody' }],
    ['read file notes/a.md', 'file_read', { path: 'notes/a.md' }],
    ['list files', 'file_list', {}],
    ['ask me whether I want tea', 'ask_user', { question: 'I want tea?' }],
    ['send me a message: done!', 'send_message', { target: 'me', text: 'done!' }],
    [
      'Remind me next Tuesday at 9:00 to call the bank',
      'set_reminder',
      { text: 'call the bank', when: 'Remind me next Tuesday at 9:00 to call the bank' },
    ],
    [
      'remind me to call the bank tomorrow at 9',
      'set_reminder',
      { text: 'call the bank', when: 'remind me to call the bank tomorrow at 9' },
    ],
    [
      'Erinnere mich morgen um 9 Uhr daran, dass die Bank anruft',
      'set_reminder',
      { text: 'die Bank anruft', when: 'Erinnere mich morgen um 9 Uhr daran, dass die Bank anruft' },
    ],
  ])('%s', async (text, name, input) => {
    const played = await play(text);
    expect(played.calls).toEqual([{ name, input }]);
    expect(played.text.endsWith(LABEL)).toBe(true);
  });

  it.each(['put dentist on Tuesday', 'schedule the dentist at ten', 'remind me tomorrow at 9'])(
    'asks for what is missing instead of guessing: %s',
    async (text) => {
      const played = await play(text);
      expect(played.calls).toEqual([]);
      expect(played.text).toMatch(/I (?:entered|set) no/);
    },
  );

  it('makes one task of each line', async () => {
    expect((await play('task: buy milk\ntask: buy bread')).calls.map((call) => call.input['title'])).toEqual([
      'Buy milk',
      'Buy bread',
    ]);
  });
});

describe('forgetting', () => {
  const hits = {
    items: [
      { atom: { id: 'm1', payload: 'Tom likes tea' }, score: 2 },
      { atom: { id: 'm2', payload: { text: 'The code of the door is 1234' } }, score: 1 },
    ],
  };

  it('forgets the memory that contains the words', async () => {
    const played = await play('forget the door code', { run: answers({ search_memory: hits, forget: {} }) });
    expect(played.turns.map((turn) => turn[0])).toEqual([
      { name: 'search_memory', input: { query: 'door code' } },
      { name: 'forget', input: { memory: 'm2' } },
    ]);
    expect(played.text).toContain('Forgotten: “The code of the door is 1234”');
  });

  it('forgets nothing when no memory contains them', async () => {
    const played = await play('forget the window code', { run: answers({ search_memory: hits }) });
    expect(played.calls).toHaveLength(1);
    expect(played.text).toContain('Nothing was forgotten');
  });
});

describe('marking a task done', () => {
  const board = {
    items: [
      { id: 't1', title: 'Paint the fence' },
      { id: 't2', title: 'Paint the door' },
      { id: 't3', title: 'Paint the roof', status: 'done' },
    ],
  };

  it.each(['mark paint the fence done', 'The fence is done.', 'mark "Paint the fence" as done'])(
    'changes the one that fits: %s',
    async (text) => {
      const played = await play(text, { run: answers({ tasks_list: board }) });
      expect(played.calls.at(-1)).toEqual({ name: 'tasks_update', input: { task: 't1', status: 'done' } });
      expect(played.text).toContain('Done: Paint the fence');
    },
  );

  it('asks which when several fit, and acts on the answer', async () => {
    const played = await play('mark paint done', {
      run: answers({ tasks_list: board, ask_user: { answer: 'the door' } }),
    });
    expect(played.turns.map((turn) => turn[0]?.name)).toEqual(['tasks_list', 'ask_user', 'tasks_update']);
    expect(played.calls.at(-1)?.input).toEqual({ task: 't2', status: 'done' });
  });

  it('changes nothing when the answer does not help', async () => {
    const played = await play('mark paint done', {
      run: answers({ tasks_list: board, ask_user: { answer: 'whatever' } }),
    });
    expect(played.calls.map((call) => call.name)).toEqual(['tasks_list', 'ask_user']);
    expect(played.text).toContain('nothing was changed');
  });

  it('takes an answer that was typed while the question waited', async () => {
    const asked = await play('mark paint done', {
      run: answers({ tasks_list: board, ask_user: '{"answer":"the fence"}' }),
    });
    const messages = asked.messages.slice(0, 4);
    const id = ((messages[3]?.content ?? []) as Anthropic.ToolUseBlockParam[])[0]?.id ?? '';
    messages.push({
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: id, content: 'answered' },
        { type: 'text', text: 'the door' },
      ],
    });
    const played = await play(messages);
    expect(played.calls).toEqual([{ name: 'tasks_update', input: { task: 't2', status: 'done' } }]);
  });
});
