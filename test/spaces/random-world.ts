import { allows, effectivePermission } from '../../contracts/permission.js';
import { ProblemError } from '../../contracts/problem.js';
import { type Permission, PERMISSIONS } from '../../contracts/space.js';
import { spaceAccess } from '../../spaces/access.js';
import { applyBatch } from '../../spaces/batch.js';
import type { Actor } from '../../spaces/principal.js';
import { spaceEventsAfter } from '../../spaces/space-events.js';
import type { Db, Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';

/** A store where random people and agents do random things, and what must be true of it by the rules alone. */
export interface Person {
  readonly user: string;
  readonly agent: string;
}

interface KnownAtom {
  readonly id: string;
  version: number;
  deprecated: boolean;
  references: string[];
}

type Outcome = 'done' | ProblemError['type'];

const COMMENT = 'a random change';

export interface RandomWorld {
  /** Does `steps` random things in a new space; gives back every way in which the store and the rules differ. */
  sequence(steps: number): Promise<string[]>;
}

/** Three people, each with an agent that is bound by its own grants. */
export async function openRandomWorld(db: Db, random: () => number): Promise<RandomWorld> {
  const people = [1, 2, 3].map((n): Person => ({ user: `usr_r${n}`, agent: `agt_r${n}` }));
  await db.system(async (tx) => {
    for (const person of people) await addPerson(tx, person);
  });
  return { sequence: (steps) => new Sequence(db, people, random).run(steps) };
}

export async function addPerson(tx: Tx, { user, agent }: Person): Promise<void> {
  await tx.run(sql`insert into users (id, name, time_zone) values (${user}, ${user}, 'UTC')`);
  await tx.run(sql`insert into conversations (id, user_id, title) values (${`cnv_${user}`}, ${user}, 'x')`);
  await tx.run(sql`
    insert into requests (id, user_id, conversation_id, agent_id, origin, status, settings, deadline_at)
    values (${`req_${user}`}, ${user}, ${`cnv_${user}`}, ${agent}, 'user', 'running', '{}', now() + interval '1 day')`);
  await tx.run(sql`
    insert into agents (id, user_id, request_id, label, model, instructions, status, confined)
    values (${agent}, ${user}, ${`req_${user}`}, 'x', 'x', '', 'idle', true)`);
}

class Sequence {
  readonly #db: Db;
  readonly #people: readonly Person[];
  readonly #random: () => number;
  readonly #grants = new Map<string, Permission>();
  readonly #atoms: KnownAtom[] = [];
  readonly #wrong: string[] = [];
  #owner: Person;
  #space = '';
  #events = 0;

  constructor(db: Db, people: readonly Person[], random: () => number) {
    this.#db = db;
    this.#people = people;
    this.#random = random;
    this.#owner = this.#pick(people);
  }

  async run(steps: number): Promise<string[]> {
    const owner = this.#actor(this.#owner, false);
    this.#space = (await this.#as(owner, (tx) => spaceAccess(tx, owner).create({ name: 'Random' }))).id;
    this.#grants.set(`user:${this.#owner.user}`, 'grant');
    for (let step = 0; step < steps; step += 1) await this.#step();
    await this.#checkRows();
    return this.#wrong;
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  #actor({ user, agent }: Person, confined: boolean): Actor {
    if (!confined) return { user, author: `user:${user}`, origin: 'user' };
    return { user, author: `agent:${agent}`, origin: 'agent', confinedTo: agent };
  }

  #as<T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#db.as(actor.user, async (tx) => {
      if (actor.confinedTo !== undefined) await tx.confineTo(actor.confinedTo);
      return work(tx);
    });
  }

  #may(actor: Actor): Permission | undefined {
    return effectivePermission(this.#grants.get(`user:${actor.user}`), {
      confined: actor.confinedTo !== undefined,
      held: actor.confinedTo === undefined ? undefined : this.#grants.get(`agent:${actor.confinedTo}`),
    });
  }

  async #step(): Promise<void> {
    const actor = this.#actor(this.#pick(this.#people), this.#random() < 0.4);
    const kinds = [
      'put',
      'update',
      'stale',
      'deprecate',
      'batch',
      'get',
      'search',
      'events',
      'grant',
      'grant',
      'revoke',
    ];
    switch (this.#pick(kinds)) {
      case 'put':
        return this.#put(actor);
      case 'update':
        return this.#change(actor, 'update');
      case 'stale':
        return this.#change(actor, 'stale');
      case 'deprecate':
        return this.#change(actor, 'deprecate');
      case 'batch':
        return this.#batch(actor);
      case 'get':
        return this.#get(actor);
      case 'search':
        return this.#search(actor);
      case 'events':
        return this.#readEvents(actor);
      case 'grant':
        return this.#grant(actor);
      default:
        return this.#revoke(actor);
    }
  }

  /** What the rules say about an operation that needs this permission. */
  #expected(actor: Actor, needed: Permission): Outcome {
    const held = this.#may(actor);
    if (held === undefined) return 'not-found';
    return allows(held, needed) ? 'done' : 'forbidden';
  }

  async #try<T>(what: string, expected: Outcome, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work();
      if (expected !== 'done') this.#wrong.push(`${what} happened, expected ${expected}`);
      return result;
    } catch (error) {
      const type = error instanceof ProblemError ? error.type : String(error);
      if (type !== expected) this.#wrong.push(`${what} ended with ${type}, expected ${expected}`);
      return undefined;
    }
  }

  async #put(actor: Actor): Promise<void> {
    const references = this.#atoms.length === 0 || this.#random() < 0.5 ? [] : [this.#pick(this.#atoms).id];
    const atom = await this.#try(`put by ${actor.author}`, this.#expected(actor, 'append'), () =>
      this.#as(actor, (tx) =>
        spaceAccess(tx, actor).put(this.#space, {
          payload: `word ${this.#atoms.length}`,
          metadata: { n: this.#atoms.length },
          references: references.map((id) => ({ type: 'about', atom: id })),
          comment: COMMENT,
        }),
      ),
    );
    if (atom === undefined) return;
    this.#atoms.push({ id: atom.id, version: 1, deprecated: false, references });
    this.#events += 1;
  }

  async #change(actor: Actor, kind: 'update' | 'stale' | 'deprecate'): Promise<void> {
    if (this.#atoms.length === 0) return;
    const known = this.#pick(this.#atoms);
    const allowed = this.#expected(actor, 'write');
    const expected = kind === 'stale' && allowed === 'done' ? 'stale' : allowed;
    const atom = await this.#try(`${kind} by ${actor.author}`, expected, () =>
      this.#as(actor, (tx) =>
        kind === 'deprecate'
          ? spaceAccess(tx, actor).deprecate(this.#space, known.id, COMMENT)
          : spaceAccess(tx, actor).update(this.#space, known.id, {
              metadata: { changed: known.version },
              comment: COMMENT,
              ifVersion: kind === 'stale' ? known.version + 1 : known.version,
            }),
      ),
    );
    if (atom === undefined) return;
    known.version += 1;
    known.deprecated ||= kind === 'deprecate';
    this.#events += 1;
    if (atom.version !== known.version) this.#wrong.push(`version ${atom.version} after ${known.version - 1}`);
  }

  /** Two puts, the second of which refers to the first; half of the batches end with a reference to nothing. */
  async #batch(actor: Actor): Promise<void> {
    const isBroken = this.#random() < 0.5;
    const allowed = this.#expected(actor, 'append');
    const expected = allowed === 'done' && isBroken ? 'invalid-body' : allowed;
    const atoms = await this.#try(`batch by ${actor.author}`, expected, () =>
      this.#as(actor, (tx) =>
        applyBatch(tx, actor, this.#space, [
          { op: 'put', key: 'a', payload: 'first', comment: COMMENT },
          {
            op: 'put',
            payload: 'second',
            references: [{ type: 'after', atom: isBroken ? 'atm_none' : '$a' }],
            comment: COMMENT,
          },
        ]),
      ),
    );
    for (const atom of atoms ?? [])
      this.#atoms.push({ id: atom.id, version: 1, deprecated: false, references: atom.references.map((r) => r.atom) });
    this.#events += atoms?.length ?? 0;
  }

  async #get(actor: Actor): Promise<void> {
    if (this.#atoms.length === 0) return;
    const known = this.#pick(this.#atoms);
    const atom = await this.#try(`get by ${actor.author}`, this.#expected(actor, 'read'), () =>
      this.#as(actor, (tx) => spaceAccess(tx, actor).get(this.#space, known.id)),
    );
    if (atom !== undefined && (atom.version !== known.version || atom.deprecated !== known.deprecated))
      this.#wrong.push(`${known.id} is read at version ${atom.version}, written at ${known.version}`);
  }

  /** Over every space: what one may not read does not exist, and what one may read is all there. */
  async #search(actor: Actor): Promise<void> {
    const page = await this.#as(actor, (tx) => spaceAccess(tx, actor).search({ limit: 200 }));
    const found = page.items.filter(({ atom }) => atom.space === this.#space).map(({ atom }) => atom.id);
    const readable = this.#may(actor) === undefined ? [] : this.#atoms.filter(({ deprecated }) => !deprecated);
    const expected = readable.map(({ id }) => id);
    if (page.cursor === undefined && found.toSorted().join() !== expected.toSorted().join())
      this.#wrong.push(`${actor.author} finds ${found.length} atoms, may read ${expected.length}`);
  }

  async #readEvents(actor: Actor): Promise<void> {
    const events = await this.#try(`events for ${actor.author}`, this.#expected(actor, 'read'), () =>
      this.#as(actor, (tx) => spaceEventsAfter(tx, actor, this.#space, 0, 1_000)),
    );
    if (events !== undefined && events.length !== this.#events)
      this.#wrong.push(`${events.length} events are told, ${this.#events} happened`);
  }

  async #grant(actor: Actor): Promise<void> {
    const { user, agent } = this.#pick(this.#people);
    const ownAgent = this.#random() < 0.5;
    const principal = ownAgent ? `agent:${agent}` : `user:${user}`;
    const permission = this.#pick(PERMISSIONS);
    const held = this.#expected(actor, 'grant');
    const expected = held === 'done' ? this.#refusedPrincipal(actor, principal, permission) : held;
    const grant = await this.#try(`grant ${permission} to ${principal} by ${actor.author}`, expected, () =>
      this.#as(actor, (tx) => spaceAccess(tx, actor).share(this.#space, principal, permission)),
    );
    if (grant !== undefined) this.#grants.set(principal, permission);
  }

  #refusedPrincipal(actor: Actor, principal: string, permission: Permission): Outcome {
    if (principal === `user:${this.#owner.user}` && permission !== 'grant') return 'conflict';
    const isOthersAgent = principal.startsWith('agent:') && principal.slice(6) !== this.#agentOf(actor.user);
    return isOthersAgent ? 'invalid-body' : 'done';
  }

  #agentOf(user: string): string | undefined {
    return this.#people.find((person) => person.user === user)?.agent;
  }

  async #revoke(actor: Actor): Promise<void> {
    const principal = this.#pick([...this.#grants.keys()]);
    const isLeaving = principal === `user:${actor.user}` && actor.confinedTo === undefined;
    const allowed = this.#expected(actor, isLeaving ? 'read' : 'grant');
    const expected = allowed === 'done' && principal === `user:${this.#owner.user}` ? 'conflict' : allowed;
    await this.#try(`revoke ${principal} by ${actor.author}`, expected, () =>
      this.#as(actor, (tx) => spaceAccess(tx, actor).unshare(this.#space, principal)),
    );
    if (expected === 'done') this.#grants.delete(principal);
  }

  /** Row-level security alone, without the rules in front of it, and the rows themselves. */
  async #checkRows(): Promise<void> {
    for (const person of this.#people) {
      for (const confined of [false, true]) {
        const actor = this.#actor(person, confined);
        const { seen } = await this.#as(actor, (tx) =>
          tx.one<{ seen: number }>(
            sql`select count(*)::int as seen from atom_versions where space_id = ${this.#space}`,
          ),
        );
        const expected =
          this.#may(actor) === undefined ? 0 : this.#atoms.reduce((sum, { version }) => sum + version, 0);
        if (seen !== expected) this.#wrong.push(`${actor.author} sees ${seen} versions, expected ${expected}`);
      }
    }
    const broken = await this.#db.system((tx) => tx.rows<{ problem: string }>(brokenRows(this.#space)));
    this.#wrong.push(...broken.map(({ problem }) => problem));
  }
}

/** Every way in which the rows of a space can contradict one another. */
export function brokenRows(space: string) {
  return sql<{ problem: string }>`
    select 'versions of ' || a.id || ' are not 1 to ' || a.version as problem from atoms a where a.space_id = ${space} and (
      select array_agg(v.version order by v.version) from atom_versions v where v.atom_id = a.id) is distinct from array(select generate_series(1, a.version))
    union all
    select 'the head of ' || a.id || ' is not its last version' from atoms a join atom_versions v on v.atom_id = a.id and v.version = a.version
      where a.space_id = ${space} and (v.payload, v.metadata, v.author, v.comment, v.deprecated, v.origin) is distinct from (a.payload, a.metadata, a.author, a.comment, a.deprecated, a.origin)
    union all
    select 'references of ' || a.id || ' are not those of its last version' from atoms a join atom_versions v on v.atom_id = a.id and v.version = a.version
      where a.space_id = ${space} and (select count(*) from atom_references r where r.atom_id = a.id) <> jsonb_array_length(v."references")
    union all
    select 'reference of ' || r.atom_id || ' to nothing' from atom_references r join atoms a on a.id = r.atom_id
      where a.space_id = ${space} and not exists (select from atoms t where t.id = r.target_id)
    union all
    select 'events are not 1 to ' || s.event_seq from spaces s where s.id = ${space} and (
      select coalesce(array_agg(e.seq order by e.seq), '{}') from space_events e where e.space_id = s.id) is distinct from array(select generate_series(1, s.event_seq))
    union all
    select 'version without one event: ' || v.atom_id || ' ' || v.version from atom_versions v where v.space_id = ${space} and (
      select count(*) from space_events e where e.space_id = v.space_id and e.atom_id = v.atom_id and e.version = v.version) <> 1`;
}
