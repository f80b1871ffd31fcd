import type { SpaceAccess } from '../contracts/skill.js';
import type { Tx } from '../store/db.js';
import { getAtom, putAtom, setDeprecated, updateAtom } from './atoms.js';
import type { Actor } from './principal.js';
import { searchAtoms } from './search.js';
import { listSpaces, spaceOfRole } from './spaces.js';

/** The spaces as one actor may use them within one transaction. */
export function spaceAccess(tx: Tx, actor: Actor): SpaceAccess {
  return {
    list: async (filter) => (await listSpaces(tx, actor, { ...filter, limit: 200 })).items,
    ofRole: (role) => spaceOfRole(tx, actor, role),
    put: (space, atom) => putAtom(tx, actor, space, atom),
    get: (space, atom) => getAtom(tx, actor, space, atom),
    update: (space, atom, patch) => updateAtom(tx, actor, space, atom, patch),
    deprecate: (space, atom, comment) => setDeprecated(tx, actor, space, atom, true, comment),
    restore: (space, atom, comment) => setDeprecated(tx, actor, space, atom, false, comment),
    search: (search) => searchAtoms(tx, actor, search),
  };
}
