import { ProblemError } from '../../contracts/problem.js';
import type { SpaceAccess } from '../../contracts/skill.js';
import {
  type Atom,
  type Grant,
  type Metadata,
  type MetadataCondition,
  type MetadataConditions,
  type MetadataValue,
  NewAtomSchema,
  type Search,
  type Space,
  SPACE_ROLES,
  type Subscription,
} from '../../contracts/space.js';

const DEFAULT_LIMIT = 50;

/** Spaces in memory with the rules of the real ones, and a look behind them for assertions. */
export interface FakeSpaces extends SpaceAccess {
  /** Every comment in the order of the changes. */
  readonly comments: readonly string[];
}

/** One space per role, named `sp_ROLE`; unknown spaces and atoms are refused as the real ones refuse them. */
export function fakeSpaces(): FakeSpaces {
  const spaces = SPACE_ROLES.map(
    (role): Space => ({
      id: `sp_${role}`,
      name: role,
      description: '',
      role,
      owner: 'usr_1',
      tags: [],
      permission: 'grant',
      atomCount: 0,
      createdAt: clock(0),
    }),
  );
  const atoms = new Map<string, Atom>();
  const versions = new Map<string, Atom[]>();
  const grants = new Map<string, Grant>();
  const subscriptions = new Map<string, Subscription>();
  const comments: string[] = [];

  function store(atom: Atom): Atom {
    atoms.set(atom.id, atom);
    versions.set(atom.id, [structuredClone(atom), ...(versions.get(atom.id) ?? [])]);
    comments.push(atom.comment);
    return structuredClone(atom);
  }

  function space(id: string): Space {
    const found = spaces.find((candidate) => candidate.id === id);
    if (found === undefined) throw new ProblemError('not-found', `There is no space ${id}.`);
    return found;
  }

  function atom(spaceId: string, id: string): Atom {
    space(spaceId);
    const found = atoms.get(id);
    if (found?.space !== spaceId) throw new ProblemError('not-found', `There is no atom ${id} in this space.`);
    return found;
  }

  function setDeprecated(spaceId: string, id: string, deprecated: boolean, comment: string): Atom {
    const before = atom(spaceId, id);
    return store({ ...before, version: before.version + 1, deprecated, comment, updatedAt: clock(comments.length) });
  }

  return {
    ...unfaked,
    comments,
    list: async (filter) =>
      spaces.filter(({ role }) => filter?.role === undefined || role === filter.role).slice(0, filter?.limit),
    ofRole: async (role) => space(`sp_${role}`),
    get: async (spaceId, id) => structuredClone(atom(spaceId, id)),
    deprecate: async (spaceId, id, comment) => setDeprecated(spaceId, id, true, comment),
    restore: async (spaceId, id, comment) => setDeprecated(spaceId, id, false, comment),
    async history(spaceId, id, { limit = DEFAULT_LIMIT, cursor } = {}) {
      const older = (versions.get(atom(spaceId, id).id) ?? []).filter(
        ({ version }) => cursor === undefined || version < Number(cursor),
      );
      const items = structuredClone(older.slice(0, limit));
      return older.length > limit ? { items, cursor: String(items.at(-1)?.version) } : { items };
    },
    async version(spaceId, id, wanted) {
      const found = versions.get(atom(spaceId, id).id)?.find(({ version }) => version === wanted);
      if (found === undefined) throw new ProblemError('not-found', `The atom ${id} has no version ${wanted}.`);
      return structuredClone(found);
    },
    async create({ name, description = '', convention, tags = [] }) {
      const made = { ...space('sp_bus'), id: `sp_${spaces.length}`, name, description, tags };
      const { role: _role, ...plain } = { ...made, ...(convention === undefined ? {} : { convention }) };
      spaces.push(plain);
      return plain;
    },
    space: async (id) => structuredClone(space(id)),
    nameOf: async (principal) => principal,
    subscription: async (spaceId, agent) => subscriptions.get(`${space(spaceId).id} ${agent}`),
    grants: async (spaceId) => [...grants.values()].filter((grant) => grant.space === space(spaceId).id),
    async share(spaceId, principal, permission) {
      const grant = { space: space(spaceId).id, principal, permission, grantedBy: 'agent:agt_1', createdAt: clock(0) };
      grants.set(`${spaceId} ${principal}`, grant);
      return grant;
    },
    async unshare(spaceId, principal) {
      if (!grants.delete(`${space(spaceId).id} ${principal}`))
        throw new ProblemError('not-found', `${principal} holds no grant on this space.`);
    },
    async subscribe(spaceId, agent, { debounceSeconds = 0, ...filter }) {
      const made = { ...filter, space: space(spaceId).id, agent, debounceSeconds, createdAt: clock(0) };
      subscriptions.set(`${spaceId} ${agent}`, made);
      return made;
    },
    async unsubscribe(spaceId, agent) {
      if (!subscriptions.delete(`${space(spaceId).id} ${agent}`))
        throw new ProblemError('not-found', 'This agent is not subscribed to this space.');
    },
    async put(spaceId, given) {
      const { payload, mediaType, metadata = {}, references = [], comment } = NewAtomSchema.parse(given);
      for (const reference of references) {
        if (!atoms.has(reference.atom))
          throw new ProblemError('invalid-body', 'A reference points at nothing.', { status: 422 });
      }
      return store({
        id: `atm_${atoms.size + 1}`,
        space: space(spaceId).id,
        version: 1,
        payload,
        mediaType: mediaType ?? (typeof payload === 'string' ? 'text/plain' : 'application/json'),
        metadata,
        references,
        author: 'agent:agt_1',
        people: ['usr_1'],
        origin: 'agent',
        comment,
        deprecated: false,
        createdAt: clock(comments.length),
        updatedAt: clock(comments.length),
      });
    },
    async update(spaceId, id, patch) {
      const before = atom(spaceId, id);
      if (patch.ifVersion !== undefined && patch.ifVersion !== before.version) {
        throw new ProblemError('stale', `The atom is at version ${before.version} by now.`);
      }
      return store({
        ...before,
        version: before.version + 1,
        payload: patch.payload === undefined ? before.payload : patch.payload,
        metadata: merged(before.metadata, patch.metadata ?? {}),
        references: patch.references ?? before.references,
        comment: patch.comment,
        updatedAt: clock(comments.length),
      });
    },
    async search(search) {
      for (const id of search.spaces ?? []) space(id);
      const hits = [...atoms.values()]
        .filter((candidate) => search.spaces === undefined || search.spaces.includes(candidate.space))
        .filter((candidate) => search.includeDeprecated === true || !candidate.deprecated)
        .filter((candidate) => meets(candidate.metadata, search.metadata ?? {}))
        .filter((candidate) => referencesMeet(candidate, search.references ?? {}, atoms))
        .map((candidate) => ({ atom: structuredClone(candidate), score: scoreOf(candidate, search) }))
        .filter(({ score }) => search.query === undefined || score > 0)
        .toSorted((a, b) => b.score - a.score || b.atom.updatedAt.localeCompare(a.atom.updatedAt));
      const offset = Number(search.cursor ?? 0);
      const end = offset + (search.limit ?? DEFAULT_LIMIT);
      return { items: hits.slice(offset, end), ...(hits.length > end ? { cursor: String(end) } : {}) };
    },
  };
}

const notFaked = async (): Promise<never> => {
  throw new Error('Use the real store for this.');
};
const unfaked = { fork: notFaked, remove: notFaked } satisfies Partial<SpaceAccess>;

function clock(seconds: number): string {
  return new Date(Date.UTC(2026, 10, 20, 8, 0, seconds)).toISOString();
}

function merged(before: Metadata, patch: Metadata): Metadata {
  return Object.fromEntries(Object.entries({ ...before, ...patch }).filter(([key]) => patch[key] !== null));
}

function scoreOf(atom: Atom, { query }: Search): number {
  const text = wordsOf(JSON.stringify([atom.payload, atom.metadata]));
  return wordsOf(query ?? '').filter((word) => text.includes(word)).length;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function referencesMeet(
  atom: Atom,
  wanted: NonNullable<Search['references']>,
  atoms: ReadonlyMap<string, Atom>,
): boolean {
  return Object.entries(wanted).every(([type, conditions]) =>
    atom.references
      .filter((reference) => reference.type === type)
      .every((reference) => meets(atoms.get(reference.atom)?.metadata ?? {}, conditions)),
  );
}

function meets(metadata: Metadata, conditions: MetadataConditions): boolean {
  return Object.entries(conditions).every(([key, condition]) => meetsOne(metadata[key] ?? null, condition));
}

/** A missing key counts as null. */
function meetsOne(value: MetadataValue, condition: MetadataCondition): boolean {
  if (condition === null || typeof condition !== 'object') return value === condition;
  const { lt, lte, gt, gte, in: among, not } = condition;
  return (
    (lt === undefined || compares(value, lt, (sign) => sign < 0)) &&
    (lte === undefined || compares(value, lte, (sign) => sign <= 0)) &&
    (gt === undefined || compares(value, gt, (sign) => sign > 0)) &&
    (gte === undefined || compares(value, gte, (sign) => sign >= 0)) &&
    (among === undefined || among.includes(value)) &&
    (not === undefined || value !== not)
  );
}

function compares(value: MetadataValue, bound: string | number, holds: (sign: number) => boolean): boolean {
  if (typeof value === 'number' && typeof bound === 'number') return holds(value - bound);
  if (typeof value === 'string' && typeof bound === 'string') return holds(value < bound ? -1 : Number(value > bound));
  return false;
}
