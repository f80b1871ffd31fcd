import { noticing } from '../../activities/noticing.js';
import type { Label } from '../../contracts/effect-class.js';
import type { Skill, SkillResult, SpaceAccess, TransactionContext } from '../../contracts/skill.js';
import type { AtomOrigin, JsonValue, Permission } from '../../contracts/space.js';
import { parseInput } from '../../skills/registry.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import { createSpace } from '../../spaces/spaces.js';
import type { Db } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { fakeContext } from '../helpers/skill-context.js';

/** Two people who share an installation. */
export const OLGA = 'usr_olga';
export const VERA = 'usr_vera';

interface AgentOptions {
  readonly user?: string;
  /** No more than its own grants. */
  readonly confined?: boolean;
  readonly origin?: AtomOrigin;
}

export interface Done extends SkillResult<unknown> {
  /** What the atoms that it read put on the agent, and the result itself. */
  readonly labels: readonly Label[];
}

/** An agent on the real store: every call is a transaction of its own, as in an installation. */
export interface Hand {
  readonly id: string;
  run(skill: Skill, input: Record<string, unknown>): Promise<Done>;
  undo(skill: Skill, done: Done): Promise<void>;
  inside<T>(work: (context: TransactionContext) => Promise<T>): Promise<T>;
}

/** Puts both people and a request of each into an empty store. */
export async function seatPeople(db: Db): Promise<void> {
  await db.system(async (tx) => {
    for (const [id, name] of [
      [OLGA, 'Olga'],
      [VERA, 'Vera'],
    ] as const) {
      await tx.run(sql`insert into users (id, name, time_zone) values (${id}, ${name}, 'UTC')`);
      await tx.run(sql`insert into conversations (id, user_id, title) values (${`cnv_${id}`}, ${id}, 'x')`);
      await tx.run(sql`
        insert into requests (id, user_id, conversation_id, agent_id, origin, status, settings, deadline_at)
        values (${`req_${id}`}, ${id}, ${`cnv_${id}`}, 'agt_first', 'user', 'running', '{}', now() + interval '1 hour')`);
    }
  });
}

export async function newSpace(db: Db, name: string, user = OLGA): Promise<string> {
  return (await db.as(user, (tx) => createSpace(tx, userActor(user), { name }))).id;
}

/** What a person does themselves. */
export function asUser<T>(db: Db, user: string, work: (spaces: SpaceAccess) => Promise<T>): Promise<T> {
  return db.as(user, (tx) => work(spaceAccess(tx, userActor(user))));
}

export async function grant(db: Db, space: string, principal: string, permission: Permission): Promise<void> {
  await asUser(db, OLGA, (spaces) => spaces.share(space, principal, permission));
}

export async function newAgent(db: Db, id: string, options: AgentOptions = {}): Promise<Hand> {
  const { user = OLGA, confined = false, origin = 'agent' } = options;
  await db.system((tx) =>
    tx.run(sql`
      insert into agents (id, user_id, request_id, label, model, instructions, status, confined)
      values (${id}, ${user}, ${`req_${user}`}, ${id}, 'x', '', 'idle', ${confined})`),
  );
  const during = <T>(
    isConfined: boolean,
    work: (context: TransactionContext, noticed: Set<Label>) => Promise<T>,
  ): Promise<T> =>
    db.as(user, async (tx) => {
      if (isConfined) await tx.confineTo(id);
      const noticed = new Set<Label>();
      const actor = { user, author: `agent:${id}`, origin, ...(isConfined ? { confinedTo: id } : {}) };
      const spaces = noticing(spaceAccess(tx, actor), noticed, user);
      return work({ ...fakeContext(), user: { id: user, name: user }, agentId: id, spaces }, noticed);
    });
  return {
    id,
    inside: (work) => during(confined, work),
    run: (skill, raw) =>
      during(confined, async (context, noticed) => {
        const parsed = parseInput(skill, raw);
        if (!parsed.ok) throw new Error(`${skill.manifest.name} refused its input: ${parsed.message}`);
        if (skill.runs !== 'transaction') throw new Error(`${skill.manifest.name} does not run in a transaction`);
        const result = await skill.run(parsed.input, context);
        const output = skill.manifest.output.parse(JSON.parse(JSON.stringify(result.output)));
        const labels = [...new Set([...skill.manifest.taints, ...(result.taints ?? []), ...noticed])].toSorted();
        return { ...result, output, labels };
      }),
    undo: (skill, done) =>
      // Whoever takes a call back acts for the user.
      during(false, async (context) => {
        if (skill.runs !== 'transaction' || done.undo === undefined) throw new Error('there is nothing to undo');
        await skill.undo?.(JSON.parse(JSON.stringify(done.undo)) as JsonValue, context);
      }),
  };
}
