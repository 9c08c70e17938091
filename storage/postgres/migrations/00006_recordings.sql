-- What happens to a recording after the lecture: it is cut, it gets pictures and a better ladder, and one day it is
-- deleted. What people have watched is never touched by any of it.

-- +goose Up

-- How long recordings are kept, in days after the end of the lecture. Null is for as long as nobody deletes them; a course
-- without a number goes by its programme.
alter table programmes add column retention_days integer check (retention_days between 1 and 36500);
alter table courses add column retention_days integer check (retention_days between 1 and 36500);

-- recording_edits holds the pieces of the version that is shown.
alter table recordings
    add column version integer not null default 1,         -- the one that is shown
    add column storyboard boolean not null default false,  -- there are pictures for the seek bar
    add column poster text not null default '',            -- file of the still picture; '' for none yet
    add column closed_at timestamptz,                      -- since when the recorded layers are gone, and nothing can be added
    add column deleted_at timestamptz;                     -- since when nobody can watch it any more

-- Every cut of a recording. Undoing one is a new version with less taken out.
create table recording_versions (
    broadcast_id uuid not null references recordings on delete cascade,
    version      integer not null check (version > 0),
    removed      int4multirange not null,                  -- milliseconds of the timeline that are taken out
    segments     int4multirange,                           -- numbers of the segments that are left; null for all
    made_at      timestamptz not null,
    actor_id     uuid references persons on delete set null,
    replaced_at  timestamptz,                              -- null while it is shown
    primary key (broadcast_id, version)
);
insert into recording_versions (broadcast_id, version, removed, made_at)
    select broadcast_id, 1, '{}', finished_at from recordings;
create index recording_versions_by_actor on recording_versions (actor_id);

-- Work on recordings, which takes minutes to hours. Whoever works on a row holds a lease on it, so that another goes on
-- when they are gone.
create table recording_tasks (
    id           bigint generated always as identity primary key,
    broadcast_id uuid not null references broadcasts on delete cascade,
    kind         text not null check (kind in ('pictures', 'ladder', 'retire', 'remove')),
    state        text not null default 'due' check (state in ('due', 'done', 'failed', 'dropped')),
    made_at      timestamptz not null,
    due_at       timestamptz not null,
    lease_until  timestamptz,                              -- null while nobody works on it
    holder       text not null default '',
    tries        integer not null default 0,
    done         integer not null default 0,               -- of total segments
    total        integer not null default 0,
    error        text not null default '',
    ended_at     timestamptz
);
create unique index recording_tasks_once on recording_tasks (broadcast_id, kind) where state = 'due';
create index recording_tasks_due on recording_tasks (due_at) where state = 'due';

-- +goose Down
drop table recording_tasks, recording_versions;
alter table recordings drop column version, drop column storyboard, drop column poster, drop column closed_at, drop column deleted_at;
alter table courses drop column retention_days;
alter table programmes drop column retention_days;
