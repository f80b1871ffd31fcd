import type { AgentAccess } from '../../contracts/agent-access.js';
import { ProblemError } from '../../contracts/problem.js';
import type { OutsideContext, Skill, SkillResult, TransactionContext } from '../../contracts/skill.js';
import type {
  AttachedFile,
  CalendarEvent,
  Transcriber,
  WebPage,
  WebReader,
  WebSearch,
  WorkspaceFiles,
} from '../../contracts/services.js';
import type { JsonValue } from '../../contracts/space.js';
import { parseInput } from '../../skills/registry.js';
import { type FakeCalendar, fakeCalendar } from './fake-calendar.js';
import { type FakeHolds, fakeHolds } from './fake-holds.js';
import { type FakeMail, fakeMail } from './fake-mail.js';
import { type FakeSchedule, fakeSchedule } from './fake-schedule.js';
import { type FakeSpaces, fakeSpaces } from './fake-spaces.js';

/** A folder in memory. */
export interface FakeWorkspace extends WorkspaceFiles {
  readonly files: Map<string, string>;
}

/** Everything either kind of skill may be handed, plus what happened to it. */
export interface FakeContext extends TransactionContext, OutsideContext {
  readonly spaces: FakeSpaces;
  readonly calendar: FakeCalendar;
  readonly mail: FakeMail;
  readonly workspace: FakeWorkspace;
  readonly posted: readonly { readonly text: string; readonly files: readonly string[] }[];
  readonly holds: FakeHolds;
  readonly schedule: FakeSchedule;
  /** What the user has typed. */
  readonly words: string[];
  transcriber: Transcriber | undefined;
  webSearch: WebSearch | undefined;
  /** What there is to read in the web, by its address. */
  readonly pages: Map<string, WebPage>;
  readonly files: Map<string, AttachedFile>;
}

const alone = (): Promise<never> => Promise.reject(new ProblemError('conflict', 'There are no other agents here.'));
const noAgents: AgentAccess = {
  spawn: alone,
  message: alone,
  requestAccess: alone,
  answerAccess: alone,
  revokeAccess: alone,
  list: alone,
  steer: alone,
  cancel: alone,
};

/** A caller in Berlin on Monday, 23 November 2026, 08:00. */
export function fakeContext(
  changes: { timeZone?: string; now?: string; events?: readonly CalendarEvent[] } = {},
): FakeContext {
  const posted: { text: string; files: readonly string[] }[] = [];
  const timeZone = changes.timeZone ?? 'Europe/Berlin';
  const now = changes.now ?? '2026-11-23T08:00:00+01:00';
  const words: string[] = [];
  const files = new Map<string, AttachedFile>();
  const pages = new Map<string, WebPage>();
  return {
    callId: 'call_1',
    requestId: 'req_1',
    conversationId: 'cnv_1',
    agentId: 'agt_1',
    user: { id: 'usr_1', name: 'Mara Lindt' },
    timeZone,
    now,
    abortSignal: new AbortController().signal,
    agents: noAgents,
    secrets: { use: () => Promise.reject(new ProblemError('not-found', 'There are no secrets here.')) },
    spaces: fakeSpaces(),
    calendar: fakeCalendar(timeZone, changes.events ?? [], ownOnly),
    mail: fakeMail(ownOnly),
    workspace: fakeWorkspace(),
    posted,
    holds: fakeHolds(),
    schedule: fakeSchedule({ now, timeZone }, 'cnv_1'),
    words,
    transcriber: undefined,
    webSearch: undefined,
    pages,
    webReader: fakeReader(pages),
    files,
    attached: {
      async read(user, id) {
        ownOnly(user);
        const file = files.get(id);
        if (file === undefined) throw new ProblemError('not-found', `There is no file ${id}.`);
        return file;
      },
    },
    conversation: {
      said: async () => [...words],
      async post(text, files) {
        posted.push({ text, files });
        return { message: `msg_${posted.length}` };
      },
    },
  };
}

/** Checks the input as a call from a model is checked, runs the skill and checks its output with its own schema. */
export async function runSkill(skill: Skill, raw: unknown, context: FakeContext): Promise<SkillResult<unknown>> {
  const parsed = parseInput(skill, raw);
  if (!parsed.ok) throw new Error(`${skill.manifest.name} refused its input: ${parsed.message}`);
  if (skill.runs === 'question') throw new Error(`${skill.manifest.name} has nothing to run`);
  const result = await skill.run(parsed.input, context);
  const asStored: unknown = JSON.parse(JSON.stringify(result.output));
  return { ...result, output: skill.manifest.output.parse(asStored) };
}

/** Takes back a call that left an undo value. */
export async function undoSkill(skill: Skill, result: SkillResult<unknown>, context: FakeContext): Promise<void> {
  if (skill.runs === 'question' || skill.undo === undefined) throw new Error(`${skill.manifest.name} has no undo`);
  if (result.undo === undefined) throw new Error(`this call of ${skill.manifest.name} left nothing to undo`);
  const asStored = JSON.parse(JSON.stringify(result.undo)) as JsonValue;
  await skill.undo(asStored, context);
}

function fakeWorkspace(): FakeWorkspace {
  const files = new Map<string, string>();
  return {
    files,
    async list(user, folder) {
      ownOnly(user);
      return [...files]
        .filter(([path]) => folder === '' || path.startsWith(`${folder}/`))
        .map(([path, text]) => ({ path, size: text.length, modifiedAt: '2026-11-20T08:00:00Z' }));
    },
    async read(user, path) {
      ownOnly(user);
      const text = files.get(path);
      if (text === undefined) throw new ProblemError('not-found', `There is no file ${path}.`);
      return text;
    },
    async write(user, path, text) {
      ownOnly(user);
      const previous = files.get(path) ?? null;
      files.set(path, text);
      return { previous };
    },
    async remove(user, path) {
      ownOnly(user);
      files.delete(path);
    },
  };
}

function fakeReader(pages: ReadonlyMap<string, WebPage>): WebReader {
  return {
    allows: () => false,
    probe: () => Promise.reject(new ProblemError('conflict', 'Nobody looks here whether a server answers.')),
    async read(url) {
      const page = pages.get(url);
      if (page === undefined) throw new ProblemError('not-found', `There is no page ${url}.`);
      return page;
    },
  };
}

function ownOnly(user: string): void {
  if (user !== 'usr_1') throw new ProblemError('not-found', `There is no user ${user}.`);
}
