import { transactionContext } from '../../activities/transaction-context.js';
import type { AccessWish, SpawnWish } from '../../contracts/agent-access.js';
import { ProblemError } from '../../contracts/problem.js';
import type { TransactionContext } from '../../contracts/skill.js';
import { PERMISSIONS } from '../../contracts/space.js';
import { acceptRequest } from '../../engine/accept.js';
import { settleAccess } from '../../engine/agents/access.js';
import { stopAgent } from '../../engine/agents/agent-ending.js';
import { cancelRequest } from '../../engine/cancel.js';
import type { Engine } from '../../engine/deps.js';
import { viewRequest } from '../../engine/requests.js';
import { ensureOwner } from '../../engine/users.js';
import { spaceAccess } from '../../spaces/access.js';
import { userActor } from '../../spaces/principal.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { type Member, membersOf, type Team, widerThanAbove } from './team-rows.js';

/** Kinds of operations, with how often each is done. */
const OPERATIONS = {
  spawn: 8,
  'ask and answer': 7,
  revoke: 3,
  'person grants': 2,
  'person takes': 1,
  'agent shares': 1,
  'agent makes a space': 1,
  'time passes': 2,
  end: 2,
} as const;
type Operation = keyof typeof OPERATIONS;

const SKILLS = ['file_read', 'file_write', 'email_send', 'web_fetch', 'spawn_agent', 'answer_access', 'space_put'];
const SECRETS = ['db', 'crm', 'mail'];
const HOSTS = ['example.com', 'example.org', 'localhost'];
const SPACES = 4;
const STEPS_A_TEAM = 50;

export interface RandomTeams {
  /** Does `operations` random things; gives back every way in which the rows break the rule, and how often what was done. */
  run(operations: number): Promise<{ wrong: string[]; done: Record<Operation, number> }>;
}

/** A user with some spaces, and teams of agents that come and go. */
export async function openRandomTeams(engine: Engine, random: () => number): Promise<RandomTeams> {
  const { id: user } = await ensureOwner(engine, { name: 'Olga', timeZone: 'UTC', token: 'token-of-the-owner' });
  const spaces: string[] = [];
  for (let count = 0; count < SPACES; count += 1) {
    const actor = userActor(user);
    const space = await engine.db.as(user, (tx) => spaceAccess(tx, actor).create({ name: `Space ${count}` }));
    spaces.push(space.id);
  }
  return {
    async run(operations) {
      const wrong: string[] = [];
      const done = Object.fromEntries(Object.keys(OPERATIONS).map((name) => [name, 0])) as Record<Operation, number>;
      for (let left = operations; left > 0; left -= STEPS_A_TEAM) {
        const team = await RandomTeam.begin(engine, user, spaces, random);
        for (let step = 0; step < Math.min(left, STEPS_A_TEAM); step += 1) {
          const { operation, isDone, problems } = await team.step();
          if (isDone) done[operation] += 1;
          wrong.push(...problems.map((problem) => `${operation}: ${problem}`));
          // What is wrong once stays wrong.
          if (problems.length > 0) break;
        }
        await team.end();
      }
      return { wrong, done };
    },
  };
}

class RandomTeam {
  readonly #engine: Engine;
  readonly #team: Team;
  readonly #spaces: string[];
  readonly #random: () => number;
  #members: readonly Member[] = [];
  #calls = 0;

  private constructor(engine: Engine, team: Team, spaces: readonly string[], random: () => number) {
    this.#engine = engine;
    this.#team = team;
    this.#spaces = [...spaces];
    this.#random = random;
  }

  /** Every third first agent has a list of skills, every third works within its own grants on spaces. */
  static async begin(engine: Engine, user: string, spaces: readonly string[], random: () => number) {
    const { id: request } = await acceptRequest(engine, user, { body: { text: 'work' } });
    const { agent: root } = await viewRequest(engine, user, request);
    const kind = Math.floor(random() * 3);
    await engine.db.system(async (tx) => {
      if (kind === 1) await tx.run(sql`update agents set skills = ${SKILLS.slice(2)} where id = ${root}`);
      if (kind === 2) await tx.run(sql`update agents set confined = true where id = ${root}`);
      if (kind === 2)
        await tx.run(sql`
          insert into space_grants (space_id, principal, permission, granted_by)
          values (${spaces[0]}, ${`agent:${root}`}, 'write', ${`user:${user}`}), (${spaces[1]}, ${`agent:${root}`}, 'grant', ${`user:${user}`})`);
    });
    const team = new RandomTeam(engine, { user, request, root }, spaces, random);
    await team.#read();
    return team;
  }

  async step(): Promise<{ operation: Operation; isDone: boolean; problems: string[] }> {
    const members = this.#members;
    const operation = this.#operation();
    const problems: string[] = [];
    let isDone = false;
    try {
      isDone = await this.#do(operation, members);
    } catch (error) {
      // A refusal is an answer; whatever else comes out would be tried for ever.
      if (!(error instanceof ProblemError)) problems.push(`threw ${String(error)}`);
    }
    await this.#read();
    return { operation, isDone, problems: [...problems, ...widerThanAbove(this.#team, this.#members)] };
  }

  /** Nobody of it keeps a place or a turn in the queue. */
  end(): Promise<void> {
    return cancelRequest(this.#engine, this.#team.user, this.#team.request);
  }

  async #read(): Promise<void> {
    this.#members = await this.#engine.db.system((tx) => membersOf(tx, this.#team));
  }

  #operation(): Operation {
    const all = Object.entries(OPERATIONS).flatMap(([name, weight]) => Array.from({ length: weight }, () => name));
    return this.#pick(all) as Operation;
  }

  /** False where there was nobody to do it with. */
  async #do(operation: Operation, members: readonly Member[]): Promise<boolean> {
    const live = members.filter(({ isLive }) => isLive);
    const children = live.filter(({ parent }) => parent !== null);
    if (operation === 'spawn') return this.#spawn(this.#pick(live));
    if (operation === 'time passes') return this.#letTimePass();
    if (children.length === 0) return false;
    const child = this.#pick(children);
    switch (operation) {
      case 'ask and answer':
        return this.#askAndAnswer(child);
      case 'revoke':
        return this.#revoke(child);
      case 'person grants':
        return this.#personShares(child);
      case 'person takes':
        return this.#personTakes(child);
      case 'agent shares':
        return this.#agentShares(live, child);
      case 'agent makes a space':
        return this.#makeSpace(child);
      default:
        return this.#end(child);
    }
  }

  async #spawn(parent: Member): Promise<boolean> {
    const isModest = this.#random() < 0.7;
    const own = (names: Member['skills'], all: readonly string[]) =>
      this.#some(isModest && names !== null ? [...names.keys()] : all);
    const spaces = isModest && parent.isConfined ? [...parent.spaces.keys()] : this.#spaces;
    const wish: SpawnWish = {
      task: 'do it',
      skills: own(parent.skills, SKILLS),
      secrets: own(parent.secrets, SECRETS),
      spaces: Object.fromEntries(
        this.#some(spaces).map((space) => [space, isModest ? 'read' : this.#pick(PERMISSIONS)]),
      ),
      ...(this.#random() < 0.4 ? { hosts: own(parent.hosts, HOSTS) } : {}),
      ...(this.#random() < 0.2 ? { model: this.#pick(['fast', 'smart']) } : {}),
      ...(this.#random() < 0.2 ? { budgetUsd: this.#pick(['0.1', '0.5', '2']) } : {}),
      ...(this.#random() < 0.2 ? { fallback: { model: 'smart' } } : {}),
    };
    await this.#as(parent, ({ agents }) => agents.spawn(wish));
    return true;
  }

  /** The agent that leads it answers, and the person where it comes to that. */
  async #askAndAnswer(child: Member): Promise<boolean> {
    const wish: AccessWish = {
      spaces: Object.fromEntries(this.#some(this.#spaces, 0.3).map((space) => [space, this.#pick(PERMISSIONS)])),
      skills: this.#some(SKILLS, 0.3),
      secrets: this.#some(SECRETS, 0.2),
      hosts: this.#some(HOSTS, 0.2),
    };
    const { id } = await this.#as(child, ({ agents }) => agents.requestAccess(wish, 'I need it.'));
    const minutes = this.#pick([undefined, 1, 45, 600]);
    const answer = { grant: this.#random() < 0.9, reason: 'So be it.', minutes };
    const parent = { id: child.parent ?? '', isConfined: child.isParentConfined };
    const { status } = await this.#as(parent, ({ agents }) => agents.answerAccess(id, answer));
    if (status !== 'waiting') return true;
    const decided = { isGiven: this.#random() < 0.6, reason: 'The person says so.' };
    const { user } = this.#team;
    await this.#engine.db.as(user, (tx) => settleAccess(tx, this.#engine, userActor(user), id, decided));
    return true;
  }

  async #revoke(child: Member): Promise<boolean> {
    const wish: AccessWish = {
      spaces: Object.fromEntries(this.#some([...child.spaces.keys()]).map((space) => [space, 'read' as const])),
      skills: this.#some([...(child.skills?.keys() ?? [])]),
      secrets: this.#some([...(child.secrets?.keys() ?? [])]),
      hosts: this.#some([...(child.hosts?.keys() ?? [])]),
    };
    const parent = { id: child.parent ?? '', isConfined: child.isParentConfined };
    await this.#as(parent, ({ agents }) => agents.revokeAccess(child.id, wish, 'No longer.'));
    return true;
  }

  async #personShares(child: Member): Promise<boolean> {
    const [space, permission] = [this.#pick(this.#spaces), this.#pick(PERMISSIONS)];
    await this.#asPerson((spaces) => spaces.share(space, `agent:${child.id}`, permission));
    return true;
  }

  async #personTakes(child: Member): Promise<boolean> {
    const spaces = [...child.spaces.keys()].filter((space) => this.#spaces.includes(space));
    if (spaces.length === 0) return false;
    const space = this.#pick(spaces);
    await this.#asPerson((access) => access.unshare(space, `agent:${child.id}`));
    return true;
  }

  /** One that may share something, where there is one. */
  async #agentShares(live: readonly Member[], child: Member): Promise<boolean> {
    const able = live.flatMap((agent) =>
      [...agent.spaces].flatMap(([space, { permission }]) => (permission === 'grant' ? [{ agent, space }] : [])),
    );
    const any = { agent: this.#pick(live), space: this.#pick(this.#spaces) };
    const { agent, space } = able.length > 0 && this.#random() < 0.7 ? this.#pick(able) : any;
    await this.#as({ ...agent, isConfined: true }, ({ spaces }) =>
      spaces.share(space, `agent:${child.id}`, this.#pick(PERMISSIONS)),
    );
    return true;
  }

  async #makeSpace(agent: Member): Promise<boolean> {
    const { id } = await this.#as(agent, ({ spaces }) => spaces.create({ name: 'Made by an agent' }));
    this.#spaces.push(id);
    return true;
  }

  /** As if every grant had been made earlier. */
  async #letTimePass(): Promise<boolean> {
    await this.#engine.db.system(async (tx) => {
      await tx.run(sql`set local session_replication_role = replica`);
      for (const table of ['agent_grants', 'space_grants'])
        await tx.run(
          sql`update ${sql.raw(table)} set expires_at = expires_at - interval '20 minutes' where expires_at is not null`,
        );
    });
    return true;
  }

  async #end(child: Member): Promise<boolean> {
    const outcome = this.#pick(['completed', 'failed', 'failed', 'cancelled'] as const);
    const error = { type: this.#pick(['internal', 'turn-limit']), message: 'It broke.' };
    const { user, request } = this.#team;
    return this.#engine.db.as(user, (tx) =>
      stopAgent(tx, this.#engine, { user, request, agent: child.id }, { outcome, error }),
    );
  }

  /** What a skill of this agent could do. */
  #as<T>(agent: Pick<Member, 'id' | 'isConfined'>, work: (context: TransactionContext) => Promise<T>): Promise<T> {
    const { user, request } = this.#team;
    this.#calls += 1;
    const caller = {
      callId: `call_${request}_${this.#calls}`,
      requestId: request,
      conversationId: 'none',
      agentId: agent.id,
      user: { id: user, name: 'Olga' },
      timeZone: 'UTC',
      now: '2026-11-21T08:00:00Z',
    };
    return this.#engine.db.as(user, async (tx) => {
      const acting = { caller, labels: [], confined: agent.isConfined };
      return work(await transactionContext(tx, this.#engine, acting, new Set()));
    });
  }

  #asPerson<T>(work: (spaces: ReturnType<typeof spaceAccess>) => Promise<T>): Promise<T> {
    const actor = userActor(this.#team.user);
    return this.#engine.db.as(this.#team.user, (tx: Tx) => work(spaceAccess(tx, actor)));
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined && items.length === 0) throw new Error('nothing to pick from');
    return item as T;
  }

  #some<T>(items: readonly T[], share = 0.5): T[] {
    return items.filter(() => this.#random() < share);
  }
}
