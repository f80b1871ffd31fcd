import { ProblemError } from '../contracts/problem.js';
import type { SpaceAccess } from '../contracts/skill.js';
import type { Atom, Subscription } from '../contracts/space.js';
import { DEFAULT_LIMIT } from '../contracts/text.js';
import type { Tx } from '../store/db.js';
import { atomHistory, getAtom, putAtom, setDeprecated, updateAtom } from './atoms.js';
import { forkSpace } from './fork.js';
import { dropGrant, listGrants, nameOfPrincipal, setGrant } from './grants.js';
import type { Actor } from './principal.js';
import { type Meaning, searchAtoms, type SearchedAtoms } from './search.js';
import { createSpace, deleteSpace, getSpace, listSpaces, spaceOfRole } from './spaces.js';
import { listSubscriptions, subscribe, unsubscribe } from './subscriptions.js';

interface AccessOptions {
  /** What texts that are searched for mean, as far as it is known. */
  readonly meanings?: ReadonlyMap<string, Meaning>;
  readonly atoms?: SearchedAtoms;
}

const MOST_LISTED = 200;

/** The spaces as one actor may use them within one transaction. */
export function spaceAccess(tx: Tx, actor: Actor, { meanings, atoms }: AccessOptions = {}): SpaceAccess {
  return {
    list: async (filter) => (await listSpaces(tx, actor, { ...filter, limit: boundedLimit(filter?.limit) })).items,
    space: (id) => getSpace(tx, actor, id),
    ofRole: (role) => spaceOfRole(tx, actor, role),
    put: (space, atom) => putAtom(tx, actor, space, atom),
    get: (space, atom) => getAtom(tx, actor, space, atom),
    update: (space, atom, patch) => updateAtom(tx, actor, space, atom, patch),
    deprecate: (space, atom, comment) => setDeprecated(tx, actor, space, atom, true, comment),
    restore: (space, atom, comment) => setDeprecated(tx, actor, space, atom, false, comment),
    search: (search) =>
      searchAtoms(tx, actor, search, {
        meaning: meanings?.get(search.query ?? ''),
        ...(atoms === undefined ? {} : { atoms }),
      }),
    history: (space, atom, page) =>
      atomHistory(tx, actor, space, atom, { ...page, limit: boundedLimit(page?.limit ?? DEFAULT_LIMIT) }),
    version: (space, atom, version) => atomVersion(tx, actor, space, atom, version),
    create: (space) => createSpace(tx, actor, space),
    fork: (space, name) => forkSpace(tx, actor, space, { name }),
    remove: (space) => deleteSpace(tx, actor, space),
    grants: (space) => listGrants(tx, actor, space),
    share: (space, principal, permission) => setGrant(tx, actor, space, principal, permission),
    nameOf: (principal) => nameOfPrincipal(tx, principal),
    unshare: (space, principal) => dropGrant(tx, actor, space, principal),
    subscription: (space, agent) => subscriptionOf(tx, actor, space, agent),
    subscribe: (space, agent, wish) => subscribe(tx, actor, space, agent, wish),
    unsubscribe: (space, agent) => unsubscribe(tx, actor, space, agent),
  };
}

function boundedLimit(limit = MOST_LISTED): number {
  return Math.max(1, Math.min(MOST_LISTED, Math.floor(limit)));
}

async function atomVersion(tx: Tx, actor: Actor, space: string, id: string, version: number): Promise<Atom> {
  const page = { limit: 1, cursor: String(version + 1) };
  const found = (await atomHistory(tx, actor, space, id, page)).items[0];
  if (found?.version === version) return found;
  throw new ProblemError('not-found', `The atom ${id.slice(0, 80)} has no version ${version}.`);
}

async function subscriptionOf(tx: Tx, actor: Actor, space: string, agent: string): Promise<Subscription | undefined> {
  let cursor: string | undefined;
  do {
    const page = { limit: MOST_LISTED, ...(cursor === undefined ? {} : { cursor }) };
    const { items, cursor: next } = await listSubscriptions(tx, actor, space, page);
    const found = items.find((subscription) => subscription.agent === agent);
    if (found !== undefined) return found;
    cursor = next;
  } while (cursor !== undefined);
  return undefined;
}
