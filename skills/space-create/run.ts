import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.js';
import { type SpaceAccess, type TransactionContext, transactionSkill } from '../../contracts/skill.js';
import type { Atom, Space } from '../../contracts/space.js';
import { spaceCreateManifest } from './manifest.js';

const PAGE = 200;
const UndoSchema = z.strictObject({ space: z.string() });

/** Makes or copies a space; its undo removes it as long as it is the agent's alone. */
export const spaceCreate = transactionSkill({
  manifest: spaceCreateManifest,
  async run({ from, ...wanted }, { spaces }) {
    const space = from === undefined ? await spaces.create(wanted) : await forked(spaces, from, wanted.name);
    return { output: { id: space.id, name: space.name, atoms: space.atomCount }, undo: { space: space.id } };
  },
  async undo(undo, context) {
    const { space } = UndoSchema.parse(undo);
    await requireNobodyElse(context, space);
    await context.spaces.remove(space);
  },
});

async function forked(spaces: SpaceAccess, from: string, name: string): Promise<Space> {
  try {
    return await spaces.fork(from, name);
  } catch (error) {
    if (!(error instanceof ProblemError) || error.type !== 'forbidden') throw error;
    throw new ProblemError(
      'forbidden',
      'A copy takes over the description of the space, which is instructions to agents. After reading the words of others you may not copy one; make a space without from and without a description, or ask the user to copy it.',
      { cause: error },
    );
  }
}

/** Asking for the grants holds the space, so that nobody writes into it between this look and its removal. */
async function requireNobodyElse(context: TransactionContext, space: string): Promise<void> {
  const own = [`user:${context.user.id}`, `agent:${context.agentId}`];
  const others = (await context.spaces.grants(space)).filter(({ principal }) => !own.includes(principal));
  if (others.length > 0)
    throw new ProblemError(
      'conflict',
      `The space is shared with ${others.length === 1 ? 'somebody' : `${others.length} others`} by now and stays. Take their access back first, or delete the space yourself.`,
    );
  const author = `agent:${context.agentId}`;
  for await (const atom of atomsOf(context.spaces, space)) {
    if (await isOnlyBy(context.spaces, atom, author)) continue;
    throw new ProblemError(
      'conflict',
      'Somebody else has written into the space by now, so it stays. Delete it yourself if nothing in it is needed.',
    );
  }
}

async function* atomsOf(spaces: SpaceAccess, space: string): AsyncGenerator<Atom> {
  let cursor: string | undefined;
  do {
    const page = await spaces.search({
      spaces: [space],
      includeDeprecated: true,
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { atom } of page.items) yield atom;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

async function isOnlyBy(spaces: SpaceAccess, atom: Atom, author: string): Promise<boolean> {
  if (atom.author !== author || atom.version === 1) return atom.author === author;
  let cursor: string | undefined;
  do {
    const page = await spaces.history(atom.space, atom.id, cursor === undefined ? {} : { cursor });
    if (page.items.some((version) => version.author !== author)) return false;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return true;
}
