import type { SpaceAccess } from '../../contracts/skill.js';
import type { Atom, Search } from '../../contracts/space.js';

const PAGE_SIZE = 200;
const MAX_PAGES = 5;

/** Atoms a search finds and `accept` keeps, at most `limit`; `more` says that the list is not complete. */
export async function collectHits(
  spaces: SpaceAccess,
  search: Omit<Search, 'limit' | 'cursor'>,
  limit: number,
  accept: (atom: Atom) => boolean = () => true,
): Promise<{ atoms: Atom[]; more: boolean }> {
  const atoms: Atom[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const page = await spaces.search({ ...search, limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) });
    atoms.push(...page.items.map((hit) => hit.atom).filter(accept));
    cursor = page.cursor;
    if (atoms.length > limit || cursor === undefined) break;
  }
  return { atoms: atoms.slice(0, limit), more: atoms.length > limit || cursor !== undefined };
}
