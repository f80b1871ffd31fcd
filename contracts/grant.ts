import { allows } from './permission.js';
import type { Permission } from './space.js';

/** What an agent may touch. `null` means: whatever its parent may, or at the root its user. */
export interface AgentGrant {
  readonly spaces: Readonly<Record<string, Permission>> | null;
  readonly skills: readonly string[] | null;
  readonly secrets: readonly string[] | null;
  readonly models: readonly string[] | null;
  readonly hosts: readonly string[] | null;
  /** USD as a decimal string; null draws on what is left to the parent. */
  readonly budgetUsd: string | null;
  /** Generations of agents it may have below itself. */
  readonly depth: number;
  /** Agents it may spawn in all. */
  readonly maxChildren: number;
}

/** One right that is wanted and not there to give. */
export interface TooWide {
  /** Where it stands in what was wanted, such as `spaces.spc_1`. */
  readonly path: string;
  readonly message: string;
}

/** Every right of `wanted` that `held` does not have; empty where a child with `wanted` would be no wider than its parent. */
export function tooWide(held: AgentGrant, wanted: AgentGrant): TooWide[] {
  return [
    ...wideSpaces(held.spaces, wanted.spaces),
    ...wideNames('skills', held.skills, wanted.skills),
    ...wideNames('secrets', held.secrets, wanted.secrets),
    ...wideNames('models', held.models, wanted.models),
    ...wideNames('hosts', held.hosts, wanted.hosts),
    ...wideNumbers(held, wanted),
  ];
}

function wideSpaces(held: AgentGrant['spaces'], wanted: AgentGrant['spaces']): TooWide[] {
  if (held === null) return [];
  if (wanted === null) return [{ path: 'spaces', message: 'must name spaces that you have' }];
  return Object.entries(wanted).flatMap(([space, permission]) => {
    const own = Object.hasOwn(held, space) ? held[space] : undefined;
    if (allows(own, permission)) return [];
    return [
      {
        path: `spaces.${space}`,
        message: own === undefined ? 'you have no right to this space' : `you have ${own} there, not ${permission}`,
      },
    ];
  });
}

function wideNames(field: string, held: readonly string[] | null, wanted: readonly string[] | null): TooWide[] {
  if (held === null) return [];
  if (wanted === null) return [{ path: field, message: 'must name those that you have' }];
  return wanted.flatMap((name, index) =>
    held.includes(name) ? [] : [{ path: `${field}.${index}`, message: `you do not have ${name}` }],
  );
}

function wideNumbers(held: AgentGrant, wanted: AgentGrant): TooWide[] {
  const found: TooWide[] = [];
  if (held.budgetUsd !== null && exact(wanted.budgetUsd ?? held.budgetUsd) > exact(held.budgetUsd))
    found.push({ path: 'budgetUsd', message: `must be at most ${held.budgetUsd}` });
  if (wanted.depth >= held.depth)
    found.push({ path: 'depth', message: 'agents may not be spawned this deep; do the work yourself' });
  if (wanted.maxChildren > held.maxChildren)
    found.push({ path: 'maxChildren', message: `must be at most ${held.maxChildren}` });
  return found;
}

/** An amount as a whole number of the smallest there is; doubles cannot tell all amounts apart. */
function exact(usd: string): bigint {
  const [whole = '0', part = ''] = usd.split('.');
  return BigInt(whole + part.padEnd(12, '0'));
}

/** Of two rights on a space, the weaker. */
export function weaker(one: Permission, other: Permission): Permission {
  return allows(one, other) ? other : one;
}
