import type { Label } from '../contracts/effect-class.js';
import type { SpaceAccess } from '../contracts/skill.js';
import type { Atom } from '../contracts/space.js';

/**
 * The same access, which notes the labels that the atoms handed out put on who reads them: other people's words are to
 * this user's agents what mail is.
 */
export function noticing(spaces: SpaceAccess, labels: Set<Label>, user: string): SpaceAccess {
  const seen = (atom: Atom): Atom => {
    if (atom.origin === 'untrusted' || atom.people.some((person) => person !== user)) labels.add('untrusted');
    return atom;
  };
  return {
    ...spaces,
    put: async (space, atom) => seen(await spaces.put(space, atom)),
    get: async (space, atom) => seen(await spaces.get(space, atom)),
    update: async (space, atom, patch) => seen(await spaces.update(space, atom, patch)),
    deprecate: async (space, atom, comment) => seen(await spaces.deprecate(space, atom, comment)),
    restore: async (space, atom, comment) => seen(await spaces.restore(space, atom, comment)),
    async history(space, atom, wanted) {
      const page = await spaces.history(space, atom, wanted);
      page.items.forEach(seen);
      return page;
    },
    version: async (space, atom, version) => seen(await spaces.version(space, atom, version)),
    search: async (search) => {
      const page = await spaces.search(search);
      for (const hit of page.items) seen(hit.atom);
      return page;
    },
  };
}
