import type { Label } from '../contracts/effect-class.js';
import type { Atom, JsonValue, SpaceRole } from '../contracts/space.js';
import type { AgentRef } from '../contracts/step.js';
import { cutText } from '../contracts/text.js';
import type { Actor } from '../spaces/principal.js';
import { searchAtoms } from '../spaces/search.js';
import { trustedAtoms } from '../spaces/trusted.js';
import type { Tx } from '../store/db.js';
import { json, type RawBuilder, sql } from '../store/sql.js';

/** A space as the model is told of it. */
export interface ConnectedSpace {
  id: string;
  name: string;
  role: SpaceRole | null;
  description: string;
}

/** An atom that is always in an agent's context. */
export interface InjectedAtom {
  atom: string;
  version: number;
  role: SpaceRole | null;
  payload: JsonValue;
  at: string;
}

/** What other people say of a space, or what came from outside, is looked up and never an instruction. */
const NOT_OWN_WORDS = 'described by somebody else; space_search looks into it';

/** A space `s` as the model is told of it: in the words of its user alone. */
export function spaceColumns(user: string): RawBuilder<unknown> {
  const own = sql`s.described_by = ${user}`;
  return sql`s.id, s.role, case when ${own} then s.name else coalesce(s.role, s.name) end as name,
    case when ${own} then s.description else ${NOT_OWN_WORDS} end as description`;
}

/** What an agent has in its context without asking for it, chosen once, at its first turn. */
interface Injection {
  readonly atoms: readonly InjectedAtom[];
  readonly spaces: readonly ConnectedSpace[];
}

/** A space of the user's own with this tag is in the context of every agent, as memory and instructions are. */
const INJECTED_TAG = 'injected';
const INJECTED_ROLES: readonly SpaceRole[] = ['memory', 'instructions'];
/** Atoms about how things are done, which nobody needs until they are looked up. */
const NOT_INJECTED = new Set<unknown>(['style', 'recipe', 'example']);
const MOST_LOOKED_AT = 50;
const MOST_SPACES = 30;
/** For the descriptions of spaces, besides what the caller allows for atoms. */
const SPACE_TOKENS = 3_000;
const LONGEST_QUERY = 2_000;
/** Of the text of one atom; what is longer is cut. */
export const LONGEST_ATOM_BYTES = 1_500;
/** Other people's spaces are named to the model only in the user's own words. */
const SHORTEST_NAME = 3;
/** A rule of thumb for what people write; what an atom costs besides its text is counted with it. */
const BYTES_A_TOKEN = 3;
/** Id and date that stand before each. */
const LINE_BYTES = 60;
const FUSION = 60;

/** Whether there is anything to choose from; most agents of a new user need to know no more. */
export function hasInjectable(ref: AgentRef): RawBuilder<unknown> {
  return sql`(exists (
      select from spaces s where s.owner_id = ${ref.user} and (s.role = any(${INJECTED_ROLES}::text[]) or ${INJECTED_TAG} = any(s.tags))
        and exists (select from atoms a where a.space_id = s.id and not a.deprecated))
    or exists (select from spaces s where s.role is null and not s.tags && array['convention', 'dm']))`;
}

/** Whether the agent `a` may read a space that its user may read. */
export function mayStillRead(space: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(not a.confined or exists (select from space_grants c where c.space_id = ${space} and c.principal = 'agent:' || a.id and (c.expires_at is null or c.expires_at > now())))`;
}

/** What was chosen for the agent `a`, as it stands in its versions; what was withdrawn since is left out. */
export const CHOSEN_ATOMS = sql`case when jsonb_array_length(a.injected->'atoms') > 0 then (
  select coalesce(json_agg(json_build_object('atom', v.atom_id, 'version', v.version, 'role', s.role, 'payload', v.payload, 'at', v.at) order by i.place), '[]')
  from jsonb_array_elements(a.injected->'atoms') with ordinality as i(item, place)
  join atoms h on h.id = i.item->>'atom' and not h.deprecated join spaces s on s.id = h.space_id
  join atom_versions v on v.atom_id = h.id and v.version = (i.item->>'version')::int
  where ${mayStillRead(sql`h.space_id`)}) else '[]' end`;

/**
 * Chooses what the agent has in its context: its user's standing instructions, then what else is always injected, the
 * most relevant to `said` and the newest first, within a budget of tokens; and spaces of the user's own, with those of
 * other people that the user has named. Nothing that came from outside is injected, nor other people's words.
 */
export async function chooseInjection(
  tx: Tx,
  ref: AgentRef,
  agent: { readonly confined: boolean },
  said: string,
  tokens: number,
): Promise<Injection & { readonly labels: Label[] }> {
  const actor: Actor = {
    user: ref.user,
    author: `agent:${ref.agent}`,
    origin: 'agent',
    ...(agent.confined ? { confinedTo: ref.agent } : {}),
  };
  if (agent.confined) await tx.confineTo(ref.agent);
  const spaces = await connectedSpaces(tx, ref, said);
  const sources = spaces.filter(isSource);
  const ranked = sources.length === 0 ? [] : await rankedAtoms(tx, actor, sources, said);
  const atoms = withinBudget(ranked, tokens);
  const connected = withinBudget(spaces, SPACE_TOKENS);
  const chosen = {
    atoms: atoms.map(({ atom, version }) => ({ atom, version })),
    spaces: connected.map(({ id }) => id),
  };
  const { labels } = await tx.one<{ labels: Label[] }>(sql`
    update agents set injected = ${json(chosen)},
      labels = (select coalesce(array_agg(distinct l order by l), '{}') from unnest(labels || ${atoms.length === 0 ? [] : ['private']}::text[]) as l)
    where id = ${ref.agent} returning labels`);
  return {
    atoms,
    spaces: connected.map(({ id, name, role, description }) => ({ id, name, role, description })),
    labels,
  };
}

interface SpaceRow extends ConnectedSpace {
  tags: string[];
  own: boolean;
}

/** The user's own spaces, those everybody is born with first, and those that the user's words name. */
async function connectedSpaces(tx: Tx, ref: AgentRef, said: string): Promise<SpaceRow[]> {
  return tx.rows<SpaceRow>(sql`
    select ${spaceColumns(ref.user)}, s.tags, s.owner_id = ${ref.user} and s.described_by is not distinct from ${ref.user} as own from spaces s
    where s.id in (select retinue_spaces('read')) and not s.tags && array['convention', 'dm']
      and (s.owner_id = ${ref.user} and (s.described_by = ${ref.user} or s.role is not null)
        or (length(s.name) >= ${SHORTEST_NAME} and position(lower(s.name) in lower(${said})) > 0))
    order by s.role is null, s.role, s.created_at desc, s.id limit ${MOST_SPACES}`);
}

/** Whose role it is decides, not what somebody says of it; a tag counts only as the user's own word. */
function isSource({ role, tags, own }: SpaceRow): boolean {
  return (role !== null && INJECTED_ROLES.includes(role)) || (own && tags.includes(INJECTED_TAG));
}

/** Fused by reciprocal rank: how well an atom fits the words, and how new it is. Instructions stand first. */
async function rankedAtoms(tx: Tx, actor: Actor, sources: readonly SpaceRow[], said: string): Promise<InjectedAtom[]> {
  const search = { spaces: sources.map(({ id }) => id), limit: MOST_LOOKED_AT };
  const options = { atoms: trustedAtoms(actor.user) };
  const newest = await searchAtoms(tx, actor, search, options);
  const fitting = await searchAtoms(tx, actor, { ...search, query: cutText(said, LONGEST_QUERY) }, options);
  const roles = new Map(sources.map(({ id, role }) => [id, role]));
  const scores = new Map<string, { atom: Atom; score: number }>();
  for (const list of [fitting.items, newest.items]) {
    for (const [index, { atom }] of list.entries()) {
      if (NOT_INJECTED.has(atom.metadata['kind'])) continue;
      const known = scores.get(atom.id) ?? { atom, score: 0 };
      scores.set(atom.id, { atom, score: known.score + 1 / (FUSION + index) });
    }
  }
  return [...scores.values()]
    .map(({ atom, score }) => ({ ...injected(atom, roles.get(atom.space) ?? null), score }))
    .toSorted((a, b) => Number(b.role === 'instructions') - Number(a.role === 'instructions') || b.score - a.score);
}

function injected(atom: Atom, role: SpaceRole | null): InjectedAtom {
  return { atom: atom.id, version: atom.version, role, payload: atom.payload, at: atom.updatedAt };
}

/** The first of them that fit; one that is too long by itself is passed by. */
function withinBudget<T extends object>(items: readonly T[], tokens: number): T[] {
  let left = tokens * BYTES_A_TOKEN;
  return items.filter((item) => {
    const content = 'payload' in item ? Math.min(LONGEST_ATOM_BYTES, bytesOf(item.payload)) : bytesOf(item);
    const bytes = content + LINE_BYTES;
    if (bytes > left) return false;
    left -= bytes;
    return true;
  });
}

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
