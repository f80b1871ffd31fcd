import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.js';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import { transactionContext } from '../../activities/transaction-context.js';
import type { AgentAccess, SpawnWish } from '../../contracts/agent-access.js';
import type { AgentRef } from '../../contracts/step.js';
import { cancelRequest } from '../../engine/cancel.js';
import { ALWAYS_HELD } from '../../engine/agents/rights.js';
import type { CallRow } from '../../engine/rows.js';
import { viewRequest } from '../../engine/requests.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import type { Tx } from '../../store/db.js';
import { json, type RawBuilder, sql } from '../../store/sql.js';
import { type EngineKit, openEngine, reply } from '../engine/engine-kit.js';
import { agentRows } from '../skills/agent-rows.js';

const { signal } = new AbortController();

let kit: EngineKit;
let deps: ActivityDeps;
let root: AgentRef;
/** A space of the user, with one atom, that no agent was given. */
let space: string;
let atom: string;

beforeAll(async () => {
  kit = await openEngine();
  deps = { ...kit.deps, engine: { ...kit.engine, limits: { ...kit.engine.limits, callsPerTurn: 100 } } };
});
afterAll(() => kit?.close());

beforeEach(async () => {
  root = await kit.accept('work');
  const actor = userActor(kit.owner);
  await kit.engine.db.as(kit.owner, async (tx) => {
    const spaces = spaceAccess(tx, actor);
    space = (await spaces.create({ name: 'Private' })).id;
    atom = (await spaces.put(space, { payload: { text: 'osprey' }, comment: 'x' })).id;
  });
});

// Its agents give their places back.
afterEach(() => cancelRequest(kit.engine, kit.owner, root.request));

/** As a skill of the first agent does it. */
function asRoot<T>(work: (agents: AgentAccess) => Promise<T>): Promise<T> {
  return kit.engine.db.as(kit.owner, async (tx) => {
    const caller = {
      callId: 'call_root',
      requestId: root.request,
      conversationId: 'none',
      agentId: root.agent,
      user: { id: kit.owner, name: 'Olga' },
      timeZone: 'UTC',
      now: '2026-11-21T08:00:00Z',
    };
    return work((await transactionContext(tx, deps.engine, { caller, labels: [] }, new Set())).agents);
  });
}

async function spawn(wish: Partial<SpawnWish>): Promise<AgentRef> {
  const { agent } = await asRoot((agents) => agents.spawn({ task: 'look around', ...wish }));
  return { ...root, agent };
}

/** The model of the agent wants all of this in its first turn. */
async function choose(child: AgentRef, calls: readonly { name: string; input: unknown }[]): Promise<CallRow[]> {
  kit.answer(() =>
    reply(
      calls.map(({ name, input }, place) => ({
        type: 'tool_use' as const,
        id: `toolu_${place}`,
        name,
        input: input as never,
      })),
      'tool_use',
    ),
  );
  await thinkTurn(deps, { ...child, turn: 1 }, signal);
  return callsOf(child);
}

function callsOf({ agent }: AgentRef): Promise<CallRow[]> {
  return kit.engine.db.system((tx) =>
    tx.rows<CallRow>(sql<CallRow>`select * from calls where agent_id = ${agent} order by turn, position`),
  );
}

async function runAll(child: AgentRef): Promise<CallRow[]> {
  for (const call of await callsOf(child))
    await runSkillCall(deps, { ...child, callId: call.id, mode: 'run', quick: call.quick }, 1, signal);
  return callsOf(child);
}

/** Everything that a refused call must leave as it is, and everything by which a person would be asked. */
function world() {
  return kit.engine.db.system((tx) =>
    tx.one<Record<string, unknown>>(sql`
      select (select count(*) from atom_versions) as versions, (select count(*) from spaces) as spaces, (select count(*) from space_grants) as grants,
        (select count(*) from approvals) as approvals, (select count(*) from effects) as effects, (select count(*) from agents) as agents,
        (select count(*) from agent_grants) as names, (select count(*) from agent_notes) as notes, (select count(*) from access_requests) as asked,
        (select count(*) from messages) as messages, (select count(*) from files) as files, (select count(*) from subscriptions) as subscriptions`),
  );
}

describe('a skill that was not given', () => {
  const others = (): string[] =>
    deps.skills
      .list()
      .flatMap(({ manifest }) => (ALWAYS_HELD.some((name) => name === manifest.name) ? [] : [manifest.name]));

  test('is refused in the turn, whichever of all there are, and nobody is asked [S3-07]', async () => {
    const child = await spawn({});
    const before = await world();
    const calls = await choose(
      child,
      others().map((name) => ({ name, input: {} })),
    );
    expect(calls.map(({ skill, status }) => [skill, status])).toEqual(others().map((name) => [name, 'failed']));
    expect(calls.map(({ error }) => error)).toEqual(
      others().map((name) => `There is no skill called ${name}. You have: message_agent, request_access.`),
    );
    expect(await world()).toEqual(before);
    expect((await viewRequest(deps.engine, kit.owner, root.request)).waitingFor).toEqual([]);
    expect(
      kit.asked
        .at(-1)
        ?.tools.map(({ name }) => name)
        .toSorted(),
    ).toEqual([...ALWAYS_HELD].toSorted());
  });

  test('is refused when it is run, also where it stands in the rows as a call that may run', async () => {
    const child = await spawn({});
    const event = { event: 'evt_1' };
    const known = new Map<string, object>([
      ...agentRows.map(({ name, input }) => [name, input] as const),
      ['calendar_update_event', { ...event, title: 'Dentist' }],
      ['calendar_cancel_event', event],
      ['calendar_create_event', { title: 'Dentist', attendees: [] }],
      ['space_share', { space, with: `agent:${child.agent}`, permission: 'read' }],
    ]);
    const calls = deps.skills
      .list()
      .filter(({ manifest }) => others().includes(manifest.name))
      .map((skill, place) => ({
        id: `call_${child.agent}_${place}`,
        skill: skill.manifest.name,
        quick: skill.runs === 'transaction',
        input: known.get(skill.manifest.name) ?? {},
      }));
    await kit.engine.db.system((tx) =>
      tx.run(sql`
        insert into calls (id, user_id, request_id, agent_id, turn, position, skill, input, summary, verdict, timeout_ms, quick, first, delegates, status)
        select c.item->>'id', ${child.user}, ${child.request}, ${child.agent}, 1, c.place, c.item->>'skill', c.item->'input', 'x', 'run', 10000,
          (c.item->>'quick')::boolean, false, false, 'pending' from jsonb_array_elements(${json(calls)}) with ordinality as c(item, place)`),
    );
    const before = await world();
    const after = await runAll(child);
    expect(after.map(({ skill, status }) => [skill, status])).toEqual(calls.map(({ skill }) => [skill, 'failed']));
    const inTheHouse = after.filter(({ skill }) => deps.skills.get(skill)?.runs !== 'question');
    expect(inTheHouse.map(({ error }) => error)).toEqual(
      inTheHouse.map(({ skill }) => `You may not use ${skill} any more; it was not run.`),
    );
    expect(await world()).toEqual(before);
  });
});

test('nothing of a space that was not given can be seen or changed, with every skill about spaces [S3-07]', async () => {
  const names = deps.skills.list().flatMap(({ manifest: { name, facesUser } }) => (facesUser === true ? [] : [name]));
  const child = await spawn({ skills: names });
  const comment = 'because';
  const calls = [
    { name: 'space_get', input: { space, atom } },
    { name: 'space_history', input: { space, atom } },
    { name: 'space_put', input: { space, payload: { text: 'x' }, comment } },
    { name: 'space_update', input: { space, atom, metadata: { a: 1 }, comment } },
    { name: 'space_deprecate', input: { space, atom, comment } },
    { name: 'space_share', input: { space, with: `agent:${child.agent}`, permission: 'read' } },
    { name: 'space_subscribe', input: { space } },
    { name: 'space_create', input: { name: 'Copy', from: space } },
    { name: 'remember', input: { text: 'osprey' } },
    { name: 'tasks_create', input: { title: 'osprey' } },
    { name: 'tasks_update', input: { task: atom, status: 'done' } },
    { name: 'forget', input: { memory: atom } },
    { name: 'spawn_agent', input: { task: 'look', spaces: { [space]: 'read' } } },
  ];
  const before = await world();
  const chosen = await choose(child, calls);
  expect(chosen.map(({ status }) => status)).toEqual(calls.map(() => 'pending'));
  const after = await runAll(child);
  expect(after.map(({ skill, status }) => [skill, status])).toEqual(calls.map(({ name }) => [name, 'failed']));
  expect(after.filter(({ error }) => error?.includes('osprey'))).toEqual([]);
  expect(await world()).toEqual(before);
});

test('searches find nothing of what was not given', async () => {
  await kit.engine.db.as(kit.owner, async (tx) => {
    const memory = await spaceAccess(tx, userActor(kit.owner)).ofRole('memory');
    await spaceAccess(tx, userActor(kit.owner)).put(memory.id, {
      payload: { text: 'osprey' },
      metadata: {},
      comment: 'x',
    });
  });
  const searches = ['space_search', 'search_memory', 'contacts_search'];
  const child = await spawn({ skills: [...searches, 'tasks_list'] });
  await choose(child, [
    ...searches.map((name) => ({ name, input: { query: 'osprey' } })),
    { name: 'tasks_list', input: {} },
  ]);
  const after = await runAll(child);
  expect(after.filter(({ output, error }) => JSON.stringify([output, error]).includes(space))).toEqual([]);
  expect(after.filter(({ output }) => JSON.stringify(output ?? {}).includes('osprey'))).toEqual([]);
});

describe('between the turn and the run', () => {
  const calls = [
    { name: 'file_write', input: { path: 'a.txt', text: 'x' } },
    { name: 'space_put', input: { space: '', payload: { text: 'x' }, comment: 'x' } },
    { name: 'space_get', input: { space: '', atom: '' } },
  ];
  const chosen = () =>
    calls.map(({ name, input }) => ({
      name,
      input: { ...input, ...('space' in input ? { space } : {}), ...('atom' in input ? { atom } : {}) },
    }));

  test.each([
    [
      'skills are taken back',
      (child: AgentRef) =>
        asRoot((agents) => agents.revokeAccess(child.agent, { skills: calls.map(({ name }) => name) }, 'Enough.')),
      calls.map(({ name }) => `You may not use ${name} any more; it was not run.`),
    ],
    [
      'the time of skills ends',
      ({ agent }: AgentRef) =>
        kit.engine.db.system((tx) => tx.run(sql`update agent_grants set expires_at = now() where agent_id = ${agent}`)),
      calls.map(({ name }) => `You may not use ${name} any more; it was not run.`),
    ],
  ] as const)('%s: they are not run', async (_, take, errors) => {
    const child = await spawn({ skills: calls.map(({ name }) => name), spaces: { [space]: 'append' } });
    expect((await choose(child, chosen())).map(({ status }) => status)).toEqual(calls.map(() => 'pending'));
    await take(child);
    const before = await world();
    const after = await runAll(child);
    expect(after.map(({ error }) => error)).toEqual(errors);
    expect(await world()).toEqual(before);
  });

  test.each([
    [
      'a space is taken back',
      (child: AgentRef) =>
        asRoot((agents) => agents.revokeAccess(child.agent, { spaces: { [space]: 'read' } }, 'Enough.')),
    ],
    [
      'the time of a space ends',
      ({ agent }: AgentRef) =>
        kit.engine.db.system((tx) =>
          tx.run(
            sql`update space_grants set expires_at = now() where principal = ${`agent:${agent}`} and space_id = ${space}`,
          ),
        ),
    ],
    [
      'the person loses the space',
      () =>
        kit.engine.db.system((tx) =>
          tx.run(sql`delete from space_grants where principal = ${`user:${kit.owner}`} and space_id = ${space}`),
        ),
    ],
  ] as const)('%s: it is as if there were none', async (_, take) => {
    const child = await spawn({ skills: calls.map(({ name }) => name), spaces: { [space]: 'append' } });
    await choose(child, chosen());
    await take(child);
    const after = await runAll(child);
    expect(after.map(({ skill, status }) => [skill, status])).toEqual([
      ['file_write', 'done'],
      ['space_put', 'failed'],
      ['space_get', 'failed'],
    ]);
  });
});

describe('rows written by hand', () => {
  const insertSkill = (agent: string, name: string, by: string): RawBuilder<unknown> =>
    sql`insert into agent_grants (agent_id, user_id, kind, name, granted_by) values (${agent}, ${kit.owner}, 'skill', ${name}, ${by})`;
  const insertSpace = (agent: string, permission: string, by: string): RawBuilder<unknown> =>
    sql`insert into space_grants (space_id, principal, permission, granted_by) values (${space}, ${`agent:${agent}`}, ${permission}, ${by})`;

  /** A child of the first agent with its own child. */
  async function family(): Promise<{ child: AgentRef; below: AgentRef }> {
    const child = await spawn({ skills: ['spawn_agent', 'file_read'], spaces: { [space]: 'append' } });
    await choose(child, [{ name: 'spawn_agent', input: { task: 'read', skills: ['file_read'] } }]);
    const [call] = await runAll(child);
    return { child, below: { ...child, agent: call?.child ?? '' } };
  }

  const as = (agent: string | undefined, query: RawBuilder<unknown>): Promise<number> =>
    kit.engine.db.as(kit.owner, async (tx: Tx) => {
      if (agent !== undefined) await tx.confineTo(agent);
      return tx.run(query);
    });

  test('that would widen are refused, whoever writes them', async () => {
    const { child, below } = await family();
    const by = `agent:${child.agent}`;
    const wide = [
      insertSkill(below.agent, 'email_send', by),
      insertSpace(below.agent, 'write', by),
      sql`update agent_grants set name = 'email_send' where agent_id = ${below.agent}`,
    ];
    for (const query of wide) {
      await expect(as(undefined, query)).rejects.toMatchObject({ code: '42501' });
      await expect(kit.engine.db.system((tx) => tx.run(query))).rejects.toMatchObject({ code: '42501' });
      await expect(as(child.agent, query)).rejects.toMatchObject({ code: '42501' });
    }
    // What it has it may pass on.
    expect(await as(child.agent, insertSkill(below.agent, 'spawn_agent', by))).toBe(1);
  });

  test('an agent gives nothing to itself or to agents that others lead', async () => {
    const { child, below } = await family();
    const sibling = await spawn({ skills: ['file_read'] });
    for (const [writer, agent] of [
      [child.agent, child.agent],
      [child.agent, sibling.agent],
      [below.agent, child.agent],
    ] as const)
      await expect(as(writer, insertSkill(agent, 'web_fetch', `agent:${writer}`))).rejects.toMatchObject({
        code: '42501',
      });
  });

  test('an agent that works within its own grants cannot give in the name of a person', async () => {
    const { child, below } = await family();
    const by = `user:${kit.owner}`;
    await expect(as(child.agent, insertSkill(below.agent, 'email_send', by))).rejects.toMatchObject({ code: '42501' });
    await expect(as(child.agent, insertSpace(below.agent, 'grant', by))).rejects.toMatchObject({ code: '42501' });
    const given = [{ agent: below.agent, space, permission: 'grant' }];
    await as(child.agent, sql`select retinue_delegate(${json(given)}, ${by})`);
    expect(
      await kit.engine.db.system((tx) =>
        tx.rows(sql`select 1 from space_grants where principal = ${`agent:${below.agent}`} and space_id = ${space}`),
      ),
    ).toEqual([]);
  });
});
