import { z } from 'zod';
import type { TransactionContext } from '../../contracts/skill.js';
import type { Atom, JsonValue } from '../../contracts/space.js';

const AtomAddressSchema = z.strictObject({ space: z.string(), atom: z.string() });

/** The `undo` value of a call that made or withdrew one atom. */
export function atomAddress(atom: Atom): JsonValue {
  return { space: atom.space, atom: atom.id };
}

/** Undo of a call that made an atom: it is deprecated and stays readable. */
export async function undoByDeprecating(undo: JsonValue, context: TransactionContext): Promise<void> {
  const { space, atom } = AtomAddressSchema.parse(undo);
  await context.spaces.deprecate(space, atom, 'Undo: the call that made this was taken back');
}

/** Undo of a call that deprecated an atom. */
export async function undoByRestoring(undo: JsonValue, context: TransactionContext): Promise<void> {
  const { space, atom } = AtomAddressSchema.parse(undo);
  await context.spaces.restore(space, atom, 'Undo: the call that withdrew this was taken back');
}
