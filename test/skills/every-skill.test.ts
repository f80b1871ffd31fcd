import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import type { Skill, SkillResult } from '../../contracts/skill.js';
import { builtinSkills } from '../../skills/index.js';
import { createSkillRegistry, parseInput } from '../../skills/registry.js';
import { fakeAgents } from '../helpers/fake-agents.js';
import { receivedMail } from '../helpers/fake-mail.js';
import { recordingOf } from '../helpers/recordings.js';
import { propose } from '../helpers/outward-call.js';
import { type FakeContext, fakeContext, runSkill } from '../helpers/skill-context.js';
import { agentRows } from './agent-rows.js';
import { scheduleRows } from './schedule-rows.js';

interface Row {
  readonly name: string;
  readonly effect: string;
  readonly taints: readonly string[];
  readonly input: Record<string, unknown>;
  /** An input that must be refused, and where. */
  readonly wrong: Record<string, unknown>;
  readonly path: string;
  readonly undoable: boolean;
  /** Where it differs from what others of its kind have. */
  readonly timeoutSeconds?: number;
}

const READ = { effect: 'read', taints: ['private'], undoable: false };
const WRITE = { effect: 'internal', taints: [], undoable: true };
const MAIL = { effect: 'read', taints: ['untrusted', 'private'], undoable: false };
const NEW_MAIL = { to: ['jo@example.org'], subject: 'Lunch', body: 'At one?' };
const WEEK = { from: '2026-11-23', to: '2026-11-27' };
const EVENT = {
  title: 'Dentist',
  start: '2026-11-24T09:00:00+01:00',
  end: '2026-11-24T10:00:00+01:00',
  timeZone: 'Europe/Berlin',
  attendees: [],
};

const MEETING = {
  title: 'Call with Jo',
  attendees: ['Jo', 'Mara Lindt'],
  decisions: [{ text: 'Paint it blue.' }],
  actionItems: [{ id: 'a1', text: 'Buy the paint', owner: 'Jo', ownerStatus: 'explicit', due: '2026-11-27' }],
  openQuestions: [],
  dependencies: [],
  followUpMeeting: null,
  contradictions: [],
  completedTasks: [],
};

const rows: readonly Row[] = [
  { name: 'tasks_list', ...READ, input: { status: 'open' }, wrong: { status: 'late' }, path: 'status' },
  { name: 'tasks_create', ...WRITE, input: { title: 'Call Jo' }, wrong: { title: 'x', due: 'soon' }, path: 'due' },
  {
    name: 'tasks_update',
    ...WRITE,
    taints: ['private'],
    input: { task: 'atm_1', status: 'done' },
    wrong: { task: '../1', status: 'done' },
    path: 'task',
  },
  { name: 'contacts_search', ...READ, input: { query: 'Jo' }, wrong: {}, path: 'query' },
  { name: 'calendar_list_events', ...READ, input: WEEK, wrong: { ...WEEK, to: 'Friday' }, path: 'to' },
  {
    name: 'calendar_find_free',
    ...READ,
    input: { ...WEEK, durationMinutes: 30 },
    wrong: { ...WEEK, durationMinutes: 30, earliest: '9' },
    path: 'earliest',
  },
  {
    name: 'calendar_create_event',
    ...WRITE,
    input: EVENT,
    wrong: { ...EVENT, timeZone: 'Mars/One' },
    path: 'timeZone',
  },
  { name: 'search_memory', ...READ, input: { query: 'tea' }, wrong: { query: 7 }, path: 'query' },
  { name: 'remember', ...WRITE, input: { text: 'Likes tea' }, wrong: { text: 'a\u0000b' }, path: 'text' },
  { name: 'forget', ...WRITE, input: { memory: 'atm_2' }, wrong: { memory: null }, path: 'memory' },
  { name: 'space_search', ...READ, input: { query: 'tea', limit: 5 }, wrong: { limit: 101 }, path: 'limit' },
  {
    name: 'space_get',
    ...READ,
    input: { space: 'sp_tasks', atom: 'atm_1' },
    wrong: { space: 'sp_tasks' },
    path: 'atom',
  },
  {
    name: 'space_put',
    ...WRITE,
    input: { space: 'sp_bus', payload: { text: 'Hello' }, comment: 'Says hello' },
    wrong: { space: 'sp_bus', payload: { text: 'Hello' }, comment: 'x', references: [{ type: 'about' }] },
    path: 'references.0.atom',
  },
  {
    name: 'space_update',
    ...WRITE,
    input: { space: 'sp_tasks', atom: 'atm_1', metadata: { status: 'held' }, comment: 'Must wait' },
    wrong: { space: 'sp_tasks', atom: 'atm_1', metadata: { status: ['held'] }, comment: 'Must wait' },
    path: 'metadata.status',
  },
  { name: 'file_list', ...READ, input: {}, wrong: { folder: '/etc' }, path: 'folder' },
  { name: 'file_read', ...READ, input: { path: 'notes/a.md' }, wrong: { path: '../a.md' }, path: 'path' },
  { name: 'file_write', ...WRITE, input: { path: 'b.md', text: '' }, wrong: { path: 'b.md' }, path: 'text' },
  {
    name: 'ask_user',
    ...WRITE,
    undoable: false,
    input: { question: 'Which Jo?' },
    wrong: { question: '' },
    path: 'question',
  },
  {
    name: 'send_message',
    ...WRITE,
    undoable: false,
    input: { target: 'me', text: 'Half done' },
    wrong: { target: 'me', text: 'x', files: ['a b'] },
    path: 'files.0',
  },
  { name: 'email_search', ...READ, input: { words: 'free' }, wrong: { since: 'lately' }, path: 'since' },
  { name: 'email_read', ...MAIL, input: { mail: 'eml_1' }, wrong: {}, path: 'mail' },
  { name: 'email_draft', ...WRITE, input: NEW_MAIL, wrong: { ...NEW_MAIL, to: ['Jo'] }, path: 'to.0' },
  {
    name: 'email_send',
    effect: 'outward',
    taints: [],
    undoable: false,
    input: NEW_MAIL,
    wrong: { ...NEW_MAIL, subject: 'a\nBcc: x@y.org' },
    path: 'subject',
  },
  {
    name: 'calendar_update_event',
    ...WRITE,
    taints: ['private'],
    input: { event: 'evt_1', title: 'Dentist' },
    wrong: { event: 'evt_1', end: 'later' },
    path: 'end',
  },
  {
    name: 'calendar_cancel_event',
    ...WRITE,
    taints: ['private'],
    input: { event: 'evt_1' },
    wrong: { event: '' },
    path: 'event',
  },
  {
    name: 'record_meeting',
    ...WRITE,
    input: MEETING,
    wrong: { ...MEETING, followUpMeeting: { start: 'Thursday' } },
    path: 'followUpMeeting.start',
  },
  {
    name: 'transcribe_audio',
    effect: 'read',
    taints: [],
    undoable: false,
    timeoutSeconds: 1_200,
    input: { file: 'file_1', language: 'en' },
    wrong: { file: 'file_1', language: 'English' },
    path: 'language',
  },
  {
    name: 'space_deprecate',
    ...WRITE,
    input: { space: 'sp_tasks', atom: 'atm_1', comment: 'Done elsewhere' },
    wrong: { space: 'sp_tasks', atom: 'atm_1', comment: '' },
    path: 'comment',
  },
  {
    name: 'space_history',
    ...READ,
    input: { space: 'sp_tasks', atom: 'atm_1' },
    wrong: { space: 'sp_tasks', atom: 'atm_1', limit: 51 },
    path: 'limit',
  },
  {
    name: 'space_create',
    ...WRITE,
    input: { name: 'Garden', tags: ['home'] },
    wrong: { name: 'Garden', description: 'Plants', from: 'sp_bus' },
    path: 'from',
  },
  {
    name: 'space_share',
    ...WRITE,
    input: { space: 'sp_bus', with: 'agent:agt_2', permission: 'read' },
    wrong: { space: 'sp_bus', with: 'Jo', permission: 'read' },
    path: 'with',
  },
  {
    name: 'space_subscribe',
    ...WRITE,
    input: { space: 'sp_bus', metadata: { status: 'open' }, debounceSeconds: 30 },
    wrong: { space: 'sp_bus', debounceSeconds: 5, stop: true },
    path: 'stop',
  },
  {
    name: 'web_search',
    effect: 'egress',
    taints: ['untrusted'],
    undoable: false,
    input: { query: 'tea shops', limit: 3 },
    wrong: { query: 'tea shops', limit: 21 },
    path: 'limit',
  },
  {
    name: 'web_fetch',
    effect: 'egress',
    taints: ['untrusted'],
    undoable: false,
    input: { url: 'https://tea.example/' },
    wrong: { url: 'file:///etc/passwd' },
    path: 'url',
  },
  ...agentRows,
  ...scheduleRows,
];

/** What a person gives a skill that has nothing to run. */
const ANSWERED: SkillResult<unknown> = { output: { answer: 'The tall one' } };

const registry = createSkillRegistry(builtinSkills);

function skillOf(name: string): Skill {
  const skill = registry.get(name);
  if (skill === undefined) throw new Error(`no skill ${name}`);
  return skill;
}

/** Skills that always act outside only do so once approved. */
async function resultOf(skill: Skill, input: unknown): Promise<SkillResult<unknown>> {
  if (skill.runs === 'question') return ANSWERED;
  const context = await furnished();
  return skill.manifest.effect === 'outward'
    ? (await propose(skill, input, context)).send()
    : runSkill(skill, input, context);
}

/** One task, one memory, one reminder, one mail, one event, one file and one recording, so that every row has something to work on. */
async function furnished(): Promise<FakeContext> {
  const context = {
    ...fakeContext({ events: [{ id: 'evt_1', ...EVENT, title: 'Doctor' }] }),
    agents: fakeAgents(),
  };
  await context.spaces.put('sp_tasks', { payload: { title: 'Old' }, metadata: { status: 'open' }, comment: 'set up' });
  await context.spaces.put('sp_memory', { payload: { text: 'Drinks tea' }, comment: 'set up' });
  await context.schedule.remind({ text: 'Old', when: 'tomorrow at 9' });
  context.workspace.files.set('notes/a.md', 'A');
  context.mail.inbox.set('eml_1', receivedMail('eml_1'));
  context.files.set('file_1', recordingOf('file_1'));
  const page = { url: 'https://tea.example/', title: 'Tea', text: 'Green tea' };
  context.pages.set(page.url, page);
  context.webSearch = { route: 'searched by a test', search: async () => [page] };
  context.transcriber = { route: 'transcribed by a test', transcribe: async () => ({ text: 'Call Jo' }) };
  return context;
}

it('every built-in skill stands in the table', () => {
  expect(rows.map((row) => row.name)).toEqual(registry.list().map((skill) => skill.manifest.name));
});

describe.each(rows)('$name', (row) => {
  const skill = skillOf(row.name);
  const tool = registry.tools([row.name])[0];
  const ajv = ajvFormats.default(new Ajv2020({ strict: true, allowUnionTypes: true }));
  const accepts = ajv.compile(tool?.inputSchema ?? {});

  it('declares its effect, its taints and a time limit', () => {
    const { effect, taints, timeoutSeconds, description } = skill.manifest;
    expect({ effect, taints }).toEqual({ effect: row.effect, taints: row.taints });
    expect(timeoutSeconds).toBe(row.timeoutSeconds ?? (skill.runs === 'outside' ? 30 : 10));
    expect(description.length).toBeGreaterThan(40);
  });

  it('offers the model a JSON Schema that takes a good input and refuses unknown fields', () => {
    expect(tool?.inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
    expect({ accepted: accepts(row.input), errors: accepts.errors }).toEqual({ accepted: true, errors: null });
    expect(accepts({ ...row.input, colour: 'red' })).toBe(false);
  });

  it('takes a good input and says where a wrong one is wrong', () => {
    expect(parseInput(skill, row.input)).toMatchObject({ ok: true });
    const refused = parseInput(skill, row.wrong);
    expect(refused.ok ? '' : refused.message).toMatch(new RegExp(`^${row.path.replaceAll('.', '\\.')}: \\S`));
  });

  it('names the fields there are when it refuses an unknown one', () => {
    const refused = parseInput(skill, { ...row.input, colour: 'red' });
    expect(refused).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^colour: is not a known field; allowed are /),
    });
  });

  it('sums a call up in one short line', () => {
    const parsed = parseInput(skill, row.input);
    const summary = parsed.ok ? skill.manifest.summary(parsed.input) : '';
    expect(summary).toMatch(/^[A-Z][^\n]{5,199}$/);
  });

  it('answers with what its output schema promises, and leaves an undo where it can', async () => {
    const result = await resultOf(skill, row.input);
    expect(skill.manifest.output.safeParse(result.output).success).toBe(true);
    expect(result.undo !== undefined).toBe(row.undoable);
    expect(JSON.stringify(result.output).length).toBeLessThan(2000);
  });
});
