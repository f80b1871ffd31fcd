/** Users, conversations, requests and everything a request leaves behind; spaces and atoms; outbox. */
export const foundation = `
create table users (
  id text primary key,
  name text not null,
  time_zone text not null,
  is_owner boolean not null default false,
  settings jsonb not null default '{}',
  created_at timestamptz(3) not null default now()
);
create unique index one_owner on users (is_owner) where is_owner;

create table tokens (
  hash text primary key,
  user_id text not null references users on delete cascade,
  label text not null,
  created_at timestamptz(3) not null default now(),
  revoked_at timestamptz(3)
);

create table conversations (
  id text primary key,
  user_id text not null references users on delete cascade,
  title text not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index conversations_by_user on conversations (user_id, updated_at desc, id desc);

create table requests (
  id text primary key,
  user_id text not null references users on delete cascade,
  conversation_id text not null references conversations on delete cascade,
  agent_id text not null,
  idempotency_key text,
  body_hash text,
  origin text not null check (origin in ('user', 'reminder', 'trigger', 'agent')),
  channel text,
  status text not null check (status in ('queued', 'running', 'waiting_approval', 'waiting_user', 'completed', 'failed', 'cancelled')),
  waiting_for jsonb not null default '[]',
  settings jsonb not null,
  result jsonb,
  error jsonb,
  event_seq bigint not null default 0,
  created_at timestamptz(3) not null default now(),
  moved_at timestamptz(3) not null default now(),
  deadline_at timestamptz(3) not null,
  ended_at timestamptz(3)
);
create unique index requests_idempotency on requests (user_id, idempotency_key) where idempotency_key is not null;
create index requests_by_user on requests (user_id, created_at desc, id desc);
create index requests_by_conversation on requests (conversation_id, created_at desc);
create index requests_open on requests (moved_at) where ended_at is null;

create table messages (
  id text primary key,
  seq bigint generated always as identity,
  user_id text not null references users on delete cascade,
  conversation_id text not null references conversations on delete cascade,
  request_id text not null references requests on delete cascade,
  role text not null check (role in ('user', 'assistant')),
  text text not null,
  files text[] not null default '{}',
  seen_in_turn integer,
  answers_call text,
  created_at timestamptz(3) not null default now()
);
create index messages_by_request on messages (request_id, seq);
create index messages_by_conversation on messages (conversation_id, seq desc);

create table agents (
  id text primary key,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  parent_id text references agents on delete cascade,
  label text not null,
  model text not null,
  instructions text not null,
  skills text[],
  labels text[] not null default '{}',
  status text not null check (status in ('idle', 'queued', 'running', 'waiting', 'ended')),
  turns integer not null default 0,
  attempts integer not null default 0,
  context_share integer not null default 100,
  created_at timestamptz(3) not null default now(),
  ended_at timestamptz(3)
);
create index agents_by_request on agents (request_id);

create table turns (
  agent_id text not null references agents on delete cascade,
  number integer not null,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  attempt integer not null,
  model text not null,
  content jsonb not null,
  stop_reason text not null,
  usage jsonb not null,
  started_at timestamptz(3) not null,
  ended_at timestamptz(3) not null default now(),
  primary key (agent_id, number)
);
create index turns_by_request on turns (request_id);

create table calls (
  id text primary key,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  agent_id text not null references agents on delete cascade,
  turn integer not null,
  position integer not null,
  skill text not null,
  input jsonb not null,
  summary text not null,
  verdict text not null check (verdict in ('run', 'approve', 'refuse')),
  timeout_ms integer not null,
  quick boolean not null,
  status text not null check (status in ('pending', 'waiting', 'done', 'failed', 'undoing', 'undone', 'cancelled')),
  output jsonb,
  error text,
  undo jsonb,
  outputs jsonb not null default '[]',
  attempts integer not null default 0,
  started_at timestamptz(3),
  ended_at timestamptz(3),
  unique (agent_id, turn, position)
);
create index calls_by_request on calls (request_id);
create index calls_undoing on calls (request_id) where status = 'undoing';

create table charges (
  id text primary key,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  agent_id text not null,
  step text not null unique,
  kind text not null check (kind in ('model', 'skill')),
  name text not null,
  quantity numeric not null,
  unit text not null,
  usd numeric not null,
  at timestamptz(3) not null default now()
);
create index charges_by_request on charges (request_id, at);
create index charges_by_user on charges (user_id, at);

create table request_events (
  request_id text not null references requests on delete cascade,
  seq bigint not null,
  user_id text not null references users on delete cascade,
  type text not null,
  agent_id text,
  data jsonb not null,
  at timestamptz(3) not null default now(),
  primary key (request_id, seq)
);

create table outbox (
  id bigint generated always as identity primary key,
  workflow_id text not null,
  kind text not null check (kind in ('start', 'wake', 'revive')),
  target jsonb not null,
  priority integer not null,
  reason text not null,
  generation integer not null default 1,
  attempts integer not null default 0,
  created_at timestamptz(3) not null default now(),
  claimed_until timestamptz(3),
  constraint outbox_one_a_kind unique (workflow_id, kind)
);

create table files (
  id text primary key,
  user_id text not null references users on delete cascade,
  name text not null,
  media_type text not null,
  size bigint not null,
  sha256 text not null,
  created_at timestamptz(3) not null default now()
);
create index files_by_user on files (user_id, created_at desc);
create index files_by_content on files (sha256);

create table secrets (
  user_id text not null references users on delete cascade,
  name text not null,
  key_id text not null,
  ciphertext bytea not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (user_id, name)
);

create table spaces (
  id text primary key,
  owner_id text not null references users on delete cascade,
  name text not null,
  description text not null,
  convention text,
  role text check (role in ('memory', 'tasks', 'meetings', 'contacts', 'instructions', 'bus')),
  tags text[] not null default '{}',
  event_seq bigint not null default 0,
  created_at timestamptz(3) not null default now()
);
create unique index spaces_role_once on spaces (owner_id, role) where role is not null;

create table space_grants (
  space_id text not null references spaces on delete cascade,
  principal text not null,
  permission text not null check (permission in ('read', 'append', 'write', 'grant')),
  granted_by text not null,
  created_at timestamptz(3) not null default now(),
  primary key (space_id, principal)
);
create index space_grants_by_principal on space_grants (principal);

create table atoms (
  id text primary key,
  space_id text not null references spaces on delete cascade,
  version integer not null,
  payload jsonb not null,
  media_type text not null,
  metadata jsonb not null,
  author text not null,
  origin text not null check (origin in ('user', 'agent', 'untrusted')),
  comment text not null,
  deprecated boolean not null default false,
  words tsvector not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index atoms_by_space on atoms (space_id, created_at desc, id desc);
create index atoms_words on atoms using gin (words);

create table atom_references (
  atom_id text not null references atoms on delete cascade,
  type text not null,
  target_id text not null,
  position integer not null,
  primary key (atom_id, type, target_id)
);
create index atom_references_by_target on atom_references (target_id, type);

create table atom_versions (
  atom_id text not null references atoms on delete cascade,
  version integer not null,
  space_id text not null references spaces on delete cascade,
  payload jsonb not null,
  media_type text not null,
  metadata jsonb not null,
  "references" jsonb not null,
  author text not null,
  origin text not null,
  comment text not null,
  deprecated boolean not null,
  call_id text,
  at timestamptz(3) not null default now(),
  primary key (atom_id, version)
);
create index atom_versions_by_call on atom_versions (call_id) where call_id is not null;

create table space_events (
  space_id text not null references spaces on delete cascade,
  seq bigint not null,
  atom_id text not null,
  version integer not null,
  author text not null,
  comment text not null,
  at timestamptz(3) not null default now(),
  primary key (space_id, seq)
);
`;

const OWNED = [
  'conversations',
  'requests',
  'messages',
  'agents',
  'turns',
  'calls',
  'charges',
  'request_events',
  'files',
  'secrets',
];
/** The role of every user transaction: it owns nothing and cannot pass by row-level security. */
export const rowSecurity = `
do $$ begin
  if not exists (select from pg_roles where rolname = 'retinue_app') then create role retinue_app nologin; end if;
end $$;
grant retinue_app to current_user;
grant usage on schema public to retinue_app;
grant select, insert, update, delete on all tables in schema public to retinue_app;
revoke all on tokens, kysely_migration, kysely_migration_lock from retinue_app;
revoke insert, update, delete on users from retinue_app;
grant update (name, time_zone, settings) on users to retinue_app;
revoke update on spaces, space_grants, atoms from retinue_app;
grant update (event_seq) on spaces to retinue_app;
grant update (permission, granted_by) on space_grants to retinue_app;
grant update (version, payload, media_type, metadata, author, origin, comment, deprecated, words, updated_at) on atoms to retinue_app;
revoke delete on atoms from retinue_app;
revoke update, delete on atom_versions, space_events from retinue_app;
revoke update on atom_references from retinue_app;

create function retinue_user() returns text language sql stable as $$ select current_setting('retinue.user_id', true) $$;
-- In a policy as an uncorrelated subquery, so that it runs once a statement and not once a row.
create function retinue_spaces(needed text) returns setof text language sql stable security definer set search_path = pg_catalog, public, pg_temp as
  $$ select g.space_id from space_grants g where g.principal = 'user:' || current_setting('retinue.user_id', true)
    and array_position(array['read', 'append', 'write', 'grant'], g.permission) >= array_position(array['read', 'append', 'write', 'grant'], needed) $$;

alter table users enable row level security;
create policy own on users to retinue_app using (id = retinue_user());
${OWNED.map(
  (table) => `alter table ${table} enable row level security;
create policy own on ${table} to retinue_app using (user_id = retinue_user()) with check (user_id = retinue_user());`,
).join('\n')}
alter table outbox enable row level security;
create policy own on outbox to retinue_app using (target->>'user' = retinue_user()) with check (target->>'user' = retinue_user());

alter table spaces enable row level security;
create policy seen on spaces for select to retinue_app using (owner_id = retinue_user() or id in (select retinue_spaces('read')));
create policy made on spaces for insert to retinue_app with check (owner_id = retinue_user());
create policy counted on spaces for update to retinue_app using (id in (select retinue_spaces('append')));
create policy removed on spaces for delete to retinue_app using (owner_id = retinue_user());

alter table space_grants enable row level security;
create policy seen on space_grants for select to retinue_app
  using (principal = 'user:' || retinue_user() or space_id in (select retinue_spaces('read')));
create policy given on space_grants for insert to retinue_app with check (space_id in (select retinue_spaces('grant'))
  or (principal = 'user:' || retinue_user() and exists (select from spaces s where s.id = space_id and s.owner_id = retinue_user())));
create policy changed on space_grants for update to retinue_app
  using (principal = 'user:' || retinue_user() or space_id in (select retinue_spaces('read'))) with check (space_id in (select retinue_spaces('grant')));
create policy revoked on space_grants for delete to retinue_app using (space_id in (select retinue_spaces('grant')));

alter table atoms enable row level security;
create policy seen on atoms for select to retinue_app using (space_id in (select retinue_spaces('read')));
create policy put on atoms for insert to retinue_app with check (space_id in (select retinue_spaces('append')));
create policy changed on atoms for update to retinue_app using (space_id in (select retinue_spaces('write')));

alter table atom_versions enable row level security;
create policy seen on atom_versions for select to retinue_app using (space_id in (select retinue_spaces('read')));
create policy put on atom_versions for insert to retinue_app with check (
  exists (select from atoms a where a.id = atom_id and a.space_id = atom_versions.space_id and a.version = atom_versions.version)
  and (space_id in (select retinue_spaces('write')) or (version = 1 and space_id in (select retinue_spaces('append')))));

alter table space_events enable row level security;
create policy seen on space_events for select to retinue_app using (space_id in (select retinue_spaces('read')));
create policy put on space_events for insert to retinue_app with check (space_id in (select retinue_spaces('append')));

alter table atom_references enable row level security;
create policy seen on atom_references for select to retinue_app using (exists (select from atoms a where a.id = atom_id));
create policy put on atom_references for insert to retinue_app with check (exists (select from atoms a where a.id = atom_id
  and (a.space_id in (select retinue_spaces('write')) or (a.version = 1 and a.space_id in (select retinue_spaces('append'))))));
create policy replaced on atom_references for delete to retinue_app
  using (exists (select from atoms a where a.id = atom_id and a.space_id in (select retinue_spaces('write'))));
`;
