import type { Label } from '../contracts/effect-class.js';
import type { JsonValue } from '../contracts/space.js';
import type { AgentRef } from '../contracts/step.js';
import { OVERWRITTEN_ATOMS } from '../spaces/trusted.js';
import type { Tx } from '../store/db.js';
import { type RawBuilder, sql } from '../store/sql.js';
import type { RequestRow } from './rows.js';

/** An atom of the user's memory about how they write to a group of people. */
export interface StyleRow {
  atom: string;
  group: string;
  payload: JsonValue;
}

/** Styles that are looked for, the newest first. */
const MOST_KNOWN = 500;
/** Groups whose name the searched text contains that are looked at closely. */
const MOST_SPOTTED = 50;
/** Groups of recipients whose style is handed out besides the one of everybody. */
const MOST_STYLES = 5;
/** Characters that are searched for recipients in all. */
const SEARCHED = 200_000;
/** Those of them that belong to what people and agents have said; results have the rest. */
const SEARCHED_WORDS = 100_000;
/** Characters of one result that are searched; the model is given no more. */
const SEARCHED_RESULT = 100_000;
/** Characters of one saying of an earlier request that are searched; the model is given no more. */
const SEARCHED_SAYING = 4_000;
/** A larger style is not one that was learned. */
const LARGEST_STYLE = 100_000;

/** Letters of a domain; beyond are the punctuation marks of Unicode and scripts that set no blanks before a domain. */
const LETTERS = 'a-z0-9\\u00df-\\u1fff';
/** What may stand before an address or a domain. In the text of a result a line end is `\\n`. */
const BEFORE = `(?:^|[^${LETTERS}._+'-]|\\\\[nrt])[._+'-]*`;
/** What may not follow. */
const AFTER = `(?![-._+]?[${LETTERS}]|@)`;

/** Whether the user has any style; most turns need to know no more. */
export function hasStyles(ref: AgentRef): RawBuilder<unknown> {
  return sql`(exists (select from atoms a where ${isStyleOf(ref)}) or exists (select from (${OVERWRITTEN_ATOMS}) a where ${isStyleOf(ref)}))`;
}

interface Handed {
  readonly styles: StyleRow[];
  readonly labels: Label[];
}

/**
 * The styles of those groups whose domain or address was named, and that of everybody where the agent is private anyway:
 * by the user in this request, by user or agent in the `tail` of its conversation, or by a result of this agent, the
 * newest of each first. A style counts as a trusted hand has last left it. An agent that is handed one is private.
 */
export async function handStyles(
  tx: Tx,
  ref: AgentRef,
  request: Pick<RequestRow, 'conversation_id' | 'created_at'>,
  tail: number,
): Promise<Handed> {
  return tx.one<Handed>(sql`
    with recursive tail as (
      select p.created_at, p.result->>'text' as reply,
        (select m.text from messages m where m.request_id = p.id and m.role = 'user' order by m.seq limit 1) as said
      from requests p where p.conversation_id = ${request.conversation_id} and p.id <> ${ref.request} and p.created_at <= ${request.created_at}
      order by p.created_at desc limit ${tail}),
    ${styleTables(ref)},
    marked as (
      update agents set labels = (select array_agg(distinct l order by l) from unnest(labels || '{private}'::text[]) as l)
      where id = ${ref.agent} and exists (select from handed) returning labels)
    select ${HANDED_STYLES} as styles, coalesce((select labels from marked), (select labels from agents where id = ${ref.agent})) as labels`);
}

/** The tables of `handStyles` after its `tail`, the last of them `handed`. Without any style nothing is searched. */
function styleTables(ref: AgentRef): RawBuilder<unknown> {
  return sql`
    styles as materialized (
      select distinct on ("group") * from (
        (select ${COLUMNS} from atoms a where ${isStyleOf(ref)} and a.origin <> 'untrusted' order by a.updated_at desc limit ${MOST_KNOWN})
        union all
        (select ${COLUMNS} from (${OVERWRITTEN_ATOMS}) a where ${isStyleOf(ref)} order by a.updated_at desc limit ${MOST_KNOWN})
        order by updated_at desc limit ${MOST_KNOWN}) newest
      order by "group", updated_at desc),
    said as materialized (
      select left(string_agg(s.text, E'\n' order by s.place, s.nth desc), ${SEARCHED_WORDS}) as text from (
        select 1 as place, seq::float8 as nth, left(text, ${SEARCHED_WORDS}) as text from messages where request_id = ${ref.request} and role = 'user'
        union all
        select 2, extract(epoch from created_at)::float8, concat_ws(E'\n', left(said, ${SEARCHED_SAYING}), left(reply, ${SEARCHED_SAYING})) from tail) s
      where exists (select from styles)),
    results as materialized (
      select id, row_number() over (order by turn desc, position desc) as nth from calls
      where agent_id = ${ref.agent} and output is not null and exists (select from styles)),
    found (nth, text, room) as (
      select 0::bigint, text, ${SEARCHED} - length(text) from said where text is not null
      union all
      select r.nth, t.text, found.room - length(t.text) from found join results r on r.nth = found.nth + 1 join calls c on c.id = r.id,
        lateral (select left(c.output::text, least(found.room, ${SEARCHED_RESULT})) as text offset 0) t
      where found.room > 0),
    searched as materialized (select lower(string_agg(text, E'\n' order by nth)) as text from found),
    spotted as materialized (
      select s.* from (select * from styles where "group" like '%_._%' order by updated_at desc offset 0) s, searched
      where position(s."group" in searched.text) > 0 or position(s.spelled in searched.text) > 0 limit ${MOST_SPOTTED}),
    matched as materialized (
      select s.* from spotted s, searched where ${isNamed(sql`s."group"`)} or ${isNamed(sql`s.spelled`)} limit ${MOST_STYLES}),
    handed as materialized (
      select *, 1 as place from matched
      union all
      select *, 2 as place from styles where "group" = 'everyone' and (exists (select from matched) or exists (select from agents where id = ${ref.agent} and 'private' = any(labels))))`;
}

/** What `styleTables` has found, as one JSON value. */
const HANDED_STYLES = sql`(
  select coalesce(json_agg(json_build_object('atom', h.atom, 'group', h."group", 'payload', v.payload) order by h.place, h.updated_at desc), '[]')
  from handed h, lateral (select payload from atom_versions where atom_id = h.atom and version = h.version limit 1) v
  where octet_length(v.payload::text) <= ${LARGEST_STYLE})`;

const COLUMNS = sql`a.id as atom, a.version, a.metadata->>'group' as "group", a.metadata->>'spelled' as spelled, a.updated_at`;

function isStyleOf(ref: AgentRef): RawBuilder<unknown> {
  return sql`a.space_id = (select id from spaces where owner_id = ${ref.user} and role = 'memory') and a.metadata->>'kind' = 'style' and not a.deprecated and a.people <@ ${[ref.user]}::text[]`;
}

/** Whether the searched text has this name, and not as a part of another. Null is no name. */
function isNamed(name: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`searched.text ~ (${BEFORE}::text || regexp_replace(${name}, '([.*+?^$|(){}\\[\\]\\\\])', '\\\\\\1', 'g') || ${AFTER}::text)`;
}
