import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { Request, TraceNode } from '../../contracts/request.js';
import type { Atom, Space } from '../../contracts/space.js';
import type { ApiClient } from '../helpers/api-client.js';
import type { AnthropicStandIn } from '../stand-ins/anthropic.js';
import type { MessagesBody } from '../stand-ins/anthropic-body.js';
import { type ScriptInput, scriptInput, type ScriptTurn } from '../stand-ins/anthropic-script.js';

/**
 * What the scripted model does, by the words of the message, the same each time it is asked. `JOB x`: a task, an event
 * and a file, then a word. `ASK x`: one question, then the answer repeated. Anything else: a word.
 */
export function assistant({ userText, turn, toolResults }: ScriptInput): ScriptTurn {
  const [, kind, name = ''] = /\b(JOB|ASK) (\S+)/.exec(userText) ?? [];
  if (kind === undefined) return { text: `heard: ${userText}` };
  if (turn > 0) return { text: kind === 'JOB' ? `finished ${name}` : `you said ${answerIn(toolResults[0]?.content)}` };
  if (kind === 'ASK')
    return { text: 'One question.', calls: [{ name: 'ask_user', input: { question: `Which colour for ${name}?` } }] };
  return {
    text: `working on ${name}`,
    calls: [
      { name: 'tasks_create', input: { title: `task ${name}` } },
      { name: 'calendar_create_event', input: eventOf(name) },
      { name: 'file_write', input: { path: `notes/${name}.txt`, text: `note ${name}` } },
    ],
  };
}

function answerIn(content = ''): string {
  return (JSON.parse(content) as { answer: string }).answer;
}

function eventOf(name: string) {
  return {
    title: `event ${name}`,
    start: '2026-12-01T09:00:00Z',
    end: '2026-12-01T10:00:00Z',
    timeZone: 'UTC',
    attendees: [],
  };
}

/** Calls of the model for one message, by the turn they asked for (from 1). */
export function modelCalls(model: AnthropicStandIn, text: string): { turn: number; at: number; finished: boolean }[] {
  return model.calls.flatMap((call) => {
    const { userText, turn } = scriptInput(call.body as MessagesBody, call.index);
    return userText === text ? [{ turn: turn + 1, at: call.at, finished: call.finished }] : [];
  });
}

/** What is on the board, in the calendar and in the workspace under a name: how often, and the file's text. */
export async function traces(
  api: ApiClient,
  home: string,
  name: string,
): Promise<{ tasks: number; events: number; file: string }> {
  const user = (await api.get<{ id: string }>('/v1/me')).body.id;
  const [board] = (await api.get<{ items: Space[] }>('/v1/spaces?role=tasks')).body.items;
  const atoms = (await api.get<{ items: Atom[] }>(`/v1/spaces/${board?.id ?? ''}/atoms?limit=200`)).body.items;
  const titles = atoms.map(({ payload }) => (payload as { title: string }).title);
  const calendar = textIn(path.join(home, 'local', user, 'calendar.ics'));
  return {
    tasks: titles.filter((title) => title === `task ${name}`).length,
    events: calendar.split(/\r?\n/).filter((line) => line === `SUMMARY:event ${name}`).length,
    file: textIn(path.join(home, 'workspaces', user, 'notes', `${name}.txt`)),
  };
}

function textIn(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** A job's result as if nothing had happened, everything done once, no stored turn asked for again. */
export async function expectJobDone(
  api: ApiClient,
  model: AnthropicStandIn,
  home: string,
  id: string,
  name: string,
): Promise<void> {
  const request = await api.ended(id);
  expect(request).toMatchObject({ status: 'completed', waitingFor: [], result: { text: `finished ${name}` } });
  expect(request.result?.outputs.map(({ kind }) => kind)).toEqual(['task', 'event', 'file']);
  expect(await traces(api, home, name)).toEqual({ tasks: 1, events: 1, file: `note ${name}` });
  await expectHistoryWhole(api, request);
  await expectStoredTurnsAskedOnce(api, model, request);
}

/** Every event once, numbered without a gap, each call begun and finished once, one end. */
export async function expectHistoryWhole(api: ApiClient, request: Request): Promise<void> {
  const events = await api.events(request.id);
  expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, place) => place + 1));
  expect(events.filter(({ type }) => type === 'done')).toHaveLength(1);
  expect(events.at(-1)?.type).toBe('done');
  for (const type of ['skill.started', 'skill.finished'] as const) {
    const calls = events.filter((event) => event.type === type).map(({ data }) => data['call']);
    expect(new Set(calls).size).toBe(calls.length);
  }
}

/** A call that was under way when everything died may be repeated; one whose turn is stored may not. */
export async function expectStoredTurnsAskedOnce(
  api: ApiClient,
  model: AnthropicStandIn,
  request: Request,
): Promise<void> {
  const calls = modelCalls(model, request.text);
  const turns = nodes(await api.trace(request.id)).filter(({ kind }) => kind === 'turn');
  expect(turns.length).toBeGreaterThan(0);
  for (const [place, turn] of turns.entries()) {
    const stored = Date.parse(turn.endedAt ?? '');
    const asked = calls.filter((call) => call.turn === place + 1);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter(({ at }) => at > stored)).toEqual([]);
  }
}

function nodes(node: TraceNode): TraceNode[] {
  return [node, ...node.children.flatMap(nodes)];
}
