-- Tests: a bank of questions for each course, whose versions are never changed, and attempts that keep the versions
-- they began with.

-- +goose Up

create table tests (
    course_id  uuid primary key references courses on delete cascade,
    settings   jsonb not null,                             -- lms.TestSettings
    version    integer not null default 1,
    changed_at timestamptz not null
);

create table test_items (
    id         uuid primary key default gen_random_uuid(),
    course_id  uuid not null references courses on delete cascade,
    position   integer not null,
    version    integer not null default 1,                 -- the one that new attempts get
    retired_at timestamptz,                                -- not in new attempts any more
    unique (id, course_id)
);
create index test_items_by_course on test_items (course_id, position);

create table test_item_versions (
    item_id uuid not null references test_items on delete cascade,
    version integer not null check (version > 0),
    item    jsonb not null,                                -- lms.Item
    made_at timestamptz not null,
    primary key (item_id, version)
);

create table test_attempts (
    id           uuid primary key default gen_random_uuid(),
    course_id    uuid not null references courses on delete cascade,
    person_id    uuid not null references persons on delete cascade,
    number       integer not null check (number > 0),
    pass_mark    double precision not null check (pass_mark between 0 and 1),  -- as shown before
    started_at   timestamptz not null,
    due_at       timestamptz,                              -- with the accommodation in it
    submitted_at timestamptz,
    score        double precision check (score between 0 and 1),
    passed       boolean not null default false,
    unique (course_id, person_id, number),
    check ((submitted_at is null) = (score is null))
);
create unique index test_attempts_one_open on test_attempts (course_id, person_id) where submitted_at is null;
create index test_attempts_by_person on test_attempts (person_id);

create table test_attempt_items (
    attempt_id uuid not null references test_attempts on delete cascade,
    position   integer not null check (position >= 0),
    item_id    uuid not null,
    version    integer not null,
    options    integer[] not null default '{}',            -- the order in which they are shown
    reply      jsonb not null default '{}',                -- lms.Reply, saved as it is given
    saved_at   timestamptz,
    correct    boolean,                                    -- once handed in
    primary key (attempt_id, position),
    foreign key (item_id, version) references test_item_versions (item_id, version)
);
create index test_attempt_items_by_item on test_attempt_items (item_id);

-- More time for whoever needs it, in all tests of the programme.
create table test_accommodations (
    programme_id uuid not null references programmes on delete cascade,
    person_id    uuid not null references persons on delete cascade,
    extra        integer not null check (extra between 1 and 400),  -- percent
    granted_at   timestamptz not null,
    primary key (programme_id, person_id)
);

-- +goose Down
drop table test_accommodations, test_attempt_items, test_attempts, test_item_versions, test_items, tests;
