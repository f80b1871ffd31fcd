import type { Label } from '../../contracts/effect-class.js';
import type { Metadata } from '../../contracts/space.js';
import { putAtom } from '../../spaces/atoms.js';
import { spaceOfRole } from '../../spaces/spaces.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';

/** Coordinators that are code: each speaks for one way by which things reach the user's agents. */
export type Coordinator = 'cron' | 'webhook' | 'mail' | 'watch' | 'space';

/** One entry of the coordinator bus. */
export interface BusNote {
  /** `agent:ID` of the agent that speaks, or of a coordinator. */
  readonly author: string;
  readonly text: string;
  readonly metadata: Metadata;
  /** Atoms it is about; those that are gone are left out. */
  readonly about?: readonly string[];
  /** The entry that it answers. */
  readonly replyTo?: string;
  readonly labels: readonly Label[];
}

export function coordinator(name: Coordinator): string {
  return `agent:${name}`;
}

/** Writes on the user's coordinator bus, where people and subscribed agents can read it; returns the atom. */
export async function writeToBus(tx: Tx, user: string, note: BusNote): Promise<string> {
  const speaker = note.author.startsWith('user:') ? 'user' : 'agent';
  const origin = note.labels.includes('untrusted') ? 'untrusted' : speaker;
  const actor = { user, author: note.author, origin } as const;
  const bus = await spaceOfRole(tx, actor, 'bus');
  const there =
    (note.about ?? []).length === 0
      ? []
      : await tx.rows<{ id: string }>(sql`select id from atoms where id = any(${[...(note.about ?? [])]}::text[])`);
  const atom = await putAtom(tx, actor, bus.id, {
    payload: { text: note.text },
    metadata: note.metadata,
    references: [
      ...there.map(({ id }) => ({ type: 'about', atom: id })),
      ...(note.replyTo === undefined ? [] : [{ type: 'reply_to', atom: note.replyTo }]),
    ],
    comment: note.text.slice(0, 200).toWellFormed(),
  });
  return atom.id;
}
