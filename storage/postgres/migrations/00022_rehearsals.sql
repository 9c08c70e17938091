-- Rehearsals: a lecture without an audience. They are no broadcasts, so nothing that counts watching can name one.

-- +goose Up
create table rehearsals (
    id         uuid primary key default gen_random_uuid(),
    course_id  uuid not null references courses on delete cascade,
    person_id  uuid references persons on delete set null,  -- who began it
    started_at timestamptz not null,
    ended_at   timestamptz,                                 -- null while it goes on
    deleted_at timestamptz,                                 -- since when nobody can watch it
    removed_at timestamptz,                                 -- since when its files are gone
    check (ended_at >= started_at)
);
create unique index rehearsals_one_open on rehearsals (course_id) where ended_at is null;
create index rehearsals_to_remove on rehearsals (started_at) where removed_at is null;
create index rehearsals_by_person on rehearsals (person_id);

-- +goose Down
drop table rehearsals;
