import { setTimeout as delay } from 'node:timers/promises';
import { runSkillCall } from '../../activities/run-skill.js';
import { thinkTurn } from '../../activities/think.js';
import { createApi } from '../../api/app.js';
import type { JsonValue } from '../../contracts/space.js';
import type { AgentRef, Step } from '../../contracts/step.js';
import type { CallRow } from '../../engine/rows.js';
import { nextStep } from '../../engine/steps.js';
import { createUser } from '../../engine/users.js';
import { sql } from '../../store/sql.js';
import { type EngineKit, openEngine, reply } from '../engine/engine-kit.js';
import type { ApiHarness } from './harness.js';
import { good, type Person, type SpaceClient, spaceClient } from './space-kit.js';

type Use = readonly [skill: string, input: Record<string, unknown>];

/** The HTTP API on an engine whose agents do what a test says, turn by turn; nothing runs by itself. */
export interface TeamKit extends Pick<ApiHarness, 'call' | 'store'> {
  readonly kit: EngineKit;
  person(name: string): Promise<Person>;
  client(person: Person): SpaceClient;
  /** The body of an answer to GET, which must be 200. */
  read<T>(person: Person, url: string): Promise<T>;
  accept(person: Person, text?: string): Promise<AgentRef>;
  /** One turn of the agent that makes these calls, and runs them; their rows. */
  act(ref: AgentRef, ...uses: readonly Use[]): Promise<CallRow[]>;
  /** The agent's last word. */
  answer(ref: AgentRef, text: string): Promise<Step>;
  /** A turn in which the model says nothing, as often as it is asked: the agent fails. */
  fail(ref: AgentRef): Promise<void>;
  /** What the model was shown last. */
  shown(): string;
  /** The agents that one call of `spawn_agent` each brings into the world. */
  spawn(ref: AgentRef, ...wishes: readonly Record<string, JsonValue>[]): Promise<AgentRef[]>;
  close(): Promise<void>;
}

const { signal } = new AbortController();

export async function openTeams(): Promise<TeamKit> {
  const kit = await openEngine();
  const app = createApi({
    engine: kit.engine,
    bus: kit.store.bus,
    tickets: { redeem: () => undefined },
    forgetFolders: async () => undefined,
    settings: {
      publicUrl: 'http://localhost:3000',
      namespace: 'default',
      ready: async () => ({ ok: true, parts: {} }),
      rateLimit: { reads: 100_000, writes: 100_000 },
      catalogue: {
        skills: () => kit.deps.skills.list().map(({ manifest }) => ({ ...manifest, inputSchema: {} })),
        models: () => [],
      },
    },
  });
  await app.ready();
  const call: TeamKit['call'] = ({ token, ...options }) =>
    app.inject({ ...options, headers: { authorization: `Bearer ${token ?? ''}`, ...options.headers } });
  const think = async (ref: AgentRef, answers: ReturnType<typeof reply>): Promise<Step> => {
    kit.answer(() => answers);
    const step = await nextStep(kit.engine, ref);
    if (step.kind !== 'think') throw new Error(`${ref.agent} does not think now: ${JSON.stringify(step)}`);
    return thinkTurn(kit.deps, { ...ref, turn: step.turn }, signal);
  };
  const act: TeamKit['act'] = async (ref, ...uses) => {
    const calls = uses.map(([name, input], index) => ({ type: 'tool_use' as const, id: `use${index}`, name, input }));
    const step = await think(ref, reply(calls as never, 'tool_use'));
    for (const { callId, mode, quick } of step.kind === 'calls' ? step.calls : [])
      await runSkillCall(kit.deps, { ...ref, callId, mode, quick }, 1, signal);
    return kit.engine.db.as(ref.user, (tx) =>
      tx.rows<CallRow>(sql`
        select * from calls where agent_id = ${ref.agent} and turn = (select max(turn) from calls where agent_id = ${ref.agent}) order by position`),
    );
  };
  return {
    kit,
    store: kit.store,
    call,
    act,
    person: async (name) => {
      const { id, token } = await createUser(kit.engine, { id: kit.owner, isOwner: true }, { name });
      return { id, token };
    },
    client: (person) => spaceClient({ call, engine: kit.engine } as ApiHarness, person),
    read: async (person, url) => good(await call({ url, token: person.token }), 200),
    accept: (person, text = 'go') => kit.accept(text, person.id),
    answer: (ref, text) => think(ref, reply([{ type: 'text', text }])),
    fail: async (ref) => {
      for (let step = await think(ref, reply([])); step.kind === 'think'; ) step = await think(ref, reply([]));
    },
    shown: () => JSON.stringify(kit.asked.at(-1)),
    spawn: async (ref, ...wishes) => {
      const calls = await act(ref, ...wishes.map((wish): Use => ['spawn_agent', wish]));
      // Agents that are born in the same millisecond are in no order.
      await delay(2);
      return calls.map(({ child, error, output }) => {
        const agent = child ?? (output as { agent?: string } | null)?.agent;
        if (agent === undefined) throw new Error(`nobody was spawned: ${error ?? ''}`);
        return { ...ref, agent };
      });
    },
    close: async () => {
      await app.close();
      await kit.close();
    },
  };
}
