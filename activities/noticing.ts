import type { Label } from '../contracts/effect-class.js';
import type { SpaceAccess } from '../contracts/skill.js';
import type { Atom } from '../contracts/space.js';

/** The same access, which notes the labels that the atoms handed out put on who reads them. */
export function noticing(spaces: SpaceAccess, labels: Set<Label>): SpaceAccess {
  const seen = (atom: Atom): Atom => {
    if (atom.origin === 'untrusted') labels.add('untrusted');
    return atom;
  };
  return {
    list: (filter) => spaces.list(filter),
    ofRole: (role) => spaces.ofRole(role),
    put: async (space, atom) => seen(await spaces.put(space, atom)),
    get: async (space, atom) => seen(await spaces.get(space, atom)),
    update: async (space, atom, patch) => seen(await spaces.update(space, atom, patch)),
    deprecate: async (space, atom, comment) => seen(await spaces.deprecate(space, atom, comment)),
    restore: async (space, atom, comment) => seen(await spaces.restore(space, atom, comment)),
    search: async (search) => {
      const page = await spaces.search(search);
      for (const hit of page.items) seen(hit.atom);
      return page;
    },
  };
}
