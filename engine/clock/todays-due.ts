import { nextOccurrence, occurrencesBetween, type Recurrence } from '../../times/occurrences.js';
import { momentAt, wallTextAt } from '../../times/wall-clock.js';

/** A stored time with what was meant by it. */
export interface Meant {
  /** Milliseconds since 1970, as the rules of its zone were when it was stored. */
  readonly due: number;
  /** IANA zone. */
  readonly zone: string;
  /** The wall-clock time that was meant; of a rule the one it counts from. Undefined where the moment itself was. */
  readonly localStart: string | undefined;
  readonly rrule: string | undefined;
}

/** A zone that changes its rules moves a time by no more. */
const MOST_MOVED_MS = 26 * 3_600_000;

/**
 * The moment that a stored time stands for by today's rules of its zone, in milliseconds since 1970: countries change
 * theirs at short notice, and people mean what their clocks will show. Throws a `RuleError` for a broken rule.
 */
export function todaysDue({ due, zone, localStart, rrule }: Meant): number {
  if (localStart === undefined) return due;
  if (rrule !== undefined) return nearestOccurrence({ rrule, start: localStart, zone }, due);
  return isShownAt(due, localStart, zone) ? due : movedTo(due, localStart, zone);
}

/** Also true of the second of two times that a clock shows alike. */
function isShownAt(due: number, local: string, zone: string): boolean {
  try {
    return wallTextAt(due, zone) === local;
  } catch (error) {
    // A zone that this machine does not know any more: what was stored is the best that is known.
    if (error instanceof RangeError) return true;
    throw error;
  }
}

function movedTo(due: number, local: string, zone: string): number {
  const moved = momentAt(local, zone);
  return Math.abs(moved - due) > MOST_MOVED_MS ? due : moved;
}

function nearestOccurrence(recurrence: Recurrence, due: number): number {
  if (nextOccurrence(recurrence, due - 1) === due) return due;
  let nearest: number | undefined;
  for (const at of occurrencesBetween(recurrence, due - MOST_MOVED_MS, due + MOST_MOVED_MS))
    if (nearest === undefined || Math.abs(at - due) <= Math.abs(nearest - due)) nearest = at;
  return nearest ?? nextOccurrence(recurrence, due) ?? due;
}
