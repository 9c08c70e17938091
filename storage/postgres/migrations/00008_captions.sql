-- Captions: a track for each language of a course, of which versions are kept, one of them published. Cues lie on the
-- session timeline. Speech recognition is a job that a node claims for a while; its result is a version nobody has
-- published yet.

-- +goose Up
create table caption_tracks (
    id         uuid primary key default gen_random_uuid(),
    course_id  uuid not null references courses on delete cascade,
    language   text not null check (length(language) between 2 and 35),   -- BCP 47
    published  integer,                                    -- a version; null shows nobody anything
    last       integer not null default 0,                 -- number of the newest version there ever was
    revision   bigint not null default 0,                  -- rises with every change of what is shown
    unique (course_id, language)
);

create table caption_versions (
    track_id uuid not null references caption_tracks on delete cascade,
    version  integer not null check (version > 0),
    source   text not null check (source in ('upload', 'live', 'speech')),
    cues     integer not null default 0 check (cues between 0 and 20000),
    made_at  timestamptz not null,
    made_by  uuid references persons on delete set null,   -- null: the program, or a bearer token
    primary key (track_id, version)
);
alter table caption_tracks add foreign key (id, published) references caption_versions (track_id, version) deferrable initially deferred;

create table caption_cues (
    track_id uuid not null,
    version  integer not null,
    number   integer not null check (number > 0),
    start_ms bigint not null check (start_ms >= 0),
    end_ms   bigint not null,
    text     text not null check (length(text) between 1 and 1000),
    speaker  text not null default '' check (length(speaker) <= 80),
    primary key (track_id, version, number),
    foreign key (track_id, version) references caption_versions on delete cascade,
    check (end_ms > start_ms)
);

-- The newest try of speech recognition for a course.
create table transcriptions (
    course_id     uuid primary key references courses on delete cascade,
    language      text not null check (length(language) between 2 and 35),  -- 'und' until it is detected
    state         text not null check (state in ('queued', 'running', 'done', 'failed')),
    percent       integer not null default 0 check (percent between 0 and 100),
    message       text not null default '' check (length(message) <= 500),  -- why it failed
    tries         integer not null default 0,
    claim         uuid,                                    -- of the node at work
    claimed_until timestamptz,
    asked_at      timestamptz not null,
    ended_at      timestamptz,
    check ((state = 'running') = (claim is not null)),
    check ((claim is null) = (claimed_until is null))
);
create index transcriptions_open on transcriptions (asked_at) where state in ('queued', 'running');

alter table role_grants drop constraint role_grants_role_check;
alter table role_grants add check (role in ('admin', 'moderator', 'presenter', 'captioner'));
alter table access_tokens drop constraint access_tokens_role_check;
alter table access_tokens add check (role in ('presenter', 'captioner', 'attendee'));

-- +goose Down
delete from access_tokens where role = 'captioner';
alter table access_tokens drop constraint access_tokens_role_check;
alter table access_tokens add check (role in ('presenter', 'attendee'));
delete from role_grants where role = 'captioner';
alter table role_grants drop constraint role_grants_role_check;
alter table role_grants add check (role in ('admin', 'moderator', 'presenter'));
drop table transcriptions, caption_cues, caption_versions, caption_tracks cascade;
