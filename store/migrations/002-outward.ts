/** What waits for a person, what was done outside, and the money that bounds it all. */
export const outward = `
alter table calls add column taints text[] not null default '{}';
alter table charges add column estimated boolean not null default false;

create table approvals (
  id text primary key,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  agent_id text not null references agents on delete cascade,
  call_id text,
  effect text not null check (effect in ('outward', 'destructive', 'egress', 'budget', 'access', 'unknown')),
  skill text not null,
  title text not null,
  payload jsonb not null,
  payload_hash text not null,
  preview jsonb not null,
  frozen text,
  frozen_type text,
  frozen_sha256 text,
  precondition jsonb,
  derived_from jsonb not null default '[]',
  about text,
  replaces text,
  status text not null check (status in ('pending', 'approved', 'edited', 'rejected', 'expired', 'cancelled')),
  decided_by text,
  decided_at timestamptz(3),
  reason text,
  reported_in_turn integer,
  nudge_at timestamptz(3),
  nudges integer not null default 0,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null
);
create index approvals_by_user on approvals (user_id, created_at desc, id desc);
create index approvals_by_status on approvals (user_id, status, created_at desc, id desc);
create index approvals_by_request on approvals (request_id);
create index approvals_by_call on approvals (call_id) where call_id is not null;
create index approvals_by_question on approvals (about) where about is not null;
create index approvals_to_nudge on approvals (nudge_at) where status = 'pending';

create table effects (
  key text primary key references approvals on delete cascade,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  agent_id text not null references agents on delete cascade,
  skill text not null,
  payload_hash text not null,
  status text not null check (status in ('ready', 'started', 'done', 'failed', 'unknown')),
  fence integer not null default 1,
  attempts integer not null default 0,
  probes integer not null default 0,
  owner text,
  due_at timestamptz(3) not null default now(),
  provider_id text,
  output jsonb,
  error text,
  created_at timestamptz(3) not null default now(),
  started_at timestamptz(3),
  done_at timestamptz(3),
  closed_at timestamptz(3)
);
create index effects_by_request on effects (request_id);
create index effects_open on effects (request_id) where closed_at is null;

create table known_recipients (
  user_id text not null references users on delete cascade,
  recipient text not null,
  first_at timestamptz(3) not null default now(),
  primary key (user_id, recipient)
);

create table tainted_refs (
  user_id text not null references users on delete cascade,
  ref text not null,
  primary key (user_id, ref)
);

create table policies (
  id text primary key,
  user_id text not null references users on delete cascade,
  skill text not null,
  recipient text not null,
  created_at timestamptz(3) not null default now(),
  constraint policies_once unique (user_id, skill, recipient)
);

create table wallets (
  user_id text primary key references users on delete cascade,
  balance_usd numeric,
  reserved_usd numeric not null default 0
);
insert into wallets (user_id) select id from users;

create table credits (
  id text primary key,
  user_id text not null references users on delete cascade,
  usd numeric not null,
  note text,
  given_by text not null,
  idempotency_key text,
  at timestamptz(3) not null default now(),
  constraint credits_once unique (given_by, idempotency_key)
);
create index credits_by_user on credits (user_id, at desc);

create table reservations (
  step text not null,
  attempt integer not null,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  agent_id text not null references agents on delete cascade,
  kind text not null check (kind in ('model', 'skill')),
  name text not null,
  usd numeric not null,
  created_at timestamptz(3) not null default now(),
  primary key (step, attempt)
);
create index reservations_by_request on reservations (request_id);
`;

const OWNED = [
  'approvals',
  'effects',
  'known_recipients',
  'tainted_refs',
  'policies',
  'wallets',
  'credits',
  'reservations',
];
/** Decisions and what was done are never deleted by a user's transaction; credit is given by the system alone. */
export const outwardRowSecurity = `
grant select, insert, update on approvals, effects, known_recipients to retinue_app;
grant select, insert, update, delete on policies, reservations, tainted_refs to retinue_app;
grant select, update on wallets to retinue_app;
grant select on credits to retinue_app;
${OWNED.map(
  (table) => `alter table ${table} enable row level security;
create policy own on ${table} to retinue_app using (user_id = retinue_user()) with check (user_id = retinue_user());`,
).join('\n')}
`;
