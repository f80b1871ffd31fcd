import type { Label } from '../../contracts/effect-class.js';
import type { TriggerSpecs } from '../../contracts/trigger.js';
import { metadataFilter } from '../../spaces/conditions.js';
import { userActor } from '../../spaces/principal.js';
import { requirePermission } from '../../spaces/spaces.js';
import type { Tx } from '../../store/db.js';
import { sql } from '../../store/sql.js';
import { durationMs } from '../clock/windows.js';
import { listed } from './begin-request.js';
import { labelsOf, type NamedAtom, titleOf } from './named-atoms.js';

/** The version of each atom that was reported as untouched. */
export interface UntouchedState {
  readonly reported: Readonly<Record<string, number>>;
}

interface UntouchedRow extends NamedAtom {
  readonly version: number;
  readonly updated_at: string;
  readonly deprecated: boolean;
}

/** Atoms that one trigger keeps an eye on once they are reported. */
const MOST_KEPT = 5_000;

/**
 * Which atoms nobody has touched for long enough and which of those that were reported somebody has touched since; each
 * is reported once. `at` is RFC 3339. Throws `ProblemError` where the user may not read the space.
 */
export async function untouchedSince(
  tx: Tx,
  user: string,
  spec: TriggerSpecs['space'],
  state: UntouchedState,
  at: string,
): Promise<{
  readonly state: UntouchedState;
  readonly report?: string;
  readonly labels: readonly Label[];
  readonly trouble?: string;
}> {
  await requirePermission(tx, userActor(user), spec.space, 'read');
  const length = spec.untouched ?? 'P30D';
  const limit = new Date(Date.parse(at) - durationMs(length)).toISOString();
  const before = new Map(Object.entries(state.reported));
  const known = await knownAtoms(tx, spec.space, [...before.keys()]);
  const left = known.filter((atom) => !atom.deprecated && atom.version === before.get(atom.id));
  const recovered = known.filter(
    (atom) => !atom.deprecated && atom.version !== before.get(atom.id) && atom.updated_at > limit,
  );
  const room = MOST_KEPT - left.length;
  const stale = await staleAtoms(tx, spec, limit, left, room + 1);
  const told = stale.slice(0, room);
  const after: UntouchedState = {
    reported: Object.fromEntries([...left, ...told].map(({ id, version }) => [id, version])),
  };
  return {
    state: after,
    labels: labelsOf([...told, ...recovered], user),
    ...reportOf(length, told, recovered),
    ...(stale.length > room
      ? { trouble: `More than ${MOST_KEPT} entries are untouched; the others are not reported. Narrow the metadata.` }
      : {}),
  };
}

/** Those of the given atoms that are still there. */
async function knownAtoms(tx: Tx, space: string, ids: readonly string[]): Promise<UntouchedRow[]> {
  if (ids.length === 0) return [];
  return tx.rows<UntouchedRow>(sql`
    select id, version, updated_at, payload, origin, people, deprecated from atoms where space_id = ${space} and id = any(${[...ids]}::text[]) order by updated_at, id`);
}

/** What has become untouched, the longest untouched first. */
async function staleAtoms(
  tx: Tx,
  { space, metadata = {} }: TriggerSpecs['space'],
  limit: string,
  left: readonly UntouchedRow[],
  most: number,
): Promise<UntouchedRow[]> {
  return tx.rows<UntouchedRow>(sql`
    select id, version, updated_at, payload, origin, people, deprecated from atoms
    where space_id = ${space} and not deprecated and updated_at <= ${limit}::timestamptz and ${metadataFilter(sql`metadata`, metadata)}
      and not (id = any(${left.map(({ id }) => id)}::text[]))
    order by updated_at, id limit ${most}`);
}

function reportOf(
  length: string,
  stale: readonly UntouchedRow[],
  recovered: readonly UntouchedRow[],
): { readonly report?: string } {
  const line = (atom: UntouchedRow): string => `- ${titleOf(atom)} (${atom.id}), last changed ${atom.updated_at}`;
  const parts = [
    ...(stale.length === 0 ? [] : [`Untouched for ${length}: ${stale.length}\n${listed(stale.map(line))}`]),
    ...(recovered.length === 0 ? [] : [`Touched again: ${recovered.length}\n${listed(recovered.map(line))}`]),
  ];
  return parts.length === 0 ? {} : { report: parts.join('\n\n') };
}
