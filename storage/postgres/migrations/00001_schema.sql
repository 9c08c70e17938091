-- The state of Lectern. Times come from the program's clock, never from now(), so that tests may set it.
-- Secrets are stored as keyed hashes (HMAC-SHA-256, lms.Pepper): 32 bytes each.

-- +goose Up

create table programmes (
    id         uuid primary key default gen_random_uuid(),
    title      text not null check (length(title) between 1 and 200),
    zone       text not null check (zone <> ''),          -- IANA name
    version    integer not null default 1,
    created_at timestamptz not null
);

create table courses (
    id                uuid primary key default gen_random_uuid(),
    programme_id      uuid not null references programmes on delete cascade,
    number            integer not null check (number > 0),
    title             text not null check (length(title) between 1 and 200),
    summary           text not null default '',
    -- The schedule as its organisers mean it, and the instant derived from it with the rules of tzdb
    -- (lms.md 1.2). A change of either is a new revision.
    local_start       timestamp not null,
    zone              text not null check (zone <> ''),
    fold              text not null default '' check (fold in ('', 'earlier', 'later')),
    starts_at         timestamptz not null,
    tzdb              text not null,
    schedule_revision integer not null default 1,
    minutes           integer not null check (minutes between 1 and 1440),
    version           integer not null default 1,
    created_at        timestamptz not null,
    unique (programme_id, number),
    unique (id, programme_id)                              -- so that others can be tied to both at once
);

create table persons (
    id         uuid primary key default gen_random_uuid(),
    email      text not null unique check (email = lower(email) and length(email) between 3 and 254),
    name       text not null default '' check (length(name) <= 120),   -- as on the certificate
    country    text not null default '' check (country ~ '^([A-Z]{2})?$'),
    zone       text not null default '',
    created_at timestamptz not null
);

-- Staff. A grant without a course is for all courses of the programme.
create table role_grants (
    id           bigint generated always as identity primary key,
    person_id    uuid not null references persons on delete cascade,
    programme_id uuid not null references programmes on delete cascade,
    course_id    uuid,
    role         text not null check (role in ('admin', 'moderator', 'presenter')),
    granted_at   timestamptz not null,
    foreign key (course_id, programme_id) references courses (id, programme_id) on delete cascade
);
create unique index role_grants_once on role_grants
    (person_id, programme_id, role, coalesce(course_id, '00000000-0000-0000-0000-000000000000'));
create index role_grants_by_programme on role_grants (programme_id);

create table access_code_batches (
    id           uuid primary key default gen_random_uuid(),
    programme_id uuid not null references programmes on delete cascade,
    label        text not null check (length(label) between 1 and 80),
    prefix       text not null,                            -- first group of the first code, to know a printed sheet by
    count        integer not null check (count between 1 and 20000),
    uses         integer not null check (uses between 1 and 100000),  -- how often each code may be redeemed
    expires_at   timestamptz,
    revoked_at   timestamptz,
    created_at   timestamptz not null
);
create index access_code_batches_by_programme on access_code_batches (programme_id);

create table access_codes (
    id       bigint generated always as identity primary key,
    batch_id uuid not null references access_code_batches on delete cascade,
    hash     bytea not null unique check (octet_length(hash) = 32),
    uses     integer not null default 0,
    max_uses integer not null,
    check (uses between 0 and max_uses)
);
create index access_codes_by_batch on access_codes (batch_id);

-- The key makes a repeated redemption by the same person cost nothing.
create table code_redemptions (
    code_id     bigint not null references access_codes on delete cascade,
    person_id   uuid not null references persons on delete cascade,
    redeemed_at timestamptz not null,
    primary key (code_id, person_id)
);
create index code_redemptions_by_person on code_redemptions (person_id);

create table enrolments (
    person_id    uuid not null references persons on delete cascade,
    programme_id uuid not null references programmes on delete cascade,
    code_id      bigint references access_codes on delete set null,
    enrolled_at  timestamptz not null,
    primary key (programme_id, person_id)
);
create index enrolments_by_person on enrolments (person_id);

-- A sign-in that waits for its one-time code. One that can never be won (unknown address, bad code) has
-- neither person nor code: it exists so that strangers cannot tell the difference.
create table challenges (
    id         uuid primary key default gen_random_uuid(),
    hash       bytea not null unique check (octet_length(hash) = 32),  -- of the cookie
    email      text not null,
    winnable   boolean not null,
    code_id    bigint references access_codes on delete cascade,       -- redeemed when the challenge is won
    round      integer not null default 0,
    sent_at    timestamptz not null,                                   -- when the code of this round was first sent
    tries      integer not null default 0 check (tries between 0 and 5),
    used_at    timestamptz,                                            -- won, or replaced by a newer one
    created_at timestamptz not null
);
create index challenges_open on challenges (email) where used_at is null;
create index challenges_by_age on challenges (created_at);

-- How often something was asked for in a window of time. The subject is a keyed hash: whom it counts stays
-- unknown.
create table limits (
    subject bytea not null check (octet_length(subject) = 32),
    starts  timestamptz not null,
    ends    timestamptz not null,
    count   integer not null default 1,
    primary key (subject, starts)
);
create index limits_by_end on limits (ends);

create table sessions (
    id         uuid primary key default gen_random_uuid(),
    person_id  uuid not null references persons on delete cascade,
    hash       bytea not null unique check (octet_length(hash) = 32),
    device     text not null default '' check (length(device) <= 200),  -- what the browser calls itself
    created_at timestamptz not null,
    seen_at    timestamptz not null,                       -- to within five minutes
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index sessions_by_person on sessions (person_id);
create index sessions_by_end on sessions (expires_at);

-- Links that sign one person in, once.
create table join_links (
    id         uuid primary key default gen_random_uuid(),
    person_id  uuid not null references persons on delete cascade,
    hash       bytea not null unique check (octet_length(hash) = 32),
    path       text not null check (path like '/%' and length(path) <= 500),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index join_links_by_end on join_links (expires_at);

-- Bearer tokens for WHIP, WHEP and HLS: one course, one role.
create table access_tokens (
    id         uuid primary key default gen_random_uuid(),
    hash       bytea not null unique check (octet_length(hash) = 32),
    course_id  uuid not null references courses on delete cascade,
    role       text not null check (role in ('presenter', 'attendee')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index access_tokens_by_course on access_tokens (course_id);

-- The session timeline of a course: milliseconds from the first time on air. Time between runs does not
-- count.
create table broadcasts (
    id         uuid primary key default gen_random_uuid(),
    course_id  uuid not null unique references courses on delete cascade,
    started_at timestamptz not null,
    ended_at   timestamptz,                                -- null while on air
    length_ms  bigint check (length_ms >= 0),
    check ((ended_at is null) = (length_ms is null)),
    unique (id, course_id)
);

create table broadcast_runs (
    broadcast_id      uuid not null references broadcasts on delete cascade,
    number            integer not null check (number > 0),
    started_at        timestamptz not null,
    timeline_start_ms bigint not null check (timeline_start_ms >= 0),
    ended_at          timestamptz,
    primary key (broadcast_id, number),
    check (ended_at >= started_at)
);
create unique index broadcast_runs_one_open on broadcast_runs (broadcast_id) where ended_at is null;

create table recordings (
    broadcast_id uuid primary key references broadcasts on delete cascade,
    length_ms    bigint not null check (length_ms >= 0),   -- of the recording, not of the timeline
    finished_at  timestamptz not null
);

-- The edit list: which part of the timeline lies where in the recording.
create table recording_edits (
    broadcast_id uuid not null references recordings on delete cascade,
    timeline_ms  bigint not null check (timeline_ms >= 0),
    recording_ms bigint not null check (recording_ms >= 0),
    length_ms    bigint not null check (length_ms > 0),
    primary key (broadcast_id, timeline_ms)
);

create table questions (
    id            uuid primary key default gen_random_uuid(),
    course_id     uuid not null references courses on delete cascade,
    person_id     uuid not null references persons on delete cascade,
    text          text not null check (length(text) between 1 and 2000),
    original_text text,                                    -- as asked, once a moderator has edited it
    hide_name     boolean not null,
    state         text not null,
    version       integer not null default 1,
    assignee_id   uuid references persons on delete set null,
    asked_at      timestamptz not null,
    asked_ms      bigint,                                  -- place on the timeline; null when not on air
    answered_ms   bigint
);
create index questions_by_course on questions (course_id, asked_at);
create index questions_by_person on questions (person_id);

create table question_events (
    id          bigint generated always as identity primary key,
    question_id uuid not null references questions on delete cascade,
    actor_id    uuid references persons on delete set null,
    at          timestamptz not null,
    action      text not null,
    from_state  text not null,
    to_state    text not null,
    old_text    text
);
create index question_events_by_question on question_events (question_id);

-- Outgoing mail of an installation without a mail server: the demo shows it on a page.
create table mailbox (
    id        bigint generated always as identity primary key,
    recipient text not null,
    subject   text not null,
    body      text not null,
    at        timestamptz not null
);

-- Who changed what, written in the transaction that changes it. Rows are only ever added.
create table audit (
    id           bigint generated always as identity primary key,
    at           timestamptz not null,
    actor_id     uuid,                                     -- no foreign keys: the row outlives what it is about
    session_id   uuid,
    action       text not null,
    programme_id uuid,
    course_id    uuid,
    object       text not null default '',
    detail       jsonb not null default '{}'               -- no secrets, no personal data
);
create index audit_by_programme on audit (programme_id, id);

-- +goose StatementBegin
create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'rows of audit are never changed';
end
$$;
-- +goose StatementEnd
create trigger audit_is_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();

-- +goose Down
drop table audit, mailbox, question_events, questions, recording_edits, recordings,
    broadcast_runs, broadcasts, access_tokens, join_links, sessions, limits, challenges, enrolments, code_redemptions,
    access_codes, access_code_batches, role_grants, persons, courses, programmes;
drop function audit_is_append_only;
