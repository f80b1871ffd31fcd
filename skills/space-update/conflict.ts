import type { MergeConflict } from '../../contracts/merge-atom.js';
import type { Atom, JsonValue } from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import { withNote } from '../shared/note.js';
import type { SpaceUpdateOutput } from './manifest.js';

const MOST_SHOWN = 20;
const VALUE_BYTES = 500;

/** For the model: nothing was written, and what stands where its change and a later one contradict each other. */
export function conflictOutput(
  newest: Atom,
  ifVersion: number,
  conflicts: readonly MergeConflict[],
): SpaceUpdateOutput {
  const hidden = conflicts.length - MOST_SHOWN;
  return {
    id: newest.id,
    space: newest.space,
    version: newest.version,
    conflicts: conflicts.slice(0, MOST_SHOWN).map(({ field, mine, theirs }) => ({
      field: cutText(field, VALUE_BYTES),
      ...(mine === undefined ? {} : { yours: short(mine) }),
      ...(theirs === undefined ? {} : { now: short(theirs) }),
    })),
    ...withNote(
      `Nothing was written: these fields were changed since version ${ifVersion}, and differently. Decide what is right, then repeat the change with ifVersion ${newest.version}; space_history says who changed them and why.`,
      hidden > 0 ? `${hidden} more fields are in conflict.` : undefined,
    ),
  };
}

/** A value that is too long becomes the beginning of its text. */
function short(value: JsonValue): JsonValue {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const cut = cutText(text, VALUE_BYTES);
  return cut === text ? value : cut;
}
