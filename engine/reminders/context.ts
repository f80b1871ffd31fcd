import type { Label } from '../../contracts/effect-class.js';
import type { Tx } from '../../store/db.js';

/** Something that a reminder was made from, as it was then. */
export interface Source {
  /** `request:ID`, `atom:ID` or `file:ID`. */
  readonly ref: string;
  /** Of an atom. */
  readonly version?: number;
  readonly title?: string;
}

/** What a reminder takes with it from the conversation it was made in. */
export interface CapturedContext {
  readonly summary: string;
  readonly sources: readonly Source[];
}

/** Where and about what a reminder is made. */
export interface Capturing {
  readonly user: string;
  readonly conversation: string;
  /** The request in which it is made; undefined where a person makes it by the API. */
  readonly request?: string | undefined;
  readonly text: string;
  /** What whoever makes it says it is about. */
  readonly about?: string | undefined;
}

/** Chooses what of the conversation, and which atoms and files, the reminder is about. */
export async function captureContext(_tx: Tx, { about }: Capturing): Promise<CapturedContext> {
  return { summary: about ?? '', sources: [] };
}

/** The same when it is due: what was said then, what has changed since, and what the words carry with them. */
export interface RecalledContext {
  /** Undefined where nothing was said about it. */
  readonly then?: string | undefined;
  readonly since?: string | undefined;
  readonly atoms: readonly string[];
  readonly labels: readonly Label[];
}

/** `setAt` is when the reminder was made, RFC 3339. */
export async function recallContext(
  _tx: Tx,
  _place: { readonly user: string; readonly conversation: string; readonly request: string },
  _captured: CapturedContext,
  _setAt: string,
): Promise<RecalledContext> {
  return { atoms: [], labels: [] };
}
