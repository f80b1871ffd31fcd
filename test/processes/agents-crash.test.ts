import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Request, TraceNode } from '../../contracts/request.js';
import {
  freePort,
  isAlive,
  newHome,
  prepareHome,
  type Product,
  removeHomes,
  startProduct,
} from '../helpers/processes.js';
import type { ApiClient } from '../helpers/api-client.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';
import { type MessagesBody, textOf } from '../stand-ins/anthropic-body.js';
import type { ScriptInput, ScriptTurn } from '../stand-ins/anthropic-script.js';
import { approvalsOf, decide, effectsOf, lanes, type Moment, outbox, STOP_AT, stoppedAt } from './mail-harness.js';

/** Children of one request; the last one sends a mail. */
const CHILDREN = 11;
const LIMIT = 3;
const ORDER = 'Ask everybody.';

/** Each with the most left undone or untold. */
const EVERY_MOMENT: readonly (readonly [string, Moment])[] = [
  ['with all of them chosen and none there', 'after stored'],
  ['while the first three think', 'after asked 3'],
  ['with the turn of one of them stored and not told', 'after stored 4'],
  ['with some done, some at work and some in the queue', 'after stored 9'],
  ['with the mail proposed and not committed', 'before proposed'],
  ['with the decision stored and nobody told', 'after decided'],
  ['with the mail in the outbox and the ledger not told', 'after linked'],
  ['with the ledger told and no last turn', 'after done'],
];
/** One of three; a soak takes all of them. */
const MOMENTS =
  process.env.SOAK_MOMENTS === 'all' ? EVERY_MOMENT : EVERY_MOMENT.filter((_moment, place) => place % 3 === 0);

const inLane = lanes(2);
const WAITING = { timeout: 600_000 };

let template: string;
let model: AnthropicStandIn;

beforeAll(async () => {
  template = await prepareHome();
  model = await startAnthropicStandIn({ script: mind, factsFrom: 'anywhere' });
});

afterAll(async () => {
  await removeHomes();
  model?.assertClean();
  await model?.close();
});

function taskOf(place: number, name: string): string {
  return `Child number ${place} of ${name}: ${place === CHILDREN ? 'send the mail' : 'write your file'}`;
}

/** The words an agent began with, and how often it has spoken since. */
function sessionOf(body: MessagesBody): { begun: string; turn: number } {
  const turn = body.messages.filter(({ role }) => role === 'assistant').length;
  return { begun: textOf(body.messages[0]?.content ?? ''), turn };
}

/** The first agent asks all of them at once; each does one thing and answers. */
function mind({ body, toolResults }: ScriptInput): ScriptTurn {
  const { begun, turn } = sessionOf(body);
  const [, place] = /^Child number (\d+) of /.exec(begun) ?? [];
  if (place === undefined) return turn === 0 ? spawning(begun.replace(ORDER, '').trim()) : { text: heard(toolResults) };
  if (Number(place) === CHILDREN) return mailing(turn, JSON.stringify(body.messages.at(-1)));
  if (turn > 0) return { text: `file ${place}` };
  return { calls: [{ name: 'file_write', input: { path: `child-${place}.txt`, text: `by ${place}` } }] };
}

function spawning(name: string): ScriptTurn {
  const calls = Array.from({ length: CHILDREN }, (_, index) => ({
    name: 'spawn_agent',
    input: {
      task: taskOf(index + 1, name),
      label: `child ${index + 1}`,
      skills: index + 1 === CHILDREN ? ['email_send'] : ['file_write'],
    },
  }));
  return { calls };
}

function heard(results: ScriptInput['toolResults']): string {
  return `heard ${results.map(({ content }) => (JSON.parse(content) as { text: string }).text).join(', ')}`;
}

function mailing(turn: number, news: string): ScriptTurn {
  const mail = { to: ['dana@example.com'], subject: 'Lunch', body: 'At one?' };
  if (turn === 0) return { calls: [{ name: 'email_send', input: mail }] };
  return { text: news.includes('[outcome] ') ? `mail ${CHILDREN}` : 'It waits.' };
}

/** Approves what waits, as long as there is somebody to tell. */
async function approve(api: ApiClient, request: string): Promise<void> {
  for (const approval of await approvalsOf(api, request))
    if (approval.status === 'pending') await decide(api, approval, 'approve');
}

async function useUntilDead({ api, pid, output }: Product, request: string): Promise<void> {
  const until = Date.now() + 60_000;
  while (isAlive(pid)) {
    if (Date.now() > until) throw new Error(`it never got to the moment it was to die at:\n${output()}`);
    try {
      await approve(api, request);
    } catch (error) {
      // It died under the call, or in the middle of its answer.
      if (!(error instanceof TypeError)) await delay(1_000);
      if (!(error instanceof TypeError) && isAlive(pid)) throw error;
    }
    await delay(50);
  }
}

async function seeToEnd(api: ApiClient, request: string): Promise<Request> {
  const until = Date.now() + 90_000;
  for (;;) {
    const now = await api.request(request);
    if (now.endedAt !== undefined) return now;
    if (Date.now() > until) throw new Error(JSON.stringify([now, await api.trace(request)], null, 1));
    await approve(api, request);
    await delay(100);
  }
}

function nodes(node: TraceNode): TraceNode[] {
  return [node, ...node.children.flatMap(nodes)];
}

/** Every child, its work and its answer once, one mail, no place kept by anybody, no stored turn asked for again. */
async function expectAllOnce(api: ApiClient, home: string, request: Request): Promise<void> {
  const answers = Array.from({ length: CHILDREN }, (_, place) =>
    place + 1 === CHILDREN ? `mail ${place + 1}` : `file ${place + 1}`,
  );
  expect(request).toMatchObject({
    status: 'completed',
    waitingFor: [],
    result: { text: `heard ${answers.join(', ')}` },
  });
  const approvals = await approvalsOf(api, request.id);
  expect(approvals).toMatchObject([{ skill: 'email_send', status: 'approved' }]);
  expect(await effectsOf(api, request.id)).toMatchObject([{ key: approvals[0]?.id, status: 'done' }]);
  expect([...outbox(home).keys()]).toEqual([`${approvals[0]?.id}.eml`]);
  const events = await api.events(request.id);
  expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, place) => place + 1));
  const finished = events
    .filter(({ type }) => type === 'agent.finished')
    .map(({ data }) => [data['label'], data['outcome']]);
  expect(finished.toSorted()).toEqual(
    Array.from({ length: CHILDREN }, (_, place) => [`child ${place + 1}`, 'completed']).toSorted(),
  );
  expect(events.filter(({ type }) => type === 'agent.spawned')).toHaveLength(CHILDREN);
  const found = nodes(await api.trace(request.id));
  const calls = found.filter(({ kind }) => kind === 'call');
  expect(calls.map(({ name, status }) => `${name} ${status}`).toSorted()).toEqual(
    [
      ...Array.from({ length: CHILDREN }, () => 'spawn_agent done'),
      ...Array.from({ length: CHILDREN - 1 }, () => 'file_write done'),
      'email_send done',
    ].toSorted(),
  );
  expectAskedOnce(found, request.text.replace(`${ORDER} `, ''));
}

/** A call of the model that was under way when everything died may be repeated; one whose turn is stored may not. */
function expectAskedOnce(found: readonly TraceNode[], name: string): void {
  const agents = found.filter(({ kind }) => kind === 'agent');
  const begun = [`${ORDER} ${name}`, ...Array.from({ length: CHILDREN }, (_, place) => taskOf(place + 1, name))];
  expect(agents.map((agent) => agent.name).toSorted()).toHaveLength(begun.length);
  const turns = agents.flatMap((agent) => {
    const [, place = '0'] = /^child (\d+)$/.exec(agent.name) ?? [];
    const own = agent.children.filter(({ kind }) => kind === 'turn');
    return own.map(({ endedAt }, turn) => ({
      task: begun[Number(place)] ?? '',
      turn,
      stored: Date.parse(endedAt ?? ''),
    }));
  });
  expect(turns.length).toBeGreaterThanOrEqual(2 * begun.length);
  for (const { task, turn, stored } of turns) {
    const asked = model.calls.filter(({ body }) => {
      const session = body === undefined ? undefined : sessionOf(body);
      return session?.begun.startsWith(task) === true && session.turn === turn;
    });
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter(({ at }) => at > stored)).toEqual([]);
  }
}

describe.concurrent(`kill -9 with ${CHILDREN} agents at work, ${LIMIT} at a time, which all answer once`, () => {
  it.each(MOMENTS)('%s', WAITING, (_, moment) =>
    inLane(async () => {
      const home = newHome(template);
      const port = await freePort();
      const mark = path.join(path.dirname(home), 'mark');
      const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'test-key' };
      const first = await startProduct({
        home,
        port,
        env: { ...env, STOP_AT: moment, STOP_MARK: mark, STOP_BY: 'SIGKILL' },
        preload: STOP_AT,
      });
      const id = await first.api.send(`${ORDER} ${moment}`);
      await useUntilDead(first, id);
      expect(stoppedAt(mark)).toEqual({ moment, pid: first.pid });
      // Every other time the Temporal server dies with it.
      if (MOMENTS.findIndex(([, other]) => other === moment) % 2 === 1) await first.killAll();
      const last = await startProduct({ home, port, env });
      await expectAllOnce(last.api, home, await seeToEnd(last.api, id));
      await last.killAll();
      expect(outbox(home).size).toBe(1);
    }),
  );
});
