import type { SpaceAccess } from '../contracts/skill.js';
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

/** The spaces as one actor may use them within one transaction. */
export function spaceAccess(tx: Tx, actor: Actor, { meanings, atoms }: AccessOptions = {}): SpaceAccess {
  return {
    list: async (filter) => (await listSpaces(tx, actor, { ...filter, limit: 200 })).items,
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
    history: (space, atom) => atomHistory(tx, actor, space, atom),
    create: (space) => createSpace(tx, actor, space),
    fork: (space, name) => forkSpace(tx, actor, space, { name }),
    remove: (space) => deleteSpace(tx, actor, space),
    grants: (space) => listGrants(tx, actor, space),
    share: (space, principal, permission) => setGrant(tx, actor, space, principal, permission),
    nameOf: (principal) => nameOfPrincipal(tx, principal),
    unshare: (space, principal) => dropGrant(tx, actor, space, principal),
    subscriptions: async (space) => (await listSubscriptions(tx, actor, space, { limit: 200 })).items,
    subscribe: (space, agent, wish) => subscribe(tx, actor, space, agent, wish),
    unsubscribe: (space, agent) => unsubscribe(tx, actor, space, agent),
  };
}
