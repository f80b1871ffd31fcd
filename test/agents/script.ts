import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SpawnWish } from '../../contracts/agent-access.js';
import type { Label } from '../../contracts/effect-class.js';
import { sql } from '../../store/sql.js';
import { openStage, type Stage, type StageOptions } from '../e2e/stage.js';
import { blocksOf, resultText, textOf } from '../stand-ins/anthropic-body.js';
import { startAnthropicStandIn } from '../stand-ins/anthropic.js';
import type { RecordedCall } from '../stand-ins/anthropic.js';
import type { ScriptInput, ScriptTurn } from '../stand-ins/anthropic-script.js';
import { startWebStandIn, type WebStandIn } from '../stand-ins/web.js';

/** A stage whose model may state only what it was given. */
export async function openTeamStage(options: Omit<StageOptions, 'model'> = {}): Promise<Stage> {
  return openStage({ ...options, model: await startAnthropicStandIn() });
}

export interface WebStage extends Stage {
  readonly web: WebStandIn;
}

/** A team's stage whose agents search a web of these pages; what the web has seen counts too when it is asserted clean. */
export async function openWebStage(
  pages: readonly Parameters<WebStandIn['index']>[0][],
  { file, ...options }: Omit<StageOptions, 'model'> = {},
): Promise<WebStage> {
  const web = await startWebStandIn();
  for (const page of pages) web.index(page);
  const stage = await openTeamStage({ ...options, file: { ...file, web: { searchUrl: web.url } } });
  return {
    ...stage,
    web,
    assertClean() {
      stage.assertClean();
      web.assertClean();
    },
    async close(end) {
      await stage.close(end);
      await web.close();
    },
  };
}

export const call = (name: string, input: unknown): ScriptTurn => ({ calls: [{ name, input }] });

/** One agent for each wish, side by side. */
export const spawn = (...wishes: readonly SpawnWish[]): ScriptTurn => ({
  calls: wishes.map((input) => ({ name: 'spawn_agent', input })),
});

/** A task: its first line, and the facts it goes with, each in a line of its own. */
export function brief(order: string, facts: Readonly<Record<string, string>> = {}): string {
  return [order, ...Object.entries(facts).map(([name, fact]) => `${name}: ${fact}`)].join('\n');
}

/** What the calls of the turn before gave back. */
export function results<T>(input: ScriptInput): T[] {
  return input.toolResults.map(({ name, content, isError }) => {
    if (isError) throw new Error(`${name} failed: ${content}`);
    return JSON.parse(content) as T;
  });
}

/** What the first call of the turn before gave back. */
export function result<T>(input: ScriptInput): T {
  const [first] = results<T>(input);
  if (first === undefined) throw new Error('nothing was given back');
  return first;
}

/** What another agent has answered, by its label, as this agent was told in any turn. */
export function answerOf(input: ScriptInput, label: string): string {
  return replyOf(input, label).text;
}

/** The id of an agent that has answered. */
export function agentOf(input: ScriptInput, label: string): string {
  return replyOf(input, label).agent;
}

interface Reply {
  readonly label: string;
  readonly agent: string;
  readonly text: string;
}

function replyOf({ body }: ScriptInput, label: string): Reply {
  const replies = body.messages
    .flatMap(({ content }) => blocksOf(content))
    .filter((block) => block.type === 'tool_result' && block.is_error !== true)
    .map((block) => JSON.parse(resultText(block)) as Partial<Reply>);
  const found = replies.findLast((reply) => reply.label === label && typeof reply.text === 'string');
  if (found === undefined) throw new Error(`no answer of “${label}” is there`);
  return found as Reply;
}

/** What stands behind `name: ` in a line of the newest words this agent was given: its task, or a message. */
export function given(input: ScriptInput, name: string): string {
  const texts = input.body.messages.filter(({ role }) => role === 'user').map(({ content }) => textOf(content));
  return fieldOf(texts.findLast((text) => text.includes(`${name}: `)) ?? '', name);
}

/** What stands behind `name: ` in a line of the text. */
export function fieldOf(text: string, name: string): string {
  const line = text.split('\n').find((candidate) => candidate.includes(`${name}: `));
  if (line === undefined) throw new Error(`there is no “${name}: ” in: ${text}`);
  return line.slice(line.indexOf(`${name}: `) + name.length + 2);
}

/** What others have told this agent beside its task since its last turn, such as `[report from …] …`. */
export function notes({ body }: ScriptInput): string[] {
  return blocksOf(body.messages.at(-1)?.content ?? [])
    .map((block) => textOf([block]))
    .filter((text) => /^\[(?:message|steer|report|access|granted|denied|revoked)\b/.test(text));
}

/** An agent of a request as its row has it. */
export interface Member {
  readonly id: string;
  readonly label: string;
  readonly parent: string;
  readonly task: string | null;
  readonly depth: number;
  readonly status: string;
  readonly outcome: string | null;
  readonly result: string | null;
  readonly labels: Label[];
  readonly skills: string[];
  readonly spaces: Record<string, string>;
}

/** Everybody who works for a request, in the order of their birth, the first agent left out. */
export function teamOf(stage: Stage, request: string): Promise<Member[]> {
  const { engine } = stage.world.serving.installation;
  return engine.db.as(stage.world.owner, (tx) =>
    tx.rows<Member>(sql`
      select a.id, a.label, p.label as parent, a.task, a.depth, a.status, a.outcome, a.result, a.labels,
        (select coalesce(array_agg(g.name order by g.name), '{}') from agent_grants g where g.agent_id = a.id and g.kind = 'skill') as skills,
        (select coalesce(json_object_agg(g.space_id, g.permission), '{}') from space_grants g
          where g.principal = 'agent:' || a.id and not exists (select from agents d where d.dm_space = g.space_id)) as spaces
      from agents a join agents p on p.id = a.parent_id join calls c on c.id = a.spawned_by
      where a.request_id = ${request} order by a.created_at, c.turn, c.position, a.id`),
  );
}

/** The member with this label; throws where there is not exactly one. */
export function memberOf(team: readonly Member[], label: string): Member {
  const [found, ...others] = team.filter((member) => member.label === label);
  if (found === undefined || others.length > 0)
    throw new Error(`${others.length + (found === undefined ? 0 : 1)} agents are called “${label}”`);
  return found;
}

/** How many turns one agent of the request has taken. */
export async function turnsOf(stage: Stage, request: string, agent: string | undefined): Promise<number> {
  const { engine } = stage.world.serving.installation;
  const { turns } = await engine.db.as(stage.world.owner, (tx) =>
    tx.one<{ turns: number }>(sql`
      select count(*)::int as turns from turns where request_id = ${request} and agent_id = ${agent ?? ''}`),
  );
  return turns;
}

/** The model's calls for agents whose task begins with these words. */
export function askedFor(stage: Stage, task: string): RecordedCall[] {
  return stage.model.calls.filter(({ body }) => textOf(body?.messages[0]?.content ?? '').startsWith(task));
}

/** The user's workspace as it lies on the disk. */
export function workspaceOf(stage: Stage): {
  read(file: string): string;
  has(file: string): boolean;
  put(file: string, text: string): void;
} {
  const folder = path.join(stage.world.serving.installation.config.folders.workspaces, stage.world.owner);
  return {
    read: (file) => readFileSync(path.join(folder, file), 'utf8'),
    has: (file) => existsSync(path.join(folder, file)),
    put: (file, text) => {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    },
  };
}
