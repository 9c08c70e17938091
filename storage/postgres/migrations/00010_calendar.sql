-- Calendars: when the schedule of a course last changed, and each person's address for subscribing.

-- +goose Up
alter table courses add column scheduled_at timestamptz;   -- when schedule_revision was made
update courses set scheduled_at = created_at;
alter table courses alter column scheduled_at set not null;
create index courses_to_come on courses (starts_at);

-- A subscription is read by programs that cannot sign in, so its address is the secret. One per person; asking for a new
-- one ends the old.
create table calendar_feeds (
    person_id  uuid primary key references persons on delete cascade,
    id         uuid not null default gen_random_uuid(),     -- the secret is derived from it (lms.ForCalendar)
    hash       bytea not null unique check (octet_length(hash) = 32),
    created_at timestamptz not null
);

-- +goose Down
drop table calendar_feeds;
drop index courses_to_come;
alter table courses drop column scheduled_at;
