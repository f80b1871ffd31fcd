import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import type { ModelReply } from '../../contracts/model.js';
import { listApprovals } from '../../engine/approval-views.js';
import { listAgents, viewAgent } from '../../engine/agents/agent-views.js';
import { changeAgent, readInbox, steerAgent, stopAgentOf } from '../../engine/agents/steer.js';
import { cancelRequest, requestUndo } from '../../engine/cancel.js';
import { viewConversation } from '../../engine/conversations.js';
import { decide } from '../../engine/decisions.js';
import { readEvents } from '../../engine/event-feed.js';
import { saveFile } from '../../engine/files.js';
import { postMessage } from '../../engine/messages.js';
import { listRequests, viewRequest } from '../../engine/requests.js';
import { nextStep } from '../../engine/steps.js';
import { traceRequest } from '../../engine/trace.js';
import { giveCredit } from '../../engine/wallet.js';
import { spaceAccess } from '../../spaces/access.js';
import { deliverDue } from '../../spaces/dispatch.js';
import { userActor } from '../../spaces/principal.js';
import { createSpace } from '../../spaces/spaces.js';
import { json, sql } from '../../store/sql.js';
import type { AgentRef } from '../../contracts/step.js';
import { type EngineKit, openEngine, reply } from './engine-kit.js';

const { signal } = new AbortController();
const SECRET = 'osprey';

let kit: EngineKit;
let anna: string;
let ben: string;
let annas: AgentRef;
let call: string;
let conversation: string;

const WORK: ModelReply = reply(
  [{ type: 'tool_use', id: 'x', name: 'remember', input: { text: `Anna keeps an ${SECRET}` } }],
  'tool_use',
);

/** Every table of the schema that people may read at all, asked of the database so that a new one is not forgotten. */
const tables = (): Promise<string[]> =>
  kit.engine.db.system(async (tx) =>
    (
      await tx.rows<{ name: string }>(
        sql`select table_name as name from information_schema.tables where table_schema = 'public' and table_name not like 'kysely%' and table_name not in ('tokens', 'admission') order by 1`,
      )
    ).map(({ name }) => name),
  );

/** The first one that people may change at all. */
const changeableColumn = (table: string): Promise<string> =>
  kit.engine.db.system(async (tx) => {
    const { name } = await tx.one<{ name: string }>(sql`
      select column_name as name from information_schema.columns
      where table_schema = 'public' and table_name = ${table} and is_identity = 'NO'
      order by has_column_privilege('retinue_app', table_name::regclass, column_name, 'update') desc, ordinal_position limit 1`);
    return name;
  });

beforeAll(async () => {
  kit = await openEngine();
  anna = await kit.person('Anna');
  ben = await kit.person('Ben');
  annas = await kit.accept(`an ${SECRET}`, anna);
  kit.answer(() => WORK);
  const step = await thinkTurn(kit.deps, { ...annas, turn: 1 }, signal);
  if (step.kind !== 'calls') throw new Error('no call');
  call = step.calls[0]?.callId ?? '';
  await runSkillCall(kit.deps, { ...annas, callId: call, mode: 'run', quick: true }, 1, signal);
  await approvedMail();
  await giveCredit(kit.engine, { id: kit.owner, isOwner: true }, { usd: '5', user: anna, note: SECRET });
  conversation = (await viewRequest(kit.engine, anna, annas.request)).conversation;
  await saveFile(
    kit.engine,
    anna,
    { name: `${SECRET}.txt`, mediaType: 'text/plain', bytes: Buffer.from(SECRET) },
    'file',
  );
  await kit.engine.db.as(anna, async (tx) => {
    const memory = await spaceAccess(tx, userActor(anna)).ofRole('memory');
    const base = { payload: SECRET, metadata: {}, comment: SECRET };
    const first = await spaceAccess(tx, userActor(anna)).put(memory.id, base);
    await spaceAccess(tx, userActor(anna)).put(memory.id, { ...base, references: [{ type: 'about', atom: first.id }] });
    await tx.run(
      sql`insert into policies (id, user_id, skill, recipient) values ('pol_1', ${anna}, 'email_send', ${SECRET})`,
    );
    await tx.run(sql`insert into tainted_refs (user_id, ref) values (${anna}, ${SECRET})`);
    await tx.run(sql`insert into known_recipients (user_id, recipient) values (${anna}, ${SECRET})`);
    await tx.run(sql`
      insert into reservations (step, attempt, user_id, request_id, agent_id, kind, name, usd)
      values ('turn:x:1', 1, ${anna}, ${annas.request}, ${annas.agent}, 'model', ${SECRET}, 0.1)`);
    await tx.run(sql`
      insert into holds (id, user_id, request_id, conversation_id, meeting_id, agreement_id, text)
      values ('hold_1', ${anna}, ${annas.request}, ${conversation}, ${first.id}, ${first.id}, ${SECRET})`);
    await tx.run(sql`
      insert into agent_grants (agent_id, user_id, kind, name, granted_by, reason) values (${annas.agent}, ${anna}, 'skill', 'x', ${`user:${anna}`}, ${SECRET})`);
    await tx.run(sql`
      insert into agent_notes (id, user_id, request_id, agent_id, kind, text) values ('not_1', ${anna}, ${annas.request}, ${annas.agent}, 'steer', ${SECRET})`);
    await tx.run(sql`
      insert into access_requests (id, user_id, request_id, agent_id, coordinator_id, wants, reason, status)
      values ('acc_1', ${anna}, ${annas.request}, ${annas.agent}, ${annas.agent}, '{}', ${SECRET}, 'pending')`);
    await tx.run(sql`
      insert into reminders (id, user_id, conversation_id, text, time_zone, due_at, status, catch_up, agent)
      values ('rem_1', ${anna}, ${conversation}, ${SECRET}, 'UTC', now(), 'fired', 'latest', 'default')`);
    await tx.run(sql`
      insert into triggers (id, user_id, conversation_id, kind, spec, instructions, agent, enabled)
      values ('trg_1', ${anna}, ${conversation}, 'webhook', '{}', ${SECRET}, 'default', true)`);
    await tx.run(sql`
      insert into occasions (source_id, occurrence, user_id, outcome, due_at) values ('rem_1', ${SECRET}, ${anna}, 'skipped', now())`);
    await tx.run(sql`insert into paces (user_id, skill, work, until) values (${anna}, ${SECRET}, 'call_1', now())`);
    await tx.run(sql`insert into secrets (user_id, name, key_id, ciphertext) values (${anna}, 'token', 'k1', '\\x00')`);
    await tx.run(sql`insert into data_keys (user_id, key_id, wrapped) values (${anna}, 'k1', '\\x00')`);
    await spaceAccess(tx, userActor(anna)).subscribe(memory.id, annas.agent, { metadata: { about: SECRET } });
    await spaceAccess(tx, userActor(anna)).put(memory.id, { ...base, metadata: { about: SECRET } });
  });
  await deliverDue(kit.engine.db);
});
afterAll(() => kit.close());

/** A mail that waits to be sent: an approval and its entry in the ledger. */
async function approvedMail(): Promise<void> {
  const input = { to: ['ben@example.com'], subject: SECRET, body: SECRET };
  kit.answer(() => reply([{ type: 'tool_use', id: 'y', name: 'email_send', input }], 'tool_use'));
  const step = await thinkTurn(kit.deps, { ...annas, turn: 2 }, signal);
  if (step.kind !== 'calls') throw new Error('no mail');
  const callId = step.calls[0]?.callId ?? '';
  await runSkillCall(kit.deps, { ...annas, callId, mode: 'run', quick: false }, 1, signal);
  const [approval] = (await listApprovals(kit.engine, anna, { limit: 1 })).items;
  await decide(kit.engine, anna, approval?.id ?? '', { decision: 'approve', payloadHash: approval?.payloadHash ?? '' });
}

describe('the rows of one person', () => {
  test('are seen by nobody else, in any table', async () => {
    const empty: string[] = [];
    const leaking: string[] = [];
    for (const table of await tables()) {
      const all = sql<object>`select * from ${sql.raw(table)}`;
      // The view shows what its reader may see, and the system is nobody.
      if (table !== 'readable_atoms' && (await kit.engine.db.system((tx) => tx.rows(all))).length === 0)
        empty.push(table);
      const seen = JSON.stringify(await kit.engine.db.as(ben, (tx) => tx.rows(all)));
      if ([SECRET, anna, annas.request].some((text) => seen.includes(text))) leaking.push(table);
    }
    expect({ empty, leaking }).toEqual({ empty: [], leaking: [] });
  });

  test.each(['tokens', 'admission'])('are not shown with %s, not even the own ones', async (table) => {
    for (const query of [sql`select * from ${sql.table(table)}`, sql`delete from ${sql.table(table)}`])
      await expect(kit.engine.db.as(ben, (tx) => tx.rows(query))).rejects.toThrow(/permission denied/);
  });

  test('are changed and deleted by nobody else, in any table', async () => {
    const changed: string[] = [];
    for (const table of await tables()) {
      const all = sql<object>`select * from ${sql.raw(table)}`;
      const own = (await kit.engine.db.as(ben, (tx) => tx.rows(all))).length;
      const column = sql.raw(`"${await changeableColumn(table)}"`);
      for (const change of [
        sql`update ${sql.raw(table)} set ${column} = ${column}`,
        sql`delete from ${sql.raw(table)}`,
      ]) {
        const attempt = kit.engine.db.as(ben, async (tx) => {
          if ((await tx.run(change)) > own) changed.push(table);
          throw new Error('rolled back');
        });
        await expect(attempt).rejects.toThrow(/rolled back|permission denied/);
      }
    }
    expect(changed).toEqual([]);
  });

  test('hold what one may not change about oneself', async () => {
    const asBen = (query: ReturnType<typeof sql>) => kit.engine.db.as(ben, (tx) => tx.run(query));
    for (const change of [
      sql`update users set is_owner = true where id = ${ben}`,
      sql`update users set id = 'usr_x' where id = ${ben}`,
      sql`delete from users where id = ${ben}`,
      sql`insert into users (id, name, time_zone) values (${ben}, 'x', 'UTC')`,
      sql`update spaces set owner_id = ${ben}`,
      sql`update space_grants set space_id = 'spc_x'`,
      sql`update atoms set space_id = 'spc_x'`,
      sql`select * from kysely_migration`,
      sql`delete from kysely_migration_lock`,
    ])
      await expect(asBen(change)).rejects.toThrow(/permission denied/);
    expect(await asBen(sql`update users set name = 'Benjamin' where id = ${ben}`)).toBe(1);
  });

  test('are kept by what the database itself allows in a shared space: to read, to append, to write', async () => {
    const space = await kit.engine.db.as(anna, (tx) => createSpace(tx, userActor(anna), { name: 'Shared' }));
    const atom = await kit.engine.db.as(anna, (tx) =>
      spaceAccess(tx, userActor(anna)).put(space.id, { payload: 1, metadata: {}, comment: 'x' }),
    );
    const dora = await kit.person('Dora');
    await kit.engine.db.as(anna, (tx) =>
      tx.run(
        sql`insert into space_grants (space_id, principal, permission, granted_by) values (${space.id}, ${`user:${dora}`}, 'read', 'x')`,
      ),
    );
    const asDora = (query: ReturnType<typeof sql>) => kit.engine.db.as(dora, (tx) => tx.run(query));
    const permit = (permission: string) =>
      kit.engine.db.as(anna, (tx) =>
        tx.run(
          sql`update space_grants set permission = ${permission} where space_id = ${space.id} and principal = ${`user:${dora}`}`,
        ),
      );
    const insertAtom = (id: string) =>
      sql`insert into atoms (id, space_id, version, payload, media_type, metadata, author, people, origin, comment, words) values (${id}, ${space.id}, 1, '1', 'x', '{}', ${`user:${dora}`}, ${[dora]}::text[], 'user', 'x', '')`;
    const insertVersion = sql`
      insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, origin, comment, deprecated)
      values (${atom.id}, 2, ${space.id}, '1', 'x', '{}', '[]', 'x', 'user', 'x', false)`;
    const insertEvent = (seq: number) =>
      sql`insert into space_events (space_id, seq, atom_id, version, author, comment) values (${space.id}, ${seq}, 'x', 1, ${`user:${dora}`}, 'x')`;
    const refer = sql`insert into atom_references (atom_id, type, target_id, position) values (${atom.id}, 'x', 'x', 1)`;
    const count = sql`update spaces set event_seq = event_seq + 1 where id = ${space.id}`;
    const change = sql`update atoms set comment = 'changed', author = ${`user:${dora}`}, people = ${[dora]}::text[] where id = ${atom.id}`;
    const refused = (query: ReturnType<typeof sql>) => expect(asDora(query)).rejects.toThrow(/row-level security/);

    for (const query of [insertAtom('atm_r'), insertVersion, insertEvent(100), refer]) await refused(query);
    expect([await asDora(count), await asDora(change)]).toEqual([0, 0]);
    expect(await asDora(sql`select 1 from atoms where id = ${atom.id}`)).toBe(1);

    await permit('append');
    for (const query of [insertAtom('atm_a'), insertEvent(101), count]) expect(await asDora(query)).toBe(1);
    await refused(insertVersion);
    expect(await asDora(change)).toBe(0);
    await expect(
      kit.engine.db.as(dora, (tx) => spaceAccess(tx, userActor(dora)).deprecate(space.id, atom.id, 'x')),
    ).rejects.toMatchObject({ type: 'forbidden' });

    await permit('write');
    expect(await asDora(change)).toBe(1);
    for (const forged of [
      sql`update atoms set author = ${`user:${anna}`}, people = ${[dora]}::text[] where id = ${atom.id}`,
      sql`update atoms set author = ${`user:${dora}`}, people = ${[anna]}::text[] where id = ${atom.id}`,
      sql`insert into space_events (space_id, seq, atom_id, version, author, comment) values (${space.id}, 102, 'x', 1, ${`user:${anna}`}, 'x')`,
    ])
      await refused(forged);
    const later = await kit.engine.db.as(dora, (tx) =>
      spaceAccess(tx, userActor(dora)).update(space.id, atom.id, { payload: 2, comment: 'x' }),
    );
    expect(later.version).toBe(2);
  });

  test('of a space go to its owner first, and to nobody who helps himself', async () => {
    const own = await kit.engine.db.as(ben, (tx) => createSpace(tx, userActor(ben), { name: 'Own' }));
    expect(own.permission).toBe('grant');
    const grantFor = (principal: string) =>
      sql`insert into space_grants (space_id, principal, permission, granted_by) values ('spc_new', ${`user:${principal}`}, 'grant', 'x')`;
    const gift = kit.engine.db.as(ben, async (tx) => {
      await tx.run(sql`insert into spaces (id, owner_id, name, description) values ('spc_new', ${ben}, 'x', '')`);
      await tx.run(grantFor(anna));
    });
    await expect(gift).rejects.toThrow(/row-level security/);
    await kit.engine.db.as(ben, (tx) =>
      tx.run(sql`insert into spaces (id, owner_id, name, description) values ('spc_new', ${ben}, 'x', '')`),
    );
    await expect(kit.engine.db.as(anna, (tx) => tx.run(grantFor(anna)))).rejects.toThrow(/row-level security/);
    await expect(
      kit.engine.db.as(anna, (tx) =>
        tx.run(sql`insert into spaces (id, owner_id, name, description) values ('spc_y', ${ben}, 'x', '')`),
      ),
    ).rejects.toThrow(/row-level security/);
  });

  test('cannot be written in the name of somebody else', async () => {
    const refused = (query: ReturnType<typeof sql>) =>
      expect(kit.engine.db.as(ben, (tx) => tx.run(query))).rejects.toThrow(/row-level security/);
    await refused(sql`insert into conversations (id, user_id, title) values ('cnv_x', ${anna}, 'x')`);
    await refused(
      sql`insert into agent_grants (agent_id, user_id, kind, name, granted_by) values (${annas.agent}, ${ben}, 'skill', 'z', ${`user:${ben}`})`,
    );
    await refused(
      sql`insert into messages (id, user_id, conversation_id, request_id, role, text) values ('msg_x', ${anna}, ${conversation}, ${annas.request}, 'user', 'x')`,
    );
    await refused(
      sql`insert into request_events (request_id, seq, user_id, type, data) values (${annas.request}, 999, ${anna}, 'charge', '{}')`,
    );
    await refused(
      sql`insert into charges (id, user_id, request_id, agent_id, step, kind, name, quantity, unit, usd) values ('chg_x', ${anna}, ${annas.request}, ${annas.agent}, 'x', 'model', 'x', 1, 'x', 1)`,
    );
    await refused(
      sql`insert into outbox (workflow_id, kind, target, priority, reason) values ('x', 'wake', ${json({ user: anna })}, 3, 'x')`,
    );
    await refused(sql`insert into secrets (user_id, name, key_id, ciphertext) values (${anna}, 'x', 'k', '\\x00')`);
    await refused(sql`insert into data_keys (user_id, key_id, wrapped) values (${anna}, 'k', '\\x00')`);
    await refused(
      sql`insert into agent_grants (agent_id, user_id, kind, name, granted_by) values (${annas.agent}, ${anna}, 'skill', 'y', ${`user:${ben}`})`,
    );
    await refused(
      sql`insert into agent_notes (id, user_id, request_id, agent_id, kind, text) values ('not_x', ${anna}, ${annas.request}, ${annas.agent}, 'steer', 'x')`,
    );
    await refused(
      sql`insert into access_requests (id, user_id, request_id, agent_id, coordinator_id, wants, reason, status) values ('acc_x', ${anna}, ${annas.request}, ${annas.agent}, ${annas.agent}, '{}', 'x', 'pending')`,
    );
    await refused(
      sql`insert into space_grants (space_id, principal, permission, granted_by) select s.id, ${`user:${ben}`}, 'grant', 'x' from (values (${await memoryOf(anna)})) as s(id)`,
    );
    await refused(
      sql`insert into atoms (id, space_id, version, payload, media_type, metadata, author, origin, comment, words) values ('atm_x', ${await memoryOf(anna)}, 1, '{}', 'x', '{}', 'x', 'user', 'x', '')`,
    );
  });

  test('in a shared space are shared on by nobody who may only use it', async () => {
    const memory = await memoryOf(anna);
    const give = (to: string, permission: string) =>
      sql`insert into space_grants (space_id, principal, permission, granted_by) values (${memory}, ${`user:${to}`}, ${permission}, 'x')`;
    const carl = await kit.person('Carl');
    await kit.engine.db.as(anna, (tx) => tx.run(give(carl, 'write')));
    const asCarl = (query: ReturnType<typeof sql>) => kit.engine.db.as(carl, (tx) => tx.run(query));
    await expect(asCarl(give(ben, 'read'))).rejects.toThrow(/row-level security/);
    await expect(
      asCarl(
        sql`update space_grants set permission = 'grant' where principal = ${`user:${carl}`} and space_id = ${memory}`,
      ),
    ).rejects.toThrow(/row-level security/);
    expect(
      await asCarl(sql`delete from space_grants where space_id = ${memory} and principal <> ${`user:${carl}`}`),
    ).toBe(0);
    expect(await asCarl(sql`delete from spaces where id = ${memory}`)).toBe(0);
    const found = await kit.engine.db.as(carl, (tx) =>
      spaceAccess(tx, userActor(carl)).search({ query: SECRET, spaces: [memory] }),
    );
    expect(found.items.length).toBeGreaterThan(0);
    await kit.engine.db.as(carl, (tx) =>
      spaceAccess(tx, userActor(carl)).put(memory, { payload: 'from Carl', metadata: {}, comment: 'x' }),
    );
    expect(
      await kit.engine.db.as(anna, (tx) =>
        tx.run(sql`delete from space_grants where space_id = ${memory} and principal = ${`user:${carl}`}`),
      ),
    ).toBe(1);
  });

  test('answer to nobody else through the engine: it is as if they were not there', async () => {
    const { engine } = kit;
    const bens = { ...annas, user: ben };
    const missing = { type: 'not-found' };
    await expect(viewRequest(engine, ben, annas.request)).rejects.toMatchObject(missing);
    await expect(traceRequest(engine, ben, annas.request)).rejects.toMatchObject(missing);
    await expect(viewConversation(engine, ben, conversation, { limit: 10 })).rejects.toMatchObject(missing);
    await expect(postMessage(engine, ben, annas.request, { text: 'x' })).rejects.toMatchObject(missing);
    await expect(cancelRequest(engine, ben, annas.request)).rejects.toMatchObject(missing);
    await expect(requestUndo(engine, ben, call)).rejects.toMatchObject(missing);
    await expect(nextStep(engine, bens)).rejects.toMatchObject(missing);
    await expect(thinkTurn(kit.deps, { ...bens, turn: 2 }, signal)).rejects.toMatchObject(missing);
    await expect(
      runSkillCall(kit.deps, { ...bens, callId: call, mode: 'undo', quick: true }, 1, signal),
    ).rejects.toMatchObject(missing);
    await expect(viewAgent(engine, ben, annas.agent)).rejects.toMatchObject(missing);
    await expect(readInbox(engine, ben, annas.agent, { limit: 10 })).rejects.toMatchObject(missing);
    await expect(steerAgent(engine, ben, annas.agent, 'x')).rejects.toMatchObject(missing);
    await expect(changeAgent(engine, ben, annas.agent, { priority: 1 })).rejects.toMatchObject(missing);
    await expect(stopAgentOf(engine, ben, annas.agent)).rejects.toMatchObject(missing);
    expect((await listAgents(engine, ben, { limit: 10, request: annas.request })).items).toEqual([]);
    expect((await listRequests(engine, ben, { limit: 10 })).items).toEqual([]);
    expect((await listRequests(engine, ben, { limit: 10, conversation })).items).toEqual([]);
    expect(await readEvents(engine, ben, annas.request, 0, 100)).toEqual([]);
  });

  test("do not reach the model in somebody else's request", async () => {
    const ref = await kit.accept(`what do you know?`, ben);
    kit.answer(() =>
      reply([{ type: 'tool_use', id: 'y', name: 'search_memory', input: { query: SECRET } }], 'tool_use'),
    );
    const step = await thinkTurn(kit.deps, { ...ref, turn: 1 }, signal);
    if (step.kind !== 'calls') throw new Error('no call');
    await runSkillCall(kit.deps, { ...ref, callId: step.calls[0]?.callId ?? '', mode: 'run', quick: true }, 1, signal);
    kit.answer(() => reply([{ type: 'text', text: 'nothing' }]));
    await thinkTurn(kit.deps, { ...ref, turn: 2 }, signal);
    const last = JSON.stringify(kit.asked.at(-1));
    expect(last).toContain('"memories\\":[]');
    expect(last).not.toContain(`keeps an ${SECRET}`);
    expect(last).not.toContain(anna);
  });
});

async function memoryOf(user: string): Promise<string> {
  return kit.engine.db.as(user, async (tx) => (await spaceAccess(tx, userActor(user)).ofRole('memory')).id);
}
