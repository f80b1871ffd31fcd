/** One key a user for their secrets, sealed with the installation's; the hosts that a secret is for. */
export const secretKeys = `
create table data_keys (
  user_id text primary key references users on delete cascade,
  key_id text not null,
  wrapped bytea not null,
  created_at timestamptz(3) not null default now()
);
alter table secrets add column hosts text[] not null default '{}';
`;

export const secretKeysRowSecurity = `
grant select, insert, update, delete on data_keys to retinue_app;
alter table data_keys enable row level security;
create policy own on data_keys to retinue_app using (user_id = retinue_user()) with check (user_id = retinue_user());
`;
