/** Recordings, what was said in them, and tasks that wait for the user's word. */
export const notes = `
alter table files add column seconds double precision;
alter table messages add column forwarded text[] not null default '{}';
alter table calls add column first boolean not null default false;
create index messages_forwarded on messages (user_id) where forwarded <> '{}';

create table holds (
  id text primary key,
  user_id text not null references users on delete cascade,
  request_id text not null references requests on delete cascade,
  conversation_id text not null references conversations on delete cascade,
  meeting_id text not null references atoms on delete cascade,
  agreement_id text not null references atoms on delete cascade,
  task_id text references atoms on delete cascade,
  title text,
  text text not null,
  former text not null default 'open',
  created_at timestamptz(3) not null default now(),
  released_at timestamptz(3)
);
create index holds_by_task on holds (task_id) where released_at is null;
create index holds_open on holds (user_id) where released_at is null;
create index holds_by_request on holds (request_id);
create index holds_by_meeting on holds (meeting_id);

create index atoms_of_style on atoms (space_id, updated_at desc) where metadata->>'kind' = 'style' and not deprecated;
create index atoms_overwritten on atoms (space_id) where origin = 'untrusted' and version > 1;
`;

export const notesRowSecurity = `
grant select, insert, update on holds to retinue_app;
alter table holds enable row level security;
create policy own on holds to retinue_app using (user_id = retinue_user()) with check (user_id = retinue_user());
`;
