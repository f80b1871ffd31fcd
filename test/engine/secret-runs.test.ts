import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ActivityDeps } from '../../activities/deps.js';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import type { OutsideContext } from '../../contracts/skill.js';
import { outsideSkill } from '../../contracts/skill.js';
import type { JsonValue } from '../../contracts/space.js';
import type { AgentRef } from '../../contracts/step.js';
import { requestUndo } from '../../engine/cancel.js';
import type { CallRow } from '../../engine/rows.js';
import { openGrantedSecret } from '../../engine/secret-grants.js';
import { newId } from '../../store/new-id.js';
import { createSecretBox, putSecret } from '../../store/secrets.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

const { signal } = new AbortController();
const box = createSecretBox('a long and random secret of an installation');
const KEY = 'kestrel.9f2c7d51e8';
const REFERENCE = 'secret://api-key';
const HOST = 'api.example.com';

type Work = (context: OutsideContext) => Promise<{ output: JsonValue; undo?: JsonValue }>;

let kit: EngineKit;
let deps: ActivityDeps;
let anna: string;
let ben: string;
const logged: unknown[] = [];
let run: Work;
let takeBack: (undo: JsonValue, context: OutsideContext) => Promise<void>;

const probe = outsideSkill({
  manifest: {
    name: 'opener',
    description: 'Does with a key what the test says.',
    effect: 'read',
    input: z.strictObject({ key: z.string().optional() }),
    output: z.json(),
    timeoutSeconds: 10,
    taints: [],
    secrets: ['named-key'],
    summary: () => 'Opens something',
  },
  run: (_input, context: OutsideContext) => run(context),
  undo: (undo, context: OutsideContext) => takeBack(undo, context),
});

beforeAll(async () => {
  kit = await openEngine([probe]);
  const note: ActivityDeps['log']['warn'] = (...given: unknown[]) => void logged.push(shown(given));
  deps = { ...kit.deps, secretBox: () => box, log: { info: note, warn: note, error: note } };
  anna = await kit.person('Anna');
  ben = await kit.person('Ben');
  for (const name of ['api-key', 'named-key', 'free-key']) await keep(anna, name, `${KEY}-${name}`, [HOST]);
  await keep(anna, 'SERVICE_KEY', KEY, []);
  await keep(ben, 'bens-key', KEY, [HOST]);
});
afterAll(() => kit.close());

async function keep(user: string, name: string, value: string, hosts: readonly string[]): Promise<void> {
  await kit.store.db.as(user, (tx) => putSecret(tx, box, user, name, value, hosts));
}

/** As the log writes it: errors with their words, stack and causes. */
function shown(value: unknown): unknown {
  if (value instanceof Error)
    return [value.name, value.message, value.stack, shown(value.cause), ...Object.values(value).map(shown)];
  return typeof value === 'object' && value !== null ? Object.values(value).map(shown) : value;
}

/** One call of the skill in a request of its own, as far as its first attempt brings it. */
async function callOf(work: Work, input: { key?: string } = { key: REFERENCE }) {
  run = work;
  const ref = await kit.accept('open it', anna);
  kit.answer(() => reply([{ type: 'tool_use', id: 'x', name: 'opener', input }], 'tool_use'));
  const step = await thinkTurn(deps, { ...ref, turn: 1 }, signal);
  if (step.kind !== 'calls') throw new Error('no call');
  const callId = step.calls[0]?.callId ?? '';
  const failure: unknown = await runSkillCall(deps, { ...ref, callId, mode: 'run', quick: false }, 1, signal).catch(
    (error: unknown) => error,
  );
  return { ref, callId, failure, row: () => rowOf(ref, callId) };
}

const rowOf = (ref: AgentRef, id: string): Promise<CallRow> =>
  kit.store.db.as(ref.user, (tx) => tx.one<CallRow>(sql<CallRow>`select * from calls where id = ${id}`));

const opening = (reference: string, host = HOST): Work => {
  return async ({ secrets }) => ({ output: await secrets.use(reference, host, async (value) => `opened ${value}`) });
};

describe('a run', () => {
  test('uses what its call names and what its skill names, and nothing else of the user’s', async () => {
    expect((await (await callOf(opening(REFERENCE))).row()).output).toBe(`opened ${REFERENCE}`);
    expect((await (await callOf(opening('secret://named-key'), {})).row()).output).toBe('opened secret://named-key');
    const { row } = await callOf(opening('secret://free-key'));
    expect(await row()).toMatchObject({
      status: 'failed',
      error: 'This call of opener does not name secret://free-key.',
    });
  });

  test('that fails leaves no value in the log, nor in what it is tried again by', async () => {
    logged.length = 0;
    const { failure, row } = await callOf(({ secrets }) =>
      secrets.use(REFERENCE, HOST, async (value) => {
        const cause = Object.assign(new Error(`sent ${Buffer.from(value).toString('base64')}`), { value });
        throw Object.assign(new TypeError(`refused ${value}`, { cause }), { request: { key: value } });
      }),
    );
    expect(failure).toMatchObject({ message: 'SkillFailed' });
    const said = JSON.stringify(logged);
    expect(said).toContain(`refused ${REFERENCE}`);
    expect(said).toContain(`sent ${REFERENCE}`);
    expect(said + JSON.stringify(await row()) + JSON.stringify(shown(failure))).not.toMatch(/kestrel|a2VzdHJlb/);
  });

  test('that ends with the value in a key, a list or its undo stores none of it, and takes back by the reference', async () => {
    const { ref, callId, row } = await callOf(({ secrets }) =>
      secrets.use(REFERENCE, HOST, async (value) => ({
        output: { [value]: [value, { deep: `Basic ${Buffer.from(`anna:${value}`).toString('base64')}` }] },
        undo: { key: value },
      })),
    );
    const stored = await row();
    expect(stored).toMatchObject({ status: 'done', undo: { key: REFERENCE } });
    expect(JSON.stringify(stored)).not.toMatch(/kestrel|Omtlc3RyZW|a2VzdHJlb/);
    const used: string[] = [];
    takeBack = async (undo, { secrets }) => {
      const { key } = undo as { key: string };
      await secrets.use(key, HOST, async (value) => void used.push(value));
    };
    await requestUndo(kit.engine, anna, callId);
    await runSkillCall(deps, { ...ref, callId, mode: 'undo', quick: false }, 1, signal);
    expect(used).toEqual([`${KEY}-api-key`]);
    expect((await row()).status).toBe('undone');
  });

  test('gets nothing where the process hands out no secrets', async () => {
    const ref = deps;
    deps = { ...deps, secretBox: undefined };
    const { row } = await callOf(opening(REFERENCE));
    deps = ref;
    expect((await row()).error).toBe('No secrets are handed out here.');
  });
});

describe('who may use a secret', () => {
  const asking = (user: string, agentId: string, name: string, host = HOST): Promise<string> =>
    kit.store.db.as(user, (tx) =>
      openGrantedSecret(tx, () => box, { agentId, user: { id: user, name: 'x' } }, name, host),
    );

  /** An agent that works for the request's own. */
  async function childOf(ref: AgentRef): Promise<string> {
    const id = newId('agt');
    await kit.store.db.system((tx) =>
      tx.run(sql`
        insert into agents (id, user_id, request_id, parent_id, label, model, instructions, status, path, depth)
        values (${id}, ${ref.user}, ${ref.request}, ${ref.agent}, 'Coder', 'canned', 'Code.', 'running', ${[ref.agent, id]}, 1)`),
    );
    return id;
  }
  const grant = (agent: string, name: string, expires: string | null = null) =>
    kit.store.db.as(anna, (tx) =>
      tx.run(sql`
        insert into agent_grants (agent_id, user_id, kind, name, granted_by, expires_at)
        values (${agent}, ${anna}, 'secret', ${name}, ${`user:${anna}`}, ${expires})
        on conflict (agent_id, kind, name) do update set expires_at = excluded.expires_at`),
    );

  test('an agent that works for its user, for the hosts it is for', async () => {
    const { agent } = await kit.accept('hello', anna);
    expect(await asking(anna, agent, 'api-key')).toBe(`${KEY}-api-key`);
    expect(await asking(anna, agent, 'api-key', 'API.example.com:443')).toBe(`${KEY}-api-key`);
    for (const host of ['example.com', 'api.example.com:8080', 'api.example.com.evil.example', 'x.api.example.com'])
      await expect(asking(anna, agent, 'api-key', host)).rejects.toMatchObject({
        type: 'forbidden',
        message: expect.stringContaining(`${REFERENCE} is only for ${HOST}, not for ${host}; it was not used.`),
      });
    await expect(asking(anna, agent, 'SERVICE_KEY')).rejects.toThrow(/secret:\/\/SERVICE_KEY is for no host/);
  });

  test('nobody for another user, neither under their own name nor with the other’s agent', async () => {
    const [annas, bens] = [await kit.accept('hello', anna), await kit.accept('hello', ben)];
    await expect(asking(anna, annas.agent, 'bens-key')).rejects.toMatchObject({ type: 'not-found' });
    await expect(asking(ben, annas.agent, 'bens-key')).rejects.toMatchObject({ type: 'forbidden' });
    await expect(asking(ben, annas.agent, 'api-key')).rejects.toMatchObject({ type: 'forbidden' });
    expect(await asking(ben, bens.agent, 'bens-key')).toBe(KEY);
  });

  test('an agent that works for another only what it was granted, and only so long', async () => {
    const ref = await kit.accept('hello', anna);
    const child = await childOf(ref);
    const refused = { type: 'forbidden', message: expect.stringMatching(/^You may not use secret:\/\/\S+\. Ask /) };
    await expect(asking(anna, child, 'api-key')).rejects.toMatchObject(refused);
    // Whether there is such a secret is not told either.
    await expect(asking(anna, child, 'no-such-key')).rejects.toMatchObject(refused);
    await grant(child, 'api-key');
    expect(await asking(anna, child, 'api-key')).toBe(`${KEY}-api-key`);
    await expect(asking(anna, child, 'named-key')).rejects.toMatchObject(refused);
    await expect(asking(anna, child, 'api-key', 'evil.example')).rejects.toThrow(/not for evil\.example/);
    await grant(child, 'api-key', '2020-01-01T00:00:00Z');
    await expect(asking(anna, child, 'api-key')).rejects.toMatchObject(refused);
    await grant(child, 'api-key', '2120-01-01T00:00:00Z');
    expect(await asking(anna, child, 'api-key')).toBe(`${KEY}-api-key`);
    await kit.store.db.as(anna, (tx) => tx.run(sql`delete from agent_grants where agent_id = ${child}`));
    await expect(asking(anna, child, 'api-key')).rejects.toMatchObject(refused);
  });
});
