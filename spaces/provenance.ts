import type { Atom, AtomOrigin, JsonValue, Metadata } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { sql } from '../store/sql.js';
import type { Actor } from './principal.js';

/** Where the words of an atom come from. */
interface Provenance {
  readonly origin: AtomOrigin;
  readonly people: readonly string[];
}

interface VersionRow {
  payload: JsonValue;
  metadata: Metadata;
  brought_origin: AtomOrigin;
  brought_by: string[];
}

/** An atom with a longer history than this counts as holding something of every version. */
const MOST_VERSIONS = 500;
/** Words of a status or a name of a field; nobody is told anything by them. */
const HARMLESS = /^[\w-]{0,24}$/;

/**
 * Whose words stand in an atom after a change, and whether any of them came from outside: a part that stays, comes back
 * or is merged in belongs to the version that was the first to hold it, whoever writes it now. `isMixed` is false while
 * only trusted hands of one person have written there, and then nothing is looked up.
 */
export async function provenanceAfter(
  tx: Tx,
  actor: Actor,
  before: Pick<Atom, 'id' | 'version'> & { readonly isMixed: boolean },
  content: { readonly payload: JsonValue; readonly metadata: Metadata },
): Promise<Provenance> {
  if (!before.isMixed) return { origin: actor.origin, people: [actor.user] };
  const versions = await tx.rows<VersionRow>(sql`
    select payload, metadata, brought_origin, brought_by from atom_versions where atom_id = ${before.id} order by version limit ${MOST_VERSIONS}`);
  const sources = before.version > MOST_VERSIONS ? versions : sourcesOf(partsOf(content), versions);
  const isUntrusted = actor.origin === 'untrusted' || sources.some((source) => source.brought_origin === 'untrusted');
  return {
    origin: isUntrusted ? 'untrusted' : actor.origin,
    people: [...new Set([...sources.flatMap((source) => source.brought_by), actor.user])],
  };
}

/** The versions that were the first to hold one of the parts. */
function sourcesOf(parts: ReadonlySet<string>, versions: readonly VersionRow[]): VersionRow[] {
  const left = new Set(parts);
  return versions.filter((version) => {
    const held = [...partsOf(version)].filter((part) => left.has(part));
    for (const part of held) left.delete(part);
    return held.length > 0;
  });
}

/** Everything in an atom that says something, piece by piece as changes are merged. */
function partsOf({ payload, metadata }: { payload: JsonValue; metadata: Metadata }): Set<string> {
  const isFields = payload !== null && typeof payload === 'object' && !Array.isArray(payload);
  const values = [...(isFields ? Object.values(payload) : [payload]), ...Object.values(metadata)];
  return new Set(values.filter(saysSomething).map((value) => JSON.stringify(value)));
}

function saysSomething(value: JsonValue): boolean {
  if (typeof value === 'string') return !HARMLESS.test(value);
  return value !== null && typeof value === 'object' && Object.keys(value).length > 0;
}
