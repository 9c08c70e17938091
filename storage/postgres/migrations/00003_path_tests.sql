-- What a person's computer and network could do for a course when they tried before the day. The newest try is kept; nothing
-- is decided by it, it is there to be looked at.

-- +goose Up
create table path_tests (
    course_id uuid not null references courses on delete cascade,
    person_id uuid not null references persons on delete cascade,
    taken_at  timestamptz not null,
    presents  boolean not null,                            -- judged as somebody who presents
    verdict   text not null check (verdict in ('ready', 'usable', 'not_ready')),
    findings  text[] not null,                             -- gravest first
    facts     jsonb not null,                              -- lms.PathFacts
    primary key (course_id, person_id)
);
create index path_tests_by_person on path_tests (person_id);

-- +goose Down
drop table path_tests;
