/** What comes due: reminders, triggers, and each time that one of them did. */
export const time = `
create table reminders (
  id text primary key,
  user_id text not null references users on delete cascade,
  conversation_id text not null references conversations on delete cascade,
  text text not null,
  time_zone text not null,
  -- The wall-clock time that was meant, from which a rule counts; null where the moment itself was.
  local_start text,
  recurrence text,
  due_at timestamptz(3) not null,
  snoozed_to timestamptz(3),
  -- When the clock looks at it; null where it never will.
  next_at timestamptz(3),
  status text not null check (status in ('pending', 'paused', 'fired', 'cancelled', 'missed')),
  catch_up text not null check (catch_up in ('all', 'latest', 'skip')),
  catch_up_window text,
  overlap text check (overlap in ('skip', 'queue')),
  context jsonb not null default '{"summary": "", "sources": []}',
  -- For each time; the installation's where null.
  budget_usd numeric,
  labels text[] not null default '{}',
  skills text[],
  agent text not null,
  made_by text references requests on delete set null,
  fired_at timestamptz(3),
  late boolean,
  last_request text references requests on delete set null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index reminders_due on reminders (user_id, next_at, id) where next_at is not null;
create index reminders_by_user on reminders (user_id, created_at desc, id desc);
create index reminders_by_conversation on reminders (conversation_id);
create index reminders_by_maker on reminders (made_by);
create index reminders_by_request on reminders (last_request);

create table triggers (
  id text primary key,
  user_id text not null references users on delete cascade,
  conversation_id text not null references conversations on delete cascade,
  kind text not null check (kind in ('cron', 'webhook', 'space', 'mail', 'watch')),
  spec jsonb not null,
  instructions text not null,
  agent text not null,
  budget_usd numeric,
  enabled boolean not null,
  cooldown_seconds integer not null default 0,
  labels text[] not null default '{}',
  skills text[],
  made_by text references requests on delete set null,
  -- The next time of a schedule.
  due_at timestamptz(3),
  -- When the clock looks at it.
  next_at timestamptz(3),
  -- What was seen at the last look, as the kind needs it.
  state jsonb not null default '{}',
  fence integer not null default 0,
  trouble text,
  secret bytea,
  -- The owner of the installation has named the address that is watched.
  own_address boolean not null default false,
  last_fired_at timestamptz(3),
  last_request text references requests on delete set null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index triggers_due on triggers (user_id, next_at, id) where next_at is not null;
create index triggers_by_user on triggers (user_id, created_at desc, id desc);
create index triggers_of_spaces on triggers ((spec->>'space')) where kind = 'space' and enabled;
create index triggers_by_conversation on triggers (conversation_id);
create index triggers_by_maker on triggers (made_by);
create index triggers_by_request on triggers (last_request);

-- Each time that something came due, with the request that it became.
create table occasions (
  source_id text not null,
  occurrence text not null,
  user_id text not null references users on delete cascade,
  request_id text references requests on delete cascade,
  outcome text not null check (outcome in ('fired', 'missed', 'skipped')),
  due_at timestamptz(3) not null,
  late boolean not null default false,
  -- What the agent is told of it besides the words of its source.
  facts jsonb not null default '{}',
  -- What stands before the agent at its first turn, once it does.
  opening text,
  at timestamptz(3) not null default now(),
  primary key (source_id, occurrence)
);
create index occasions_by_request on occasions (request_id);
create index occasions_by_user on occasions (user_id, at desc);
create index occasions_skipped on occasions (at) where outcome = 'skipped';

-- Words that a person has typed or spoken in this request, and not what an agent or a schedule has put in their place.
alter table messages add column spoken boolean not null default true;

-- How far apart calls of a skill begin, and which of them are at work.
create table paces (
  user_id text not null references users on delete cascade,
  skill text not null,
  work text not null,
  began_at timestamptz(3) not null default now(),
  until timestamptz(3) not null,
  primary key (user_id, skill, work)
);
`;

const OWNED = ['reminders', 'triggers', 'occasions', 'paces'];

export const timeRowSecurity = `
grant select, insert, update, delete on ${OWNED.join(', ')} to retinue_app;
${OWNED.map(
  (table) => `alter table ${table} enable row level security;
create policy own on ${table} to retinue_app using (user_id = retinue_user()) with check (user_id = retinue_user());`,
).join('\n')}
`;
