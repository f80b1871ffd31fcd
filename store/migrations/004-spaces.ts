/** Spaces shared between people and agents: who stands behind a change, who is told of it, and how it is found. */
export const spaces = `
alter table agents add column confined boolean not null default false;
alter table agents add column hop integer not null default 0;
alter table agents add column injected jsonb;
alter table users add column born_with integer not null default 0;

alter table atoms add column people text[] not null default '{}';
alter table atom_versions add column author_user text;
update atom_versions v set author_user = coalesce(
  (select a.user_id from agents a where v.author = 'agent:' || a.id), case when v.author like 'user:%' then substr(v.author, 6) end);
update atoms a set people = coalesce((select array_agg(distinct v.author_user) from atom_versions v where v.atom_id = a.id and v.author_user is not null), '{}');
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
-- Every word in three forms, so that one search finds both languages; the title counts most.
create function retinue_words(title text, body text) returns tsvector language sql immutable as
  $$ select setweight(to_tsvector('pg_catalog.simple', title) || to_tsvector('pg_catalog.english', title) || to_tsvector('pg_catalog.german', title), 'A')
    || to_tsvector('pg_catalog.simple', body) || to_tsvector('pg_catalog.english', body) || to_tsvector('pg_catalog.german', body) $$;
create function retinue_word(word text) returns tsquery language sql immutable as
  $$ select coalesce(string_agg(quote_literal(lexeme), ' | '), '')::tsquery
    from unnest(to_tsvector('pg_catalog.simple', word) || to_tsvector('pg_catalog.english', word) || to_tsvector('pg_catalog.german', word)) where position('\\' in lexeme) = 0 $$;
-- What a query asks for: one pattern a word. Words that only hold a sentence together are left out, in the language that
-- more of them belong to; a query of nothing else keeps them.
create function retinue_query(said text) returns tsquery[] language sql immutable as $$
  with word as (
    select w, n, to_tsvector('pg_catalog.english', w) = '' as english, to_tsvector('pg_catalog.german', w) = '' as german
    from unnest(string_to_array(said, ' ')) with ordinality as x(w, n) where to_tsvector('pg_catalog.simple', w) <> ''),
  counted as (select count(*) filter (where english) as english, count(*) filter (where german) as german from word),
  kept as (
    select w, n from word, counted where case when counted.german > counted.english then not word.german
      when counted.english > counted.german then not word.english else not (word.english and word.german) end),
  used as (select w, n from kept union all select w, n from word where not exists (select from kept))
  select coalesce(array_agg(retinue_word(w) order by n) filter (where retinue_word(w) <> ''), '{}') from used $$;
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
  using (id in (select retinue_spaces('read')) or (retinue_agent() = '' and owner_id = retinue_user()));
drop policy removed on spaces;
create policy removed on spaces for delete to retinue_app using (owner_id = retinue_user() and retinue_agent() = '');
-- The counter of events may be moved by whoever appends; what a space says of itself only by whoever may grant.
create function retinue_describe(space text, new_name text, new_description text, new_tags text[]) returns setof text
  language sql volatile security definer set search_path = pg_catalog, public, pg_temp as
  $$ update spaces set name = coalesce(new_name, name), description = coalesce(new_description, description), tags = coalesce(new_tags, tags)
    where id = space and id in (select retinue_spaces('grant')) returning id $$;

drop policy seen on space_grants;
create policy seen on space_grants for select to retinue_app
  using (space_id in (select retinue_spaces('read')) or (principal = 'user:' || retinue_user() and retinue_agent() = ''));
drop policy given on space_grants;
create policy given on space_grants for insert to retinue_app with check (space_id in (select retinue_spaces('grant'))
  or (principal in ('user:' || retinue_user(), 'agent:' || retinue_agent()) and retinue_may_begin(space_id)));
drop policy changed on space_grants;
create policy changed on space_grants for update to retinue_app
  using (principal = 'user:' || retinue_user() or space_id in (select retinue_spaces('read'))) with check (space_id in (select retinue_spaces('grant')));
drop policy revoked on space_grants;
create policy revoked on space_grants for delete to retinue_app
  using (space_id in (select retinue_spaces('grant')) or (principal = 'user:' || retinue_user() and retinue_agent() = ''));

grant update (people) on atoms to retinue_app;
grant update (position) on atom_references to retinue_app;
create policy moved on atom_references for update to retinue_app
  using (exists (select from atoms a where a.id = atom_id and a.space_id in (select retinue_spaces('write'))));

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

-- Versions before the one an atom is at, which row-level security lets nobody write: for a file that brings its history.
-- Only whoever holds grant on the space, and only in the name of the acting user; what is there already cannot change.
create function retinue_history(space text, writer text, call text, versions jsonb) returns bigint
  language sql volatile security definer set search_path = pg_catalog, public, pg_temp as
  $$ with written as (
      insert into atom_versions (atom_id, version, space_id, payload, media_type, metadata, "references", author, author_user, origin, comment, deprecated, call_id, at)
      select a.id, (item->>'version')::integer, a.space_id, item->'payload', item->>'mediaType', item->'metadata', item->'references', writer,
        current_setting('retinue.user_id', true), item->>'origin', item->>'comment', (item->>'deprecated')::boolean, call, least((item->>'at')::timestamptz, now())
      from jsonb_array_elements(versions) as r(item) join atoms a on a.id = item->>'id' and a.space_id = space and a.version > (item->>'version')::integer
      where space in (select retinue_spaces('grant')) and (writer = 'user:' || current_setting('retinue.user_id', true) or writer like 'agent:%')
      returning 1)
    select count(*) from written $$;
`;
