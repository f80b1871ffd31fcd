import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beginCall, finishCall, settleUndo } from '../../engine/calls.js';
import { putAtom } from '../../spaces/atoms.js';
import { userActor } from '../../spaces/principal.js';
import { spaceOfRole } from '../../spaces/spaces.js';
import { sql } from '../../store/sql.js';
import { type ApiHarness, form, openApi } from './harness.js';
import { completedRequest, newRequest, takeTurn } from './progress.js';

let api: ApiHarness;
beforeAll(async () => {
  api = await openApi();
});
afterAll(async () => {
  await api.close();
});

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

async function count(table: string): Promise<number> {
  return (
    await api.store.db.system((tx) => tx.one<{ n: number }>(sql`select count(*)::int as n from ${sql.table(table)}`))
  ).n;
}

describe('sending a message', () => {
  test('answers 202 with the whole request and absolute links', async () => {
    const answer = await api.call({
      method: 'POST',
      url: '/v1/requests',
      payload: { text: 'Book a table', priority: 2 },
    });
    expect(answer.statusCode).toBe(202);
    const made = answer.json();
    expect(made).toMatchObject({
      text: 'Book a table',
      status: 'queued',
      waitingFor: [],
      origin: 'user',
      attachments: [],
      cost: { totalUsd: '0', charges: [] },
    });
    expect(made.result).toBeUndefined();
    expect(made.agents).toHaveLength(1);
    expect(made.agents[0]).toMatchObject({
      id: made.agent,
      skills: ['remember', 'search_memory'],
      priority: 2,
      lasting: false,
    });
    expect(Object.values(made.agents[0].spaces)).toEqual(Array.from({ length: 6 }, () => 'grant'));
    expect(made.links).toEqual({
      self: `http://localhost:3000/v1/requests/${made.id}`,
      events: `http://localhost:3000/v1/requests/${made.id}/events`,
      trace: `http://localhost:3000/v1/requests/${made.id}/trace`,
      temporal: `http://localhost:8233/namespaces/default/workflows/request%3A${made.id}`,
    });
    expect(answer.headers.location).toBe(made.links.self);
    expect((await api.call({ url: `/v1/requests/${made.id}` })).json()).toEqual(made);
  });

  test('the same key ten times at once makes one request', async () => {
    const before = await count('requests');
    const headers = { 'idempotency-key': 'ten-at-once' };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        api.call({ method: 'POST', url: '/v1/requests', headers, payload: { text: 'once' } }),
      ),
    );
    expect(new Set(answers.map((answer) => answer.statusCode))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
    expect(await count('requests')).toBe(before + 1);
  });

  test('a key used with another body is refused, and is one user’s own', async () => {
    const headers = { 'idempotency-key': 'my-key' };
    const first = await api.call({ method: 'POST', url: '/v1/requests', headers, payload: { text: 'one' } });
    const other = await api.call({ method: 'POST', url: '/v1/requests', headers, payload: { text: 'two' } });
    expect(other.statusCode).toBe(422);
    expect(other.headers['content-type']).toContain('application/problem+json');
    expect(other.json()).toMatchObject({
      type: '/problems/reused-key',
      status: 422,
      errors: [{ path: 'Idempotency-Key' }],
    });
    const { token } = await api.person('Key user');
    const theirs = await api.call({ method: 'POST', url: '/v1/requests', headers, payload: { text: 'two' }, token });
    expect(theirs.statusCode).toBe(202);
    expect(theirs.json().id).not.toBe(first.json().id);
  });

  test('goes on in a conversation', async () => {
    const first = (await api.call({ method: 'POST', url: '/v1/requests', payload: { text: 'Hello' } })).json();
    const second = (
      await api.call({
        method: 'POST',
        url: '/v1/requests',
        payload: { text: 'And more', conversation: first.conversation },
      })
    ).json();
    expect(second.conversation).toBe(first.conversation);
    const thread = (await api.call({ url: `/v1/conversations/${first.conversation}` })).json();
    expect(thread.requests.map((request: { id: string }) => request.id)).toEqual([second.id, first.id]);
    const all = (await api.call({ url: '/v1/conversations' })).json();
    expect(all.items[0].id).toBe(first.conversation);
  });

  test('takes a form with the message and files', async () => {
    const { payload, headers } = form([
      { name: 'request', body: JSON.stringify({ text: 'What is this?' }) },
      { name: 'file', filename: 'dot.png', type: 'image/png', body: PNG },
      { name: 'file', filename: 'notes.txt', type: 'text/plain', body: 'some notes' },
    ]);
    const answer = await api.call({ method: 'POST', url: '/v1/requests', headers, payload });
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({
      text: 'What is this?',
      attachments: [
        { name: 'dot.png', mediaType: 'image/png', size: PNG.length },
        { name: 'notes.txt', mediaType: 'text/plain', size: 10 },
      ],
    });
    const bytes = await api.call({ url: new URL(answer.json().attachments[0].url).pathname });
    expect(bytes.rawPayload.equals(PNG)).toBe(true);
  });

  test('takes the message of a form as a JSON file too, and files without a message', async () => {
    const blob = form([
      { name: 'request', filename: 'blob', type: 'application/json', body: JSON.stringify({ text: 'as a blob' }) },
    ]);
    expect((await api.call({ method: 'POST', url: '/v1/requests', ...blob })).json().text).toBe('as a blob');
    const typed = form([{ name: 'request', type: 'application/json', body: JSON.stringify({ text: 'typed' }) }]);
    expect((await api.call({ method: 'POST', url: '/v1/requests', ...typed })).json().text).toBe('typed');
    const silent = form([{ name: 'file', filename: 'dot.png', type: 'image/png', body: PNG }]);
    const answer = await api.call({ method: 'POST', url: '/v1/requests', ...silent });
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ text: '', attachments: [{ name: 'dot.png' }] });
  });

  test('takes attachments inside the JSON and by id', async () => {
    const upload = await api.call({
      method: 'POST',
      url: '/v1/files',
      ...form([{ name: 'file', filename: 'a.txt', type: 'text/plain', body: 'a' }]),
    });
    expect(upload.statusCode).toBe(201);
    const answer = await api.call({
      method: 'POST',
      url: '/v1/requests',
      payload: {
        attachments: [
          { mediaType: 'image/png', name: 'x.png', data: PNG.toString('base64') },
          { fileId: upload.json().id },
        ],
      },
    });
    expect(answer.statusCode).toBe(202);
    expect(answer.json().attachments.map((file: { name: string }) => file.name)).toEqual(['x.png', 'a.txt']);
  });

  test('takes five megabytes of audio inside the JSON', async () => {
    const mp3 = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(5 * 1024 * 1024)]);
    const answer = await api.call({
      method: 'POST',
      url: '/v1/requests',
      payload: { attachments: [{ mediaType: 'audio/mpeg', data: mp3.toString('base64') }] },
    });
    expect(answer.statusCode).toBe(202);
    expect(answer.json().attachments[0].size).toBe(mp3.length);
  });
});

describe('waiting for the result', () => {
  test('answers 200 as soon as the request has ended', async () => {
    const headers = { 'idempotency-key': 'wait-for-end' };
    const started = Date.now();
    const waiting = api.call({ method: 'POST', url: '/v1/requests?wait=30', headers, payload: { text: 'quick' } });
    const ref = await openedRequest('quick');
    await takeTurn(api.engine, ref, { turn: 1, text: 'There you are.', usd: '0.0042' });
    const answer = await waiting;
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      status: 'completed',
      result: { text: 'There you are.', outputs: [] },
      cost: { totalUsd: '0.0042' },
    });
    expect(Date.now() - started).toBeLessThan(5_000);
    const again = await api.call({ method: 'POST', url: '/v1/requests?wait=5', headers, payload: { text: 'quick' } });
    expect(again.statusCode).toBe(200);
    expect(again.json().id).toBe(ref.request);
    expect(
      (await api.call({ method: 'POST', url: '/v1/requests', headers, payload: { text: 'quick' } })).statusCode,
    ).toBe(202);
  });

  test('answers 202 when the request waits for the user', async () => {
    const waiting = api.call({ method: 'POST', url: '/v1/requests?wait=30', payload: { text: 'ask me' } });
    const ref = await openedRequest('ask me');
    await takeTurn(api.engine, ref, {
      turn: 1,
      text: 'One thing.',
      calls: [{ skill: 'ask_user', question: 'Which day?' }],
    });
    const answer = await waiting;
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({
      status: 'waiting_user',
      waitingFor: [{ kind: 'user', text: 'Which day?' }],
      result: { text: 'One thing.' },
    });
    const said = await api.call({
      method: 'POST',
      url: `/v1/requests/${ref.request}/messages`,
      payload: { text: 'Tuesday' },
    });
    expect(said.statusCode).toBe(200);
    expect(said.json()).toMatchObject({ id: ref.request, status: 'running', waitingFor: [] });
  });

  test('answers 202 when the time is over', async () => {
    const started = Date.now();
    const answer = await api.call({ method: 'POST', url: '/v1/requests?wait=1', payload: { text: 'slow' } });
    expect(answer.statusCode).toBe(202);
    expect(answer.json().status).toBe('queued');
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
    expect(
      (await api.call({ method: 'POST', url: '/v1/requests?wait=0', payload: { text: 'at once' } })).statusCode,
    ).toBe(202);
  });

  async function openedRequest(text: string) {
    for (let tries = 0; tries < 200; tries += 1) {
      const { items } = (await api.call({ url: '/v1/requests?limit=1' })).json();
      if (items[0]?.text === text)
        return { user: api.owner.id, request: items[0].id as string, agent: items[0].agent as string };
      await delay(10);
    }
    throw new Error('the request did not appear');
  }
});

describe('steering', () => {
  test('a message and a cancel after the end are conflicts; cancelling twice is not', async () => {
    const done = await completedRequest(api.engine, api.owner.id);
    expect(
      (
        await api.call({ method: 'POST', url: `/v1/requests/${done.request}/messages`, payload: { text: 'late' } })
      ).json(),
    ).toMatchObject({ type: '/problems/conflict', status: 409 });
    expect((await api.call({ method: 'POST', url: `/v1/requests/${done.request}/cancel` })).statusCode).toBe(409);
    const open = await newRequest(api.engine, api.owner.id);
    for (const payload of [undefined, {}]) {
      const answer = await api.call({
        method: 'POST',
        url: `/v1/requests/${open.request}/cancel`,
        ...(payload === undefined ? {} : { payload }),
      });
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toMatchObject({ status: 'cancelled', agents: [{ status: 'ended' }] });
      expect(answer.json().endedAt).toBeDefined();
    }
  });

  async function undoableCall() {
    const ref = await newRequest(api.engine, api.owner.id);
    await takeTurn(api.engine, ref, { turn: 1, calls: [{ skill: 'remember' }] });
    const trace = (await api.call({ url: `/v1/requests/${ref.request}/trace` })).json();
    const callId: string = trace.children[0].children[0].children[0].id;
    await beginCall(api.engine, { ...ref, callId }, 'run');
    await finishCall(api.engine, { ...ref, callId }, { output: { ok: true }, undo: { atom: 'atm_1' }, usd: '0.1' });
    return { ...ref, callId };
  }

  async function whenUndoing(call: { callId: string }) {
    for (let tries = 0; tries < 200; tries += 1) {
      const { status } = await api.store.db.system((tx) =>
        tx.one<{ status: string }>(sql`select status from calls where id = ${call.callId}`),
      );
      if (status === 'undoing') return;
      await delay(10);
    }
    throw new Error('the undo was not asked for');
  }

  test('an undo is waited for', async () => {
    const call = await undoableCall();
    const undoing = api.call({ method: 'POST', url: `/v1/calls/${call.callId}/undo` });
    await whenUndoing(call);
    await api.store.db.as(call.user, (tx) => settleUndo(tx, call, 'remember', undefined));
    const answer = await undoing;
    expect([answer.statusCode, answer.json()]).toEqual([200, { id: call.callId, status: 'undone' }]);
    expect((await api.call({ method: 'POST', url: `/v1/calls/${call.callId}/undo` })).json().status).toBe('undone');
  });

  test('an undo that fails is a conflict with the reason', async () => {
    const call = await undoableCall();
    const undoing = api.call({ method: 'POST', url: `/v1/calls/${call.callId}/undo` });
    await whenUndoing(call);
    await api.store.db.as(call.user, (tx) => settleUndo(tx, call, 'remember', 'The event was changed meanwhile.'));
    const answer = await undoing;
    expect(answer.statusCode).toBe(409);
    expect(answer.json()).toMatchObject({ type: '/problems/conflict', detail: 'The event was changed meanwhile.' });
  });
});

describe('reading', () => {
  test('lists by status, conversation and time, page by page', async () => {
    const { id, token } = await api.person('Lister');
    const refs = [];
    for (let index = 0; index < 5; index += 1) refs.push(await newRequest(api.engine, id, `number ${index}`));
    await takeTurn(api.engine, refs[0]!, { turn: 1, text: 'ok' });
    const get = async (query: string) => (await api.call({ url: `/v1/requests?${query}`, token })).json();
    expect((await get('status=completed')).items.map((item: { id: string }) => item.id)).toEqual([refs[0]!.request]);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await get(`limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.items.map((item: { text: string }) => item.text));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(['number 4', 'number 3', 'number 2', 'number 1', 'number 0']);
    const third = (await get('')).items[2];
    const from = encodeURIComponent(third.createdAt);
    expect((await get(`from=${from}`)).items).toHaveLength(3);
    expect((await get(`to=${from}`)).items).toHaveLength(2);
    expect((await get(`conversation=${third.conversation}`)).items).toHaveLength(1);
  });

  test('money is exact', async () => {
    const { id, token } = await api.person('Spender');
    const ref = await newRequest(api.engine, id);
    await takeTurn(api.engine, ref, { turn: 1, usd: '0.1', calls: [{ skill: 'remember' }] });
    const trace = (await api.call({ url: `/v1/requests/${ref.request}/trace`, token })).json();
    const callId = trace.children[0].children[0].children[0].id;
    await beginCall(api.engine, { ...ref, callId }, 'run');
    await finishCall(api.engine, { ...ref, callId }, { output: null, usd: '0.200' });
    await takeTurn(api.engine, ref, { turn: 2, text: 'Done', usd: '0.000000000001' });
    const view = (await api.call({ url: `/v1/requests/${ref.request}`, token })).json();
    expect(view.cost.totalUsd).toBe('0.300000000001');
    expect(view.cost.charges.map((charge: { usd: string }) => charge.usd).toSorted()).toEqual([
      '0.000000000001',
      '0.1',
      '0.2',
    ]);
    expect(view.agents[0].costUsd).toBe('0.300000000001');
    const sums = async (group: string) => (await api.call({ url: `/v1/charges?groupBy=${group}`, token })).json().items;
    expect(await sums('model')).toEqual([{ key: 'rehearsal', usd: '0.100000000001', count: 2 }]);
    expect(await sums('skill')).toEqual([{ key: 'remember', usd: '0.2', count: 1 }]);
    expect(await sums('agent')).toEqual([{ key: ref.agent, usd: '0.300000000001', count: 3 }]);
    expect(await sums('user')).toEqual([{ key: id, usd: '0.300000000001', count: 3 }]);
    const list = (await api.call({ url: '/v1/charges?limit=2', token })).json();
    expect(list.items).toHaveLength(2);
    expect((await api.call({ url: `/v1/charges?limit=2&cursor=${list.cursor}`, token })).json().items).toHaveLength(1);
  });

  test('the trace names turns, calls, atoms and charges', async () => {
    const ref = await newRequest(api.engine, api.owner.id);
    await takeTurn(api.engine, ref, {
      turn: 1,
      text: 'Let me see',
      usd: '0.01',
      calls: [{ skill: 'remember' }, { skill: 'search_memory' }],
    });
    await rememberInFirstCall(ref);
    const tree = (await api.call({ url: `/v1/requests/${ref.request}/trace` })).json();
    expect(tree).toMatchObject({ id: ref.request, kind: 'request', usd: '0.01', agent: ref.agent });
    const [agent] = tree.children;
    expect(agent).toMatchObject({ id: ref.agent, kind: 'agent', grant: { skills: ['remember', 'search_memory'] } });
    const [turn] = agent.children;
    expect(turn).toMatchObject({
      id: `turn:${ref.agent}:1`,
      kind: 'turn',
      status: 'tool_use',
      usd: '0.01',
      outputRef: `turn:${ref.agent}:1`,
    });
    expect(turn.charges).toHaveLength(1);
    expect(turn.children.map((call: { name: string }) => call.name)).toEqual(['remember', 'search_memory']);
    expect(turn.children[0].atoms).toHaveLength(1);
    expect(turn.children[0].outputRef).toBe(`call:${turn.children[0].id}`);
  });

  async function rememberInFirstCall(ref: { request: string; user: string }): Promise<void> {
    await api.store.db.as(ref.user, async (tx) => {
      const { id } = await tx.one<{ id: string }>(
        sql`select id from calls where request_id = ${ref.request} and position = 1`,
      );
      const actor = { ...userActor(ref.user), callId: id };
      await putAtom(tx, actor, (await spaceOfRole(tx, actor, 'memory')).id, {
        payload: { text: 'tea' },
        comment: 'kept',
      });
    });
  }
});
