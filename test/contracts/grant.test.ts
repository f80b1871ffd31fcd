import { expect, test } from 'vitest';
import { type AgentGrant, tooWide } from '../../contracts/grant.js';
import { type Permission, PERMISSIONS } from '../../contracts/space.js';
import { seededRandom } from '../helpers/seeded.js';

const SEED = 20_261_121;
const WISHES = 100_000;
const GENERATIONS = 5;

/** Names that objects know by themselves must not count as held. */
const SPACES = ['spc_1', 'spc_2', 'spc_3', 'constructor', '__proto__'];
const NAMES = ['one', 'two', 'three', 'toString', ''];
/** Stands for everything that nobody has named. */
const UNNAMED = 'something else';
const LISTS = ['skills', 'secrets', 'models', 'hosts'] as const;
/** As money may be written; the last two differ by less than doubles of this size do. */
const AMOUNTS = ['0', '0.000001', '0.1', '1', '1.000000', '2.5', '10', '999999999', '999999999.000000000001'];
const OPERATIONS: Readonly<Record<Permission, readonly string[]>> = {
  read: ['see'],
  append: ['see', 'add'],
  write: ['see', 'add', 'change'],
  grant: ['see', 'add', 'change', 'share'],
};

/** Everything that whoever has this grant can do, one by one. */
function powersOf(grant: AgentGrant): Set<string> {
  const spaces =
    grant.spaces === null
      ? [...SPACES, UNNAMED].map((space): [string, Permission] => [space, 'grant'])
      : Object.entries(grant.spaces);
  const names = LISTS.flatMap((list) => (grant[list] ?? [...NAMES, UNNAMED]).map((name) => `${list} ${name}`));
  return new Set([
    ...spaces.flatMap(([space, permission]) => OPERATIONS[permission].map((operation) => `${operation} ${space}`)),
    ...names,
  ]);
}

/** As a whole number of the smallest amount there is. */
function exact(usd: string): bigint {
  const [whole = '0', part = ''] = usd.split('.');
  return BigInt(whole + part.padEnd(12, '0'));
}

function isWithin(held: AgentGrant, wanted: AgentGrant): boolean {
  const own = powersOf(held);
  const budget = wanted.budgetUsd ?? held.budgetUsd;
  return (
    [...powersOf(wanted)].every((power) => own.has(power)) &&
    (held.budgetUsd === null || (budget !== null && exact(budget) <= exact(held.budgetUsd))) &&
    wanted.depth < held.depth &&
    wanted.maxChildren <= held.maxChildren
  );
}

class Wishes {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Half of them stay mostly within what is held, so that both answers are frequent. */
  below(held: AgentGrant): AgentGrant {
    const isModest = this.#random() < 0.7;
    const names = (own: readonly string[] | null): readonly string[] | null => {
      if (this.#random() < (own === null ? 0.3 : isModest ? 0.003 : 0.05)) return null;
      return this.#some(isModest && own !== null ? own : NAMES);
    };
    return {
      spaces: this.#spaces(held, isModest),
      skills: names(held.skills),
      secrets: names(held.secrets),
      models: names(held.models),
      hosts: names(held.hosts),
      budgetUsd: isModest && this.#random() < 0.7 ? null : this.#pick(AMOUNTS),
      depth: isModest ? held.depth - 1 : Math.floor(this.#random() * 6),
      maxChildren: isModest ? held.maxChildren : Math.floor(this.#random() * 6),
    };
  }

  root(): AgentGrant {
    const all = { spaces: null, skills: null, secrets: null, models: null, hosts: null };
    return { ...all, budgetUsd: this.#pick([null, ...AMOUNTS]), depth: GENERATIONS, maxChildren: 5 };
  }

  #spaces(held: AgentGrant, isModest: boolean): AgentGrant['spaces'] {
    if (this.#random() < (held.spaces === null ? 0.3 : 0.01)) return null;
    const own = held.spaces === null || !isModest ? SPACES : Object.keys(held.spaces);
    return Object.fromEntries(
      this.#some(own).map((space) => [space, this.#random() < 0.5 ? 'read' : this.#pick(PERMISSIONS)]),
    );
  }

  #some<T>(items: readonly T[]): T[] {
    return items.filter(() => this.#random() < 0.5);
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }
}

test(`of ${WISHES} random wishes in spawn trees no one that is let through is wider than any agent above it`, () => {
  const wishes = new Wishes(seededRandom(SEED));
  const wrong: { held: AgentGrant; wanted: AgentGrant; found: unknown }[] = [];
  const counts = { within: 0, wide: 0, deepest: 0 };
  let above: AgentGrant[] = [wishes.root()];
  for (let wish = 0; wish < WISHES; wish += 1) {
    const held = above.at(-1) as AgentGrant;
    const wanted = wishes.below(held);
    const found = tooWide(held, wanted);
    if ((found.length === 0) !== isWithin(held, wanted)) wrong.push({ held, wanted, found });
    if (found.length > 0) counts.wide += 1;
    else {
      counts.within += 1;
      // Narrow all the way up, not only by one step; a budget of null is what the nearest agent with one has.
      const budgetUsd = wanted.budgetUsd ?? held.budgetUsd;
      if (!above.every((ancestor) => isWithin(ancestor, { ...wanted, budgetUsd })))
        wrong.push({ held, wanted, found: 'wider than an agent further up' });
      above.push({ ...wanted, budgetUsd });
      counts.deepest = Math.max(counts.deepest, above.length - 1);
    }
    const isOver = found.length > 0 ? wish % 4 === 0 : above.length > GENERATIONS;
    if (isOver) above = [wishes.root()];
  }
  expect(wrong.slice(0, 3)).toEqual([]);
  expect(counts.within).toBeGreaterThan(WISHES / 10);
  expect(counts.wide).toBeGreaterThan(WISHES / 10);
  expect(counts.deepest).toBe(GENERATIONS);
});

test('every right that is too wide is named, where it stands and why', () => {
  const held: AgentGrant = {
    spaces: { spc_1: 'read' },
    skills: ['web_fetch'],
    secrets: [],
    models: ['fast'],
    hosts: ['example.com'],
    budgetUsd: '0.5',
    depth: 1,
    maxChildren: 2,
  };
  const wanted: AgentGrant = {
    spaces: { spc_1: 'write', spc_2: 'read' },
    skills: ['web_fetch', 'email_send'],
    secrets: ['db'],
    models: null,
    hosts: null,
    budgetUsd: '0.500001',
    depth: 1,
    maxChildren: 3,
  };
  expect(tooWide(held, wanted)).toEqual([
    { path: 'spaces.spc_1', message: 'you have read there, not write' },
    { path: 'spaces.spc_2', message: 'you have no right to this space' },
    { path: 'skills.1', message: 'you do not have email_send' },
    { path: 'secrets.0', message: 'you do not have db' },
    { path: 'models', message: 'must name those that you have' },
    { path: 'hosts', message: 'must name those that you have' },
    { path: 'budgetUsd', message: 'must be at most 0.5' },
    { path: 'depth', message: 'agents may not be spawned this deep; do the work yourself' },
    { path: 'maxChildren', message: 'must be at most 2' },
  ]);
});
