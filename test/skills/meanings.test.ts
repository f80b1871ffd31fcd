import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import { createEmbedder } from '../../connectors/openai/embeddings.js';
import type { JsonValue, SpaceRole } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { sql } from '../../store/sql.js';
import { prepareVectors } from '../../store/vectors.js';
import { keepVectors } from '../../workers/embedder.js';
import { type EngineKit, openEngine, reply } from '../engine/engine-kit.js';
import { type EmbeddingsStandIn, startEmbeddingsStandIn } from '../stand-ins/embeddings.js';

const { signal } = new AbortController();

let kit: EngineKit;
let service: EmbeddingsStandIn;
beforeAll(async () => {
  kit = await openEngine();
  await prepareVectors(kit.store.db);
});
afterAll(() => kit.close());
beforeEach(async () => {
  service = await startEmbeddingsStandIn();
});
afterEach(async () => {
  await service.close();
  service.assertClean();
});

async function put(role: SpaceRole, payload: JsonValue): Promise<void> {
  const me = userActor(kit.owner);
  await kit.engine.db.as(kit.owner, async (tx) => {
    const spaces = spaceAccess(tx, me);
    await spaces.put((await spaces.ofRole(role)).id, { payload, comment: 'x' });
  });
}

async function embedAll(): Promise<void> {
  const stop = new AbortController();
  const log = { warn: () => undefined };
  const embedder = createEmbedder({ baseUrl: service.url });
  const done = keepVectors({ db: kit.store.db, bus: kit.store.bus, embedder, log }, stop.signal);
  await vi.waitFor(
    async () => {
      const lacking = await kit.store.db.system((tx) =>
        tx.rows(
          sql`select id from atoms where not exists (select from atom_vectors where atom_id = id and version > 0)`,
        ),
      );
      expect(lacking).toEqual([]);
    },
    { timeout: 15_000, interval: 20 },
  );
  stop.abort();
  await done;
}

/** What a skill answers when the model calls it so. */
async function call(name: string, input: Record<string, JsonValue>): Promise<unknown> {
  const deps = { ...kit.deps, engine: { ...kit.engine, embedder: createEmbedder({ baseUrl: service.url }) } };
  kit.answer(() => reply([{ type: 'tool_use', id: 'x', name, input }], 'tool_use'));
  const ref = await kit.accept('go');
  const step = await thinkTurn(deps, { ...ref, turn: 1 }, signal);
  const [planned] = step.kind === 'calls' ? step.calls : [];
  if (planned === undefined) throw new Error(`no call but ${JSON.stringify(step)}`);
  await runSkillCall(deps, { ...ref, callId: planned.callId, mode: 'run', quick: planned.quick }, 1, signal);
  const done = await kit.engine.db.as(kit.owner, (tx) =>
    tx.one<{ output: unknown }>(sql`select output from calls where id = ${planned.callId}`),
  );
  return done.output;
}

test.each<[string, SpaceRole, JsonValue, JsonValue]>([
  ['space_search', 'memory', 'Sold the automobile in May', 'Likes tea'],
  ['search_memory', 'memory', 'Sold the automobile in May', 'Likes tea'],
  ['contacts_search', 'contacts', { name: 'Dana', role: 'physician' }, { name: 'Ben', role: 'baker' }],
  ['tasks_list', 'tasks', { title: 'Pay the invoice' }, { title: 'Call Ben' }],
])('%s finds what shares no word with the query', async (skill, role, wanted, other) => {
  await put(role, wanted);
  await put(role, other);
  await embedAll();
  const query = { memory: 'car', contacts: 'doctor', tasks: 'bill' }[role as 'memory' | 'contacts' | 'tasks'];
  const found = JSON.stringify(await call(skill, { query }));
  expect(found).toMatch(/automobile|Dana|invoice/);
  expect(found).not.toMatch(/tea|baker|Call Ben/);
  expect(service.embedded).toContain(query);
});

test('a search goes by words where the service fails', async () => {
  await put('memory', 'Rides a bicycle');
  service.failAlways('failed');
  expect(JSON.stringify(await call('search_memory', { query: 'bicycle' }))).toContain('Rides a bicycle');
});

test('a skill that searches for nothing asks no service', async () => {
  await call('tasks_list', {});
  await call('calendar_list_events', { from: '2026-11-02T00:00:00Z', to: '2026-11-03T00:00:00Z' });
  expect(service.calls).toEqual([]);
});
