import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Approval, Effect } from '../../contracts/approval.js';
import type { Request } from '../../contracts/request.js';
import type { Answer, ApiClient } from '../helpers/api-client.js';
import type { AnthropicStandIn } from '../stand-ins/anthropic.js';
import type { ScriptInput, ScriptTurn } from '../stand-ins/anthropic-script.js';
import { expectStoredTurnsAskedOnce } from './crash-harness.js';

/** To be loaded before the product; see there for the moments. */
export const STOP_AT = fileURLToPath(new URL('./fixtures/stop-at.mjs', import.meta.url));

type What =
  | 'accepted'
  | 'asked'
  | 'filed'
  | 'heard'
  | 'invited'
  | 'composed'
  | 'journaled'
  | 'linked'
  | 'stored'
  | 'proposed'
  | 'decided'
  | 'started'
  | 'looked'
  | 'done';
export type Moment = `${'before' | 'after'} ${What}` | `${'before' | 'after'} ${What} ${number}`;

/** Longer than the lease of an attempt and every look at what became of it. */
const MAIL_MS = 90_000;

export function mailOf(name: string): string {
  return `Send dana@example.com a mail saying: lunch ${name} at one?`;
}

/** What the scripted model does about such a message: the mail, a summary, and a word when it is told the outcome. */
export function mailer({ userText, turn, body }: ScriptInput): ScriptTurn {
  const [, said = ''] = /saying: (.+)/.exec(userText) ?? [];
  const mail = { to: ['dana@example.com'], subject: 'Lunch', body: said };
  if (turn === 0) return { text: 'I write the mail.', calls: [{ name: 'email_send', input: mail }] };
  const isTold = JSON.stringify(body.messages.at(-1)).includes('[outcome] ');
  return { text: isTold ? `sent: ${said}` : `This mail waits for your approval: ${said}` };
}

/** Who stopped at the moment, as the process itself wrote down just before. */
export function stoppedAt(mark: string): { moment: string; pid: number } | undefined {
  if (!existsSync(mark)) return undefined;
  const [, moment = '', pid = ''] = /^(.*) (\d+)\n$/.exec(readFileSync(mark, 'utf8')) ?? [];
  return { moment, pid: Number(pid) };
}

export async function approvalsOf(api: ApiClient, request: string): Promise<Approval[]> {
  return items(await api.get<{ items: Approval[] }>(`/v1/approvals?request=${request}`));
}

export async function effectsOf(api: ApiClient, request: string): Promise<Effect[]> {
  return items(await api.get<{ items: Effect[] }>(`/v1/requests/${request}/effects`));
}

function items<T>({ status, body }: Answer<{ items: T[] }>): T[] {
  expect(status).toBe(200);
  return body.items;
}

/** The one mail that waits, once the agent has had its say. */
export async function parked(api: ApiClient, request: string): Promise<Approval> {
  const waiting = await api.until(request, ({ status }) => status === 'waiting_approval');
  expect(waiting.result?.text).toMatch(/^This mail waits/);
  const [approval, ...others] = await approvalsOf(api, request);
  expect(others).toEqual([]);
  if (approval?.status !== 'pending') throw new Error(`nothing waits: ${JSON.stringify(approval)}`);
  expect(waiting.waitingFor).toEqual([{ kind: 'approval', id: approval.id, text: approval.title }]);
  return approval;
}

export function decide(
  api: ApiClient,
  { id, payloadHash }: Approval,
  decision: 'approve' | 'reject',
): Promise<Answer<Approval>> {
  return api.post<Approval>(`/v1/approvals/${id}`, { decision, payloadHash });
}

/** Approves what waits for a person until the request has ended, and says how often that was needed. */
export async function seeToEnd(api: ApiClient, request: string): Promise<number> {
  let decisions = 0;
  const until = Date.now() + MAIL_MS;
  for (;;) {
    const { endedAt, status } = await api.request(request);
    if (endedAt !== undefined) return decisions;
    if (Date.now() > until) throw new Error(`it did not end: ${JSON.stringify(await stateOf(api, request), null, 1)}`);
    if (status === 'waiting_approval') {
      expect((await decide(api, await parked(api, request), 'approve')).status).toBe(200);
      decisions += 1;
    }
    await delay(100);
  }
}

async function stateOf(api: ApiClient, request: string) {
  const [now, approvals, effects] = await Promise.all([
    api.request(request),
    approvalsOf(api, request),
    effectsOf(api, request),
  ]);
  return { now, approvals: approvals.map(({ id, effect, status }) => ({ id, effect, status })), effects };
}

/** Mails in the outbox of every user, by their names; files that a crash left half-made have other names. */
export function outbox(home: string): Map<string, string> {
  const root = path.join(home, 'local');
  const users = existsSync(root) ? readdirSync(root) : [];
  const folders = users.map((user) => path.join(root, user, 'mail', 'outbox')).filter((folder) => existsSync(folder));
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)));
  const mails = files.filter((file) => !path.basename(file).startsWith('.retinue-tmp-'));
  return new Map(mails.map((file) => [path.basename(file), readFileSync(file, 'utf8')]));
}

/** The mail of this request went out once, as it was approved; its history is whole. Returns how many attempts it took. */
export async function expectSentOnce(
  api: ApiClient,
  model: AnthropicStandIn,
  home: string,
  id: string,
): Promise<number> {
  const request = await api.ended(id, MAIL_MS);
  expect(request).toMatchObject({ status: 'completed', waitingFor: [] });
  expect(request.result?.text).toMatch(/^sent: lunch/);
  const approvals = await approvalsOf(api, id);
  expect(approvals).toMatchObject([{ effect: 'outward', skill: 'email_send', status: 'approved' }]);
  const [approval] = approvals;
  const effects = await effectsOf(api, id);
  expect(effects).toMatchObject([{ key: approval?.id, status: 'done', payloadHash: approval?.payloadHash }]);
  const own = [...outbox(home)].filter(([, text]) => text.includes(saidIn(request)));
  expect(own).toEqual([[`${approval?.id}.eml`, approval?.rendered?.text]]);
  expect(request.result?.outputs).toMatchObject([{ kind: 'mail', ref: `effect:${approval?.id}` }]);
  await expectWholeStory(api, request);
  await expectStoredTurnsAskedOnce(api, model, request);
  return effects[0]?.attempts ?? 0;
}

function saidIn(request: Request): string {
  return /saying: (.+)/.exec(request.text)?.[1] ?? 'nothing';
}

/** Every event once, numbered without a gap: one proposal, one sending, one end. */
async function expectWholeStory(api: ApiClient, request: Request): Promise<void> {
  const events = await api.events(request.id);
  expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, place) => place + 1));
  expect(events.at(-1)?.type).toBe('done');
  const of = (type: string): Readonly<Record<string, unknown>>[] =>
    events.filter((event) => event.type === type).map(({ data }) => data);
  expect(of('done')).toHaveLength(1);
  expect(of('approval.requested')).toHaveLength(1);
  expect(of('skill.started')).toHaveLength(1);
  // Once for the proposal, once for the mail.
  const finished = of('skill.finished').map(({ effect, outcome }) => [effect !== undefined, outcome]);
  expect(finished).toEqual([
    [false, 'done'],
    [true, 'done'],
  ]);
}

/** At most so many pieces of work at a time. */
export function lanes(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
