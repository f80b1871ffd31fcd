/** Agents that work for other agents: what each was given, what it waits for, and what became of it. */
export const agents = `
alter table agents add column task text;
-- The order in which agents came into the world; several of one turn share their time.
alter table agents add column born bigint generated always as identity;
alter table agents add column depth integer not null default 0;
-- The agent itself and all it was spawned by, the root first.
alter table agents add column path text[] not null default '{}';
update agents set path = array[id];
-- The agent whose workflow runs the loop of this one; null where it has a workflow of its own.
alter table agents add column hosted_by text;
alter table agents add column spawned_by text;
alter table agents add column spawning jsonb not null default '{}';
alter table agents add column replaces text;
alter table agents add column tries integer not null default 1;
alter table agents add column priority integer not null default 3;
alter table agents add column queued_at timestamptz(3);
alter table agents add column started_at timestamptz(3);
alter table agents add column timeout_seconds integer;
alter table agents add column deadline_at timestamptz(3);
alter table agents add column budget_usd numeric;
alter table agents add column most_depth integer;
alter table agents add column most_children integer;
alter table agents add column hosts text[];
alter table agents add column dm_space text;
alter table agents add column instructions_ref jsonb;
alter table agents add column outcome text check (outcome in ('completed', 'failed', 'cancelled', 'timed_out'));
alter table agents add column result text;
alter table agents add column error jsonb;
create index agents_queued on agents (user_id, priority, queued_at) where status = 'queued' and parent_id is not null;
create index agents_by_user on agents (user_id, created_at desc, id desc);
create index agents_at_work on agents (user_id) where status = 'running' and parent_id is not null;

alter table calls add column delegates boolean not null default false;
-- The agent whose answer a delegated call waits for.
alter table calls add column child text;
alter table calls drop constraint calls_status_check;
alter table calls add constraint calls_status_check
  check (status in ('pending', 'waiting', 'delegated', 'done', 'failed', 'undoing', 'undone', 'cancelled'));
create index calls_delegated on calls (child) where status = 'delegated';

create table agent_grants (
  agent_id text not null references agents on delete cascade,
  user_id text not null references users on delete cascade,
  kind text not null check (kind in ('skill', 'secret', 'host', 'model')),
  name text not null,
  granted_by text not null,
  reason text,
  atom_id text,
  expires_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  primary key (agent_id, kind, name)
);
alter table space_grants add column reason text;
alter table space_grants add column atom_id text;
alter table space_grants add column expires_at timestamptz(3);

create table agent_notes (
  id text primary key,
  seq bigint generated always as identity,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  agent_id text not null references agents on delete cascade,
  from_agent text,
  kind text not null check (kind in ('message', 'steer', 'report', 'access', 'granted', 'denied', 'revoked')),
  text text not null,
  atom_id text,
  labels text[] not null default '{}',
  seen_in_turn integer,
  created_at timestamptz(3) not null default now()
);
create index agent_notes_by_agent on agent_notes (agent_id, seq);
create index agent_notes_unseen on agent_notes (agent_id) where seen_in_turn is null;
create index agent_notes_by_request on agent_notes (request_id);

create table access_requests (
  id text primary key,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  agent_id text not null references agents on delete cascade,
  coordinator_id text not null references agents on delete cascade,
  wants jsonb not null,
  reason text not null,
  status text not null check (status in ('pending', 'asked', 'granted', 'denied', 'cancelled')),
  minutes integer,
  atom_id text,
  decided_by text,
  answer text,
  created_at timestamptz(3) not null default now(),
  decided_at timestamptz(3)
);
create index access_requests_by_agent on access_requests (agent_id);
create index access_requests_by_coordinator on access_requests (coordinator_id);
create index access_requests_by_request on access_requests (request_id);

-- How many agents that others spawned may work at once; its row is the lock of whoever lets one in.
create table admission (
  one boolean primary key default true check (one),
  per_user integer not null default 3,
  in_all integer not null default 12
);
insert into admission default values;

alter table outbox add column agents text[] not null default '{}';
alter table outbox drop constraint outbox_kind_check;
alter table outbox add constraint outbox_kind_check check (kind in ('start', 'wake', 'revive', 'admit'));
`;

const OWNED = ['agent_notes', 'access_requests'];

export const agentsRowSecurity = `
grant select, insert, update, delete on agent_grants to retinue_app;
grant select, insert, update on agent_notes, access_requests to retinue_app;
${OWNED.map(
  (table) => `alter table ${table} enable row level security;
create policy own on ${table} to retinue_app using (user_id = retinue_user()) with check (user_id = retinue_user());`,
).join('\n')}
-- An agent that is confined sees the grants of its user's agents, and changes those of its own children alone.
create function retinue_may_grant(agent text) returns boolean language sql stable as
  $$ select exists (select from agents a where a.id = agent and a.user_id = retinue_user() and (retinue_agent() = '' or a.parent_id = retinue_agent())) $$;
alter table agent_grants enable row level security;
create policy seen on agent_grants for select to retinue_app using (user_id = retinue_user());
create policy given on agent_grants for insert to retinue_app with check (user_id = retinue_user() and retinue_may_grant(agent_id));
create policy changed on agent_grants for update to retinue_app using (user_id = retinue_user() and retinue_may_grant(agent_id))
  with check (user_id = retinue_user() and retinue_may_grant(agent_id));
create policy revoked on agent_grants for delete to retinue_app using (user_id = retinue_user() and retinue_may_grant(agent_id));

-- What holds at this moment: a grant whose time is over is none.
create or replace function retinue_spaces(needed text) returns setof text language sql stable security definer rows 50 set search_path = pg_catalog, public, pg_temp as
  $$ select g.space_id from space_grants g
    where g.principal = 'user:' || current_setting('retinue.user_id', true) and retinue_covers(g.permission, needed)
      and (g.expires_at is null or g.expires_at > now())
      and (retinue_agent() = '' or exists (
        select from space_grants c where c.space_id = g.space_id and c.principal = 'agent:' || retinue_agent() and retinue_covers(c.permission, needed)
          and (c.expires_at is null or c.expires_at > now()))) $$;

-- The names an agent holds of one kind; null where nothing but its user bounds it.
create function retinue_held(agent text, wanted text) returns text[] language sql stable as
  $$ select case when a.parent_id is null then (case when wanted = 'skill' then a.skills end)
      when wanted = 'model' and not exists (select from agent_grants m where m.agent_id = a.id and m.kind = 'model') then null
      when wanted = 'host' and a.hosts is null then null
      else (select coalesce(array_agg(g.name order by g.name), '{}') from agent_grants g
        where g.agent_id = a.id and g.kind = wanted and (g.expires_at is null or g.expires_at > now())) end
    from agents a where a.id = agent $$;

create function retinue_workflow(agent text) returns text language sql stable as
  $$ select case when a.parent_id is null then 'request:' || a.request_id when a.hosted_by is null then 'agent:' || a.id else retinue_workflow(a.hosted_by) end
    from agents a where a.id = agent $$;

-- No agent is given more, or for longer, than the one that spawned it holds, unless a person gives it.
create function retinue_narrow_space() returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare above text; bound boolean;
begin
  if new.principal not like 'agent:%' or (new.granted_by like 'user:%' and retinue_agent() = '') then return new; end if;
  select a.parent_id, p.confined into above, bound from agents a left join agents p on p.id = a.parent_id where a.id = substr(new.principal, 7);
  if above is null or not bound then return new; end if;
  if (new.granted_by = new.principal or new.granted_by like 'user:%') and exists (select from spaces s where s.id = new.space_id and s.created_at = now()::timestamptz(3)) then return new; end if;
  -- Who takes over has what the one before it had made.
  if new.granted_by = new.principal and exists (select from agents h join space_grants f on f.principal = 'agent:' || h.replaces
      where h.id = substr(new.principal, 7) and f.granted_by = f.principal and f.space_id = new.space_id and retinue_covers(f.permission, new.permission)) then return new; end if;
  -- Held until the end, so that it is not taken away meanwhile without this one.
  perform 1 from space_grants h where h.space_id = new.space_id and h.principal = 'agent:' || above and retinue_covers(h.permission, new.permission)
    and (h.expires_at is null or (h.expires_at > now() and new.expires_at <= h.expires_at)) for share;
  if not found then
    raise exception 'a grant on % is wider than that of the agent it comes from', new.space_id using errcode = '42501';
  end if;
  return new;
end $$;
create trigger narrowed before insert or update on space_grants for each row execute function retinue_narrow_space();

create function retinue_narrow_name() returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare above agents%rowtype;
begin
  if new.granted_by like 'user:%' and retinue_agent() = '' then return new; end if;
  select p.* into above from agents a join agents p on p.id = a.parent_id where a.id = new.agent_id;
  if not found then return new; end if;
  if above.parent_id is null then
    if new.kind <> 'skill' or above.skills is null or new.name = any(above.skills) then return new; end if;
  elsif retinue_held(above.id, new.kind) is null then return new;
  else
    perform 1 from agent_grants h where h.agent_id = above.id and h.kind = new.kind and h.name = new.name
      and (h.expires_at is null or (h.expires_at > now() and new.expires_at <= h.expires_at)) for share;
    if found then return new; end if;
  end if;
  raise exception 'the % % is not held by the agent it comes from', new.kind, new.name using errcode = '42501';
end $$;
create trigger narrowed before insert or update on agent_grants for each row execute function retinue_narrow_name();

-- What is taken from an agent is taken from all that have it from there.
create function retinue_take_space() returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  if old.principal not like 'agent:%' then return null; end if;
  if tg_op = 'DELETE' then
    delete from space_grants g using agents a where a.parent_id = substr(old.principal, 7) and g.principal = 'agent:' || a.id
      and g.space_id = old.space_id and g.granted_by not like 'user:%';
  else
    update space_grants g set permission = case when retinue_covers(new.permission, g.permission) then g.permission else new.permission end,
        expires_at = least(g.expires_at, new.expires_at)
      from agents a where a.parent_id = substr(old.principal, 7) and g.principal = 'agent:' || a.id and g.space_id = old.space_id and g.granted_by not like 'user:%'
        and (not retinue_covers(new.permission, g.permission) or g.expires_at > new.expires_at or (g.expires_at is null and new.expires_at is not null));
  end if;
  return null;
end $$;
create trigger taken after update or delete on space_grants for each row execute function retinue_take_space();

create function retinue_take_name() returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  if tg_op = 'DELETE' then
    delete from agent_grants g using agents a where a.parent_id = old.agent_id and g.agent_id = a.id
      and g.kind = old.kind and g.name = old.name and g.granted_by not like 'user:%';
  else
    update agent_grants g set expires_at = least(g.expires_at, new.expires_at) from agents a
      where a.parent_id = old.agent_id and g.agent_id = a.id and g.kind = old.kind and g.name = old.name and g.granted_by not like 'user:%'
        and new.expires_at is not null and (g.expires_at is null or g.expires_at > new.expires_at);
  end if;
  return null;
end $$;
create trigger taken after update or delete on agent_grants for each row execute function retinue_take_name();

-- Gives an agent rights on spaces. Who works for the user needs no right to share: what an agent has, its children may use.
create function retinue_delegate(given jsonb, by text) returns void language sql volatile security definer set search_path = pg_catalog, public, pg_temp as
  $$ insert into space_grants (space_id, principal, permission, granted_by, reason, atom_id, expires_at)
    select g.space, 'agent:' || g.agent, g.permission, by, g.reason, g.atom, g.expires
    from jsonb_to_recordset(given) as g(agent text, space text, permission text, reason text, atom text, expires timestamptz)
    where exists (select from agents a where a.id = g.agent and a.user_id = current_setting('retinue.user_id', true)
        and (retinue_agent() = '' or a.parent_id = retinue_agent()))
      and (by not like 'user:%' or retinue_agent() = '')
      and exists (select from space_grants u where u.space_id = g.space and u.principal = 'user:' || current_setting('retinue.user_id', true))
    on conflict (space_id, principal) do update set permission = excluded.permission, granted_by = excluded.granted_by, reason = excluded.reason,
      atom_id = excluded.atom_id, expires_at = excluded.expires_at
    -- What is there already, as strong and as lasting, stays.
    where not (retinue_covers(space_grants.permission, excluded.permission) and (space_grants.expires_at is null or space_grants.expires_at >= excluded.expires_at)) $$;
-- Gives an agent the rights on spaces of one it takes over from.
create function retinue_inherit(former text, heir text) returns void language sql volatile security definer set search_path = pg_catalog, public, pg_temp as
  $$ insert into space_grants (space_id, principal, permission, granted_by, reason, atom_id, expires_at)
    select space_id, 'agent:' || heir, permission, case when granted_by = principal then 'agent:' || heir else granted_by end, reason, atom_id, expires_at from space_grants
    where principal = 'agent:' || former and (expires_at is null or expires_at > now())
      and exists (select from agents a where a.id = heir and a.replaces = former and a.user_id = current_setting('retinue.user_id', true)) $$;
-- Takes rights on a space from an agent of the user.
create function retinue_recall(agent text, space text) returns integer language sql volatile security definer set search_path = pg_catalog, public, pg_temp as
  $$ with gone as (delete from space_grants g where g.space_id = space and g.principal = 'agent:' || agent
      and exists (select from agents a where a.id = agent and a.user_id = current_setting('retinue.user_id', true)
        and (retinue_agent() = '' or a.parent_id = retinue_agent())) returning 1)
    select count(*)::int from gone $$;

-- Lets those who wait work, as far as there is room: the urgent first, in turn between users; every two minutes make
-- whoever waits more urgent by one. Called last in a transaction, so that whoever holds its lock waits for nobody.
create function retinue_admit() returns table (
    id text, generation integer, "workflowId" text, kind text, target jsonb, agents text[], priority integer, reason text)
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare room admission%rowtype;
begin
  select * into room from admission for update;
  if not exists (select from agents a where a.status = 'queued' and a.parent_id is not null) then return; end if;
  return query
    with waiting as materialized (
      select a.id, a.user_id, a.born, greatest(1, a.priority - floor(extract(epoch from now() - a.queued_at) / 120)) as urgency
      from agents a where a.status = 'queued' and a.parent_id is not null order by a.priority, a.queued_at limit 5000 for update skip locked),
    at_work as (select b.user_id, count(*)::int as busy from agents b where b.status = 'running' and b.parent_id is not null group by b.user_id),
    ranked as (
      select w.id, w.urgency, w.born, coalesce(o.busy, 0) as busy, row_number() over (partition by w.user_id order by w.urgency, w.born) as place
      from waiting w left join at_work o on o.user_id = w.user_id),
    chosen as (
      select r.id from ranked r where r.busy + r.place <= room.per_user order by r.urgency, r.busy + r.place, r.born
      limit greatest(0, room.in_all - (select coalesce(sum(o.busy), 0) from at_work o))),
    begun as (
      update agents c set status = 'running', deadline_at = coalesce(c.deadline_at, now() + make_interval(secs => c.timeout_seconds))
      from chosen where c.id = chosen.id
      returning c.user_id, c.request_id, c.priority, case when c.started_at is null then c.parent_id else c.id end as roused),
    told as (
      select retinue_workflow(b.roused) as workflow, min(b.user_id) as user_id, min(b.request_id) as request_id, min(b.priority) as priority, array_agg(distinct b.roused) as roused
      from begun b group by 1)
    insert into outbox as o (workflow_id, kind, target, agents, priority, reason)
    select t.workflow, 'admit', jsonb_build_object('user', t.user_id, 'request', t.request_id, 'agent', t.roused[1]), t.roused, t.priority, 'admitted' from told t
    on conflict (workflow_id, kind) do update set generation = o.generation + 1, claimed_until = null,
      agents = (select array_agg(distinct x) from unnest(o.agents || excluded.agents) as x)
    returning o.id::text, o.generation, o.workflow_id, o.kind, o.target, o.agents, o.priority, o.reason;
end $$;

-- The space in which an agent and the one that spawned it talk; both may add to it, and their user sees all of it.
create function retinue_open_dms(rooms jsonb, about text) returns void language sql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
  insert into spaces (id, owner_id, name, description, described_by, convention, tags)
    select r.space, a.user_id, r.title, about, a.user_id, 'dm', array['dm'] from jsonb_to_recordset(rooms) as r(space text, agent text, title text)
      join agents a on a.id = r.agent and a.user_id = current_setting('retinue.user_id', true) and a.dm_space = r.space;
  insert into space_grants (space_id, principal, permission, granted_by)
    select r.space, p.principal, p.permission, p.by from jsonb_to_recordset(rooms) as r(space text, agent text)
      join spaces s on s.id = r.space join agents a on a.id = r.agent join agents above on above.id = a.parent_id,
      lateral (values (1, 'user:' || a.user_id, 'grant', 'agent:' || a.parent_id), (2, case when above.confined then 'agent:' || above.id end, 'append', 'user:' || a.user_id),
        (3, 'agent:' || a.id, 'append', 'user:' || a.user_id)) as p(place, principal, permission, by)
    where p.principal is not null;
$$;
`;
