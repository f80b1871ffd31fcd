import type { AtomOrigin, AtomReference, JsonValue, Metadata } from '../contracts/space.js';
import { searchableText } from '../spaces/atom-rows.js';
import type { Tx } from '../store/db.js';
import { json, sql } from '../store/sql.js';

const MOST_AT_ONCE = 50;
/** Stands in place of the comment of a version whose content is gone. */
const ERASED = 'erased';

interface Content {
  payload: JsonValue;
  metadata: Metadata;
  references: AtomReference[];
}

interface VersionRow extends Content {
  atom_id: string;
  version: number;
  media_type: string;
  author: string;
  author_user: string | null;
  people: string[];
  origin: AtomOrigin;
  comment: string;
  deprecated: boolean;
}

/**
 * Takes what a user and the user's agents have written out of atoms in spaces of others. An atom that nobody else has
 * written at goes with its events. In others the user's versions lose payload, metadata, references and comment, what
 * others have carried on from them is left out of theirs, key by key where a payload is an object, and the atom shows
 * what the newest version of somebody else leaves. Runs with the system's sight of everything, after the user's own spaces are gone. Returns how many of each.
 */
export async function eraseFromShared(tx: Tx, user: string): Promise<{ removed: number; blanked: number }> {
  const { vectors } = await tx.one<{ vectors: boolean }>(
    sql`select to_regclass('atom_vectors') is not null as vectors`,
  );
  const removed = await removeSolitary(tx, user);
  let blanked = 0;
  for (;;) {
    const atoms = await tx.rows<{ id: string }>(sql`
      select distinct atom_id as id from atom_versions where author_user = ${user} order by id limit ${MOST_AT_ONCE}`);
    if (atoms.length === 0) return { removed, blanked };
    const ids = atoms.map((atom) => atom.id);
    await tx.run(sql`
      update space_events e set comment = ${ERASED} from atom_versions v
      where v.atom_id = any(${ids}::text[]) and v.author_user = ${user} and e.space_id = v.space_id and e.atom_id = v.atom_id and e.version = v.version`);
    if (vectors) await tx.run(sql`delete from atom_vectors where atom_id = any(${ids}::text[])`);
    for (const id of ids) await blank(tx, user, id);
    blanked += ids.length;
  }
}

/**
 * Takes the titles out of everybody's reminders that were set about atoms in spaces of the user or that the user has
 * written at. Runs before those are gone.
 */
export async function forgetTitles(tx: Tx, user: string): Promise<void> {
  await tx.run(sql`
    with titled as materialized (
      select r.id, substr(s.item->>'ref', 6) as atom from reminders r, jsonb_array_elements(r.context->'sources') as s(item)
      where s.item ? 'title' and s.item->>'ref' like 'atom:%'),
    forgotten as materialized (
      select t.id, array_agg('atom:' || a.id) as refs from titled t join atoms a on a.id = t.atom join spaces p on p.id = a.space_id
      where p.owner_id = ${user} or exists (select from atom_versions v where v.atom_id = a.id and v.author_user = ${user}) group by t.id)
    update reminders r set context = jsonb_set(r.context, '{sources}', (
      select jsonb_agg(case when s.item->>'ref' = any(f.refs) then s.item - 'title' else s.item end order by s.place)
      from jsonb_array_elements(r.context->'sources') with ordinality as s(item, place)))
    from forgotten f where r.id = f.id`);
}

async function removeSolitary(tx: Tx, user: string): Promise<number> {
  return tx.run(sql`
    with solitary as materialized (
      select a.id, a.space_id from atoms a where exists (select from atom_versions v where v.atom_id = a.id and v.author_user = ${user})
        and not exists (select from atom_versions v where v.atom_id = a.id
          and v.author_user is distinct from ${user} and not (v.author_user is null and v.comment = ${ERASED}))),
    told as (delete from space_events e using solitary s where e.space_id = s.space_id and e.atom_id = s.id)
    delete from atoms using solitary s where atoms.id = s.id`);
}

async function blank(tx: Tx, user: string, id: string): Promise<void> {
  const versions = await tx.rows<VersionRow>(sql`
    select atom_id, version, payload, metadata, "references", media_type, author, author_user, people, origin, comment, deprecated
    from atom_versions where atom_id = ${id} order by version for update`);
  const left = withoutWordsOf(user, versions);
  for (const version of left) await writeVersion(tx, user, version);
  const head = left.at(-1);
  if (head !== undefined) await writeHead(tx, head);
}

/** The versions as they are to be, oldest first; the newest repeats what others have left where it was the user's own. */
function withoutWordsOf(user: string, versions: readonly VersionRow[]): VersionRow[] {
  const parts = new Parts(user);
  const left = versions.map((version) => parts.without(version));
  const newest = left.at(-1);
  const base = left.findLast((version) => !isErased(version));
  if (newest === undefined || base === undefined || newest === base) return left;
  return [...left.slice(0, -1), { ...base, version: newest.version }];
}

function isErased({ author_user, comment }: VersionRow): boolean {
  return author_user === null && comment === ERASED;
}

/** Who brought each part of an atom in, version by version. */
class Parts {
  readonly #user: string;
  /** Whose a payload is, or one top-level key of it with its value: who was the first to write it. */
  readonly #payloads = new Map<string, string | null>();
  /** Whose a metadata value or a reference is: who has put it there since it was last missing. */
  #others = new Map<string, string | null>();

  constructor(user: string) {
    this.#user = user;
  }

  without(version: VersionRow): VersionRow {
    const mine = version.author_user === this.#user;
    const { payload, metadata, references } = this.#contentOfOthers(version);
    const people = mine ? [] : version.people.filter((person) => person !== this.#user);
    const left = { ...version, people };
    if (mine) return { ...left, payload: null, metadata: {}, references: [], comment: ERASED, author_user: null };
    return { ...left, payload, metadata, references };
  }

  #contentOfOthers(version: VersionRow): Content {
    const before = this.#others;
    this.#others = new Map();
    const stays = (part: string): boolean => {
      const owner = before.has(part) ? (before.get(part) ?? null) : version.author_user;
      this.#others.set(part, owner);
      return owner !== this.#user;
    };
    const metadata = Object.entries(version.metadata).filter((entry) => stays(JSON.stringify(entry)));
    return {
      payload: this.#payloadOfOthers(version),
      metadata: Object.fromEntries(metadata),
      references: version.references.filter(({ type, atom }) => stays(JSON.stringify(['', type, atom]))),
    };
  }

  /** Objects go by their top-level keys, since changes of two people merge by those; null where nothing is left. */
  #payloadOfOthers({ payload, author_user: author }: VersionRow): JsonValue {
    if (payload === null || typeof payload !== 'object' || Array.isArray(payload))
      return this.#isOfOthers(payload, author) ? payload : null;
    const entries = Object.entries(payload);
    const kept = entries.filter(([key, value]) => this.#isOfOthers({ [key]: value }, author));
    return kept.length === 0 && entries.length > 0 ? null : Object.fromEntries(kept);
  }

  #isOfOthers(part: JsonValue, author: string | null): boolean {
    const text = JSON.stringify(part);
    const owner = this.#payloads.has(text) ? (this.#payloads.get(text) ?? null) : author;
    this.#payloads.set(text, owner);
    return owner !== this.#user;
  }
}

async function writeVersion(tx: Tx, user: string, left: VersionRow): Promise<void> {
  await tx.run(sql`
    update atom_versions set payload = ${json(left.payload)}, metadata = ${json(left.metadata)}, "references" = ${json(left.references)}, media_type = ${left.media_type},
      author = ${left.author}, author_user = ${left.author_user}, people = ${left.people}::text[], origin = ${left.origin}, comment = ${left.comment}, deprecated = ${left.deprecated},
      call_id = case when author_user = ${user} then null else call_id end
    where atom_id = ${left.atom_id} and version = ${left.version}`);
}

async function writeHead(tx: Tx, head: VersionRow): Promise<void> {
  const { title, body } = searchableText(head.payload, head.metadata);
  await tx.run(sql`
    update atoms set payload = ${json(head.payload)}, metadata = ${json(head.metadata)}, media_type = ${head.media_type}, author = ${head.author},
      origin = ${head.origin}, comment = ${head.comment}, deprecated = ${head.deprecated}, words = retinue_words(${title}, ${body}),
      people = ${head.people}::text[], updated_at = now()
    where id = ${head.atom_id}`);
  await tx.run(sql`delete from atom_references where atom_id = ${head.atom_id}`);
  await tx.run(sql`
    insert into atom_references (atom_id, type, target_id, position)
    select ${head.atom_id}, r.item->>'type', r.item->>'atom', r.place from jsonb_array_elements(${json(head.references)}) with ordinality as r(item, place)
    on conflict (atom_id, type, target_id) do nothing`);
}
