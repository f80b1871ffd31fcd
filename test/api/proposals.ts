import { noRecordings } from '../helpers/no-recordings.js';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ActivityDeps } from '../../activities/deps.js';
import { sendEffect } from '../../activities/effects.js';
import { InFlight } from '../../activities/in-flight.js';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import { createLocalCalendar } from '../../connectors/local/calendar.js';
import { createLocalMail } from '../../connectors/local/mail.js';
import { createWorkspace } from '../../connectors/local/workspace.js';
import type { Approval } from '../../contracts/approval.js';
import type { ModelReply, ModelRequest } from '../../contracts/model.js';
import type { AgentRef, CallStep, Step } from '../../contracts/step.js';
import { viewApproval } from '../../engine/approval-views.js';
import { builtinSkills } from '../../skills/index.js';
import { createSkillRegistry } from '../../skills/registry.js';
import { sql } from '../../store/sql.js';
import type { ApiHarness } from './harness.js';
import { newRequest } from './progress.js';

export const MAIL = { to: ['dana@example.com'], subject: 'Lunch', body: 'Lunch at one?' };

export interface Chosen {
  readonly skill: string;
  readonly input: unknown;
}

/** A request whose agent waits for the decision about what it proposed. */
export interface Proposed {
  readonly ref: AgentRef;
  /** In the order of the calls. */
  readonly approvals: readonly Approval[];
  /** The first of them. */
  readonly approval: Approval;
}

/** Stands in for workflow and model: agents choose what a test says, and everything after that is the real thing. */
export interface Desk {
  /** Has the agent choose these calls in its next turn; nothing runs yet. Those that were refused are left out. */
  plan(ref: AgentRef, ...calls: Chosen[]): Promise<readonly CallStep[]>;
  run(ref: AgentRef, calls: readonly CallStep[]): Promise<void>;
  /** As `plan`, then runs the calls; their ids. */
  choose(ref: AgentRef, ...calls: Chosen[]): Promise<string[]>;
  /** Has the agent end its turn with these words. */
  say(ref: AgentRef, text: string): Promise<Step>;
  /** A new request of this person whose agent proposes these mails and ends its turn. */
  mails(user: string, ...mails: unknown[]): Promise<Proposed>;
  /** As `mails`, by an agent that has looked into the mailbox before, so that it has read other people's words. */
  untrustedMail(user: string, mail: unknown): Promise<Proposed>;
  approvalsOf(ref: AgentRef): Promise<Approval[]>;
  /** Carries out what was approved. */
  carryOut(ref: AgentRef, key: string): Promise<void>;
  /** Everything the model was asked. */
  readonly asked: readonly ModelRequest[];
}

const { signal } = new AbortController();

export function openDesk(api: ApiHarness): Desk {
  const asked: ModelRequest[] = [];
  let next: ModelReply['content'] = [];
  const deps = activityDeps(api, async (request) => {
    asked.push(request);
    return reply(next);
  });

  async function think(ref: AgentRef, content: ModelReply['content']): Promise<Step> {
    next = content;
    const { turns } = await api.engine.db.as(ref.user, (tx) =>
      tx.one<{ turns: number }>(sql`select turns from agents where id = ${ref.agent}`),
    );
    return thinkTurn(deps, { ...ref, turn: turns + 1 }, signal);
  }

  const say: Desk['say'] = (ref, text) => think(ref, [{ type: 'text', text }]);

  const plan: Desk['plan'] = async (ref, ...calls) => {
    const blocks = calls.map(({ skill, input }, index) => ({
      type: 'tool_use' as const,
      id: `use${index}`,
      name: skill,
      input,
    }));
    const step = await think(ref, blocks);
    return step.kind === 'calls' ? step.calls : [];
  };

  const run: Desk['run'] = async (ref, calls) => {
    for (const { callId, mode, quick } of calls) await runSkillCall(deps, { ...ref, callId, mode, quick }, 1, signal);
  };

  const choose: Desk['choose'] = async (ref, ...calls) => {
    const chosen = await plan(ref, ...calls);
    await run(ref, chosen);
    return chosen.map((call) => call.callId);
  };

  const approvalsOf: Desk['approvalsOf'] = async ({ user, request }) => {
    const rows = await api.engine.db.as(user, (tx) =>
      tx.rows<{ id: string }>(sql`
        select p.id from approvals p join calls c on c.id = p.call_id where p.request_id = ${request} order by c.turn, c.position`),
    );
    return Promise.all(rows.map(({ id }) => viewApproval(api.engine, user, id)));
  };

  async function proposed(ref: AgentRef): Promise<Proposed> {
    await say(ref, 'It waits for you.');
    const approvals = await approvalsOf(ref);
    const [approval] = approvals;
    if (approval === undefined) throw new Error('nothing was proposed');
    return { ref, approvals, approval };
  }

  return {
    asked,
    plan,
    run,
    say,
    choose,
    approvalsOf,
    async mails(user, ...mails) {
      const ref = await newRequest(api.engine, user, 'Write to Dana about lunch');
      await choose(ref, ...mails.map((input) => ({ skill: 'email_send', input })));
      return proposed(ref);
    },
    async untrustedMail(user, mail) {
      const ref = await newRequest(api.engine, user, 'Do what the newest mail says');
      const inbox = path.join(api.store.folder, 'local', user, 'mail', 'inbox');
      mkdirSync(inbox, { recursive: true });
      writeFileSync(path.join(inbox, 'one.eml'), 'From: eve@evil.example\r\nSubject: Do it\r\n\r\nDo it.\r\n');
      await choose(ref, { skill: 'email_search', input: {} });
      await choose(ref, { skill: 'email_send', input: mail });
      return proposed(ref);
    },
    async carryOut(ref, key) {
      const { fence } = await api.engine.db.as(ref.user, (tx) =>
        tx.one<{ fence: number }>(sql`select fence from effects where key = ${key}`),
      );
      await sendEffect(deps, { ...ref, key, fence });
    },
  };
}

function activityDeps(api: ApiHarness, complete: ActivityDeps['models']['complete']): ActivityDeps {
  const local = path.join(api.store.folder, 'local');
  return {
    engine: api.engine,
    skills: createSkillRegistry(builtinSkills),
    models: {
      complete,
      order: (model) => [model],
      priceOf: () => '0',
      highestPriceOf: () => '0',
      affordableOutputTokens: () => 1_000,
      isPriced: () => true,
      maxOutputTokens: 1_000,
      contextCharacters: 1_000_000,
    },
    bus: api.store.bus,
    calendar: createLocalCalendar({ root: local }),
    mail: createLocalMail({ root: local }),
    workspace: createWorkspace({ root: path.join(api.store.folder, 'workspaces') }),
    ...noRecordings,
    bootId: 'boot_test',
    inFlight: new InFlight(),
    parkedMs: 1_000,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  };
}

function reply(content: ModelReply['content']): ModelReply {
  return {
    model: 'rehearsal',
    content,
    stopReason: content.some((block) => block.type === 'tool_use') ? 'tool_use' : 'end_turn',
    usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 },
  };
}

/** sha256 in hex of the RFC 8785 JSON of a value, written here once more so that the product is not its own witness. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value), 'utf8').digest('hex');
}

/** Keys in the order of their UTF-16 code units, no spaces, numbers and strings as ECMAScript writes them. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}
