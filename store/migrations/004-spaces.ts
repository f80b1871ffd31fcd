/** Spaces shared between people and agents: who stands behind a change, who is told of it, and how it is found. */
export const spaces = `
alter table agents add column confined boolean not null default false;
alter table agents add column hop integer not null default 0;
alter table agents add column injected jsonb;
alter table users add column born_with integer not null default 0;
alter table spaces add column described_by text;
update spaces set described_by = owner_id;

alter table atoms add column people text[] not null default '{}';
alter table atoms add column mixed boolean not null default false;
alter table atom_versions add column author_user text;
alter table atom_versions add column people text[] not null default '{}';
-- Whose words are new in a version, and where they came from; people and origin are those of all that stands in it.
alter table atom_versions add column brought_by text[] not null default '{}';
alter table atom_versions add column brought_origin text not null default 'untrusted';
update atom_versions v set author_user = coalesce(
  (select a.user_id from agents a where v.author = 'agent:' || a.id), case when v.author like 'user:%' then substr(v.author, 6) end);
update atom_versions set people = array_remove(array[author_user], null), brought_by = array_remove(array[author_user], null), brought_origin = origin;
update atoms a set people = h.people, mixed = h.untrusted or cardinality(h.people) > 1 from (
  select atom_id, coalesce(array_agg(distinct author_user) filter (where author_user is not null), '{}') as people, bool_or(origin = 'untrusted') as untrusted
  from atom_versions group by atom_id) h where h.atom_id = a.id;
alter table space_events add column kind text not null default 'put' check (kind in ('put', 'update', 'deprecate', 'restore'));
alter table space_events add column hop integer not null default 0;
update space_events set kind = 'update' where version > 1;
create index atom_versions_by_author on atom_versions (author_user);
create index space_events_by_atom on space_events (space_id, atom_id);

-- What waits to be sorted into an index is read by every search, so it is kept short.
create index atoms_metadata on atoms using gin (metadata jsonb_path_ops) with (gin_pending_list_limit = 256);
alter index atoms_words set (gin_pending_list_limit = 256);
create index atoms_newest on atoms (space_id, updated_at desc, id desc);

create table subscriptions (
  space_id text not null references spaces on delete cascade,
  agent_id text not null references agents on delete cascade,
  user_id text not null references users on delete cascade,
  filter jsonb not null default '{}',
  debounce_ms integer not null default 0,
  seen_seq bigint not null,
  retry_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  primary key (space_id, agent_id)
);
create index subscriptions_by_agent on subscriptions (agent_id);
create index agents_by_parent on agents (parent_id);
create index approvals_by_agent on approvals (agent_id);
create index effects_by_agent on effects (agent_id);
create index reservations_by_agent on reservations (agent_id);
create index holds_by_agreement on holds (agreement_id);
create index holds_by_conversation on holds (conversation_id);

create table deliveries (
  id bigint generated always as identity primary key,
  user_id text not null references users on delete cascade,
  agent_id text not null references agents on delete cascade,
  space_id text not null,
  seq bigint not null,
  at timestamptz(3) not null default now(),
  foreign key (space_id, seq) references space_events on delete cascade,
  constraint deliveries_once unique (agent_id, space_id, seq)
);
create index deliveries_by_agent on deliveries (agent_id, id);
create index deliveries_by_event on deliveries (space_id, seq);
`;

/**
 * An agent that is confined has no more than its own grant, whatever its user may do. Search reads a view, whose owner is
 * not bound by row-level security: there the same rule is part of the query, so that its indexes can be used.
 */
export const spacesRowSecurity = `
-- A word without the marks on its letters, by which each is found however it is written.
create function retinue_plain(word text) returns text language sql immutable as
  $$ select case when octet_length(word) = length(word) then word
    else translate(normalize(regexp_replace(normalize(word, NFD), '[\\u0300-\\u036f]', '', 'g'), NFC), 'øłđı', 'oldi') end $$;
-- A word without the ending that tells number and case, which at the end of a compound is the same as alone.
create function retinue_root(word text) returns text language sql immutable as
  $$ select regexp_replace(retinue_plain(word), '(en|er|es|em|n|e|s)$', '') $$;
-- Every word in three forms, so that one search finds both languages; the title counts most. Beside them, without a
-- place in the text and bounded: words without marks, and long ones from their end, so that it finds a compound.
create function retinue_words(title text, body text) returns tsvector language sql immutable as
  $$ with plain as materialized (select to_tsvector('pg_catalog.simple', body) as words),
    word as materialized (select w from plain, unnest(tsvector_to_array(words)) as l(w) where length(w) <= 40 and (octet_length(w) > length(w) or length(w) >= 9))
    select setweight(to_tsvector('pg_catalog.simple', title) || to_tsvector('pg_catalog.english', title) || to_tsvector('pg_catalog.german', title), 'A')
      || words || to_tsvector('pg_catalog.english', body) || to_tsvector('pg_catalog.german', body)
      || array_to_tsvector(array(
        select retinue_plain(w) from word where octet_length(w) > length(w)
        union select '<' || reverse(retinue_root(w)) from word where length(w) >= 9 and w !~ '[[:digit:][:punct:]]' limit 2000))
    from plain $$;
-- One word of a query in the same forms, with its umlauts written either way.
create function retinue_word(word text) returns tsquery language sql immutable as
  $$ select coalesce(string_agg(distinct quote_literal(form), ' | '), '')::tsquery
    from unnest(array[word, replace(replace(replace(word, 'ae', 'ä'), 'oe', 'ö'), 'ue', 'ü'), replace(replace(replace(word, 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue')]) as s(spelled),
      unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', spelled) || to_tsvector('pg_catalog.english', spelled) || to_tsvector('pg_catalog.german', spelled))) as l(lexeme),
      unnest(array[lexeme, retinue_plain(lexeme)]) as f(form) where position('\\' in lexeme) = 0 $$;
-- What a query asks for, word by word. Words that only hold a sentence together are left out, in the language that more
-- of them belong to; a query of nothing else keeps them.
create function retinue_asked(said text) returns setof text language sql immutable as $$
  with word as (
    select w, n, to_tsvector('pg_catalog.english', w) = '' as english, to_tsvector('pg_catalog.german', w) = '' as german
    from unnest(string_to_array(said, ' ')) with ordinality as x(w, n) where to_tsvector('pg_catalog.simple', w) <> ''),
  counted as (select count(*) filter (where english) as english, count(*) filter (where german) as german from word),
  kept as (
    select w, n from word, counted where case when counted.german > counted.english then not word.german
      when counted.english > counted.german then not word.english else not (word.english and word.german) end),
  used as (select w, n from kept union all select w, n from word where not exists (select from kept))
  select w from used order by n $$;
-- One pattern a word.
create function retinue_query(said text) returns tsquery[] language sql immutable as
  $$ select coalesce(array_agg(retinue_word(w)) filter (where retinue_word(w) <> ''), '{}') from retinue_asked(said) as a(w) $$;
-- One pattern for each word that may begin or end a longer one: what has the longer one and not the word itself.
create function retinue_compounds(said text) returns tsquery[] language sql immutable as
  $$ select coalesce(array_agg(pattern), '{}') from (
      select string_agg(distinct quote_literal(root) || ':* | ' || quote_literal('<' || reverse(root)) || ':*', ' | ')::tsquery && !! retinue_word(w) as pattern
      from retinue_asked(said) as a(w), unnest(array[w, replace(replace(replace(w, 'ae', 'ä'), 'oe', 'ö'), 'ue', 'ü')]) as s(spelled), retinue_root(spelled) as root
      where length(w) between 5 and 40 and w !~ '[[:digit:][:punct:]]' and length(root) >= 4 group by w) p $$;
create function retinue_any(parts tsquery[]) returns tsquery language sql immutable as
  $$ select coalesce(string_agg('(' || p::text || ')', ' | '), '')::tsquery from unnest(parts) as p $$;
create function retinue_all(parts tsquery[]) returns tsquery language sql immutable as
  $$ select coalesce(string_agg('(' || p::text || ')', ' & '), '')::tsquery from unnest(parts) as p $$;

create function retinue_agent() returns text language sql stable as $$ select coalesce(current_setting('retinue.agent_id', true), '') $$;
create function retinue_covers(held text, needed text) returns boolean language sql immutable as
  $$ select array_position(array['read', 'append', 'write', 'grant'], held) >= array_position(array['read', 'append', 'write', 'grant'], needed) $$;
create or replace function retinue_spaces(needed text) returns setof text language sql stable security definer rows 50 set search_path = pg_catalog, public, pg_temp as
  $$ select g.space_id from space_grants g
    where g.principal = 'user:' || current_setting('retinue.user_id', true) and retinue_covers(g.permission, needed)
      and (retinue_agent() = '' or exists (
        select from space_grants c where c.space_id = g.space_id and c.principal = 'agent:' || retinue_agent() and retinue_covers(c.permission, needed))) $$;
-- The first grants of a space are its owner's to make; once there is one, whoever holds grant decides.
create function retinue_may_begin(space text) returns boolean language sql stable security definer set search_path = pg_catalog, public, pg_temp as
  $$ select exists (select from spaces where id = space and owner_id = current_setting('retinue.user_id', true))
    and not exists (select from space_grants where space_id = space) $$;
-- People are named by whoever knows their id, so that a person can see whom they let into a space.
create function retinue_user_name(wanted text) returns text language sql stable security definer set search_path = pg_catalog, public, pg_temp as
  $$ select name from users where id = wanted $$;

drop policy seen on spaces;
create policy seen on spaces for select to retinue_app
  using ((retinue_agent() = '' and owner_id = retinue_user()) or id in (select retinue_spaces('read')));
drop policy removed on spaces;
create policy removed on spaces for delete to retinue_app using (owner_id = retinue_user() and retinue_agent() = '');
-- The counter of events may be moved by whoever appends; what a space says of itself only by whoever may grant.
-- described_by is whose words name and description are; null for words that came from outside. They become another
-- person's only when both are written anew, and anybody's part in them makes them not the user's own.
create function retinue_describe(space text, new_name text, new_description text, new_tags text[], own boolean) returns setof text
  language sql volatile security definer set search_path = pg_catalog, public, pg_temp as
  $$ update spaces set name = coalesce(new_name, name), description = coalesce(new_description, description), tags = coalesce(new_tags, tags),
      described_by = case when not own then null
        when described_by = current_setting('retinue.user_id', true) or (new_name is not null and new_description is not null and new_tags is not null)
          then current_setting('retinue.user_id', true)
        when current_setting('retinue.user_id', true) = owner_id then described_by else current_setting('retinue.user_id', true) end
    where id = space and id in (select retinue_spaces('grant')) returning id $$;

drop policy seen on space_grants;
create policy seen on space_grants for select to retinue_app
  using ((principal = 'user:' || retinue_user() and retinue_agent() = '') or space_id in (select retinue_spaces('read')));
drop policy given on space_grants;
create policy given on space_grants for insert to retinue_app with check (space_id in (select retinue_spaces('grant'))
  or (principal in ('user:' || retinue_user(), 'agent:' || retinue_agent()) and retinue_may_begin(space_id)));
drop policy changed on space_grants;
create policy changed on space_grants for update to retinue_app
  using (principal = 'user:' || retinue_user() or space_id in (select retinue_spaces('read'))) with check (space_id in (select retinue_spaces('grant')));
drop policy revoked on space_grants;
create policy revoked on space_grants for delete to retinue_app
  using (space_id in (select retinue_spaces('grant')) or (principal = 'user:' || retinue_user() and retinue_agent() = ''));

grant update (people, mixed) on atoms to retinue_app;
grant update (position) on atom_references to retinue_app;
create policy moved on atom_references for update to retinue_app
  using (exists (select from atoms a where a.id = atom_id and a.space_id in (select retinue_spaces('write'))));

-- Whoever writes, writes in their own name, or in that of an agent.
create function retinue_signs(author text) returns boolean language sql stable as
  $$ select author = 'user:' || retinue_user() or author like 'agent:%' $$;
drop policy put on atoms;
create policy put on atoms for insert to retinue_app
  with check (space_id in (select retinue_spaces('append')) and retinue_signs(author) and retinue_user() = any(people));
drop policy changed on atoms;
create policy changed on atoms for update to retinue_app using (space_id in (select retinue_spaces('write')))
  with check (space_id in (select retinue_spaces('write')) and retinue_signs(author) and retinue_user() = any(people));
drop policy put on atom_versions;
create policy put on atom_versions for insert to retinue_app with check (
  exists (select from atoms a where a.id = atom_id and a.space_id = atom_versions.space_id and a.version = atom_versions.version)
  and (space_id in (select retinue_spaces('write')) or (version = 1 and space_id in (select retinue_spaces('append'))))
  and retinue_signs(author) and author_user = retinue_user() and retinue_user() = any(people));
drop policy put on space_events;
create policy put on space_events for insert to retinue_app with check (space_id in (select retinue_spaces('append')) and retinue_signs(author));

-- In this form the spaces are looked up once a statement, whatever else the planner does.
create view readable_atoms as
  select id, space_id, version, metadata, people, origin, deprecated, words, created_at, updated_at from atoms
  where (space_id in (select retinue_spaces('read'))) is true;
grant select on readable_atoms to retinue_app;

grant select, insert, update, delete on subscriptions to retinue_app;
alter table subscriptions enable row level security;
create policy own on subscriptions to retinue_app using (user_id = retinue_user())
  with check (user_id = retinue_user() and space_id in (select retinue_spaces('read')));
grant select on deliveries to retinue_app;
alter table deliveries enable row level security;
create policy own on deliveries to retinue_app using (user_id = retinue_user() and space_id in (select retinue_spaces('read')));
`;
