-- Lists of people that were read and checked, and wait to be entered, or were. The rows of one that is done are deleted.

-- +goose Up
create table imports (
    id           uuid primary key default gen_random_uuid(),
    programme_id uuid not null references programmes on delete cascade,
    file         text not null check (length(file) <= 200),
    state        text not null check (state in ('checked', 'entering', 'done')),
    invite       boolean not null default false,
    total        integer not null,
    done         integer not null default 0,
    added        integer not null default 0,
    changed      integer not null default 0,
    made_at      timestamptz not null,
    made_by      uuid references persons on delete set null
);
create index imports_by_programme on imports (programme_id, made_at);
create index imports_by_maker on imports (made_by);

create table import_rows (
    import_id uuid not null references imports on delete cascade,
    number    integer not null,                            -- from 1, without gaps
    person    jsonb not null,                              -- roster.Person
    primary key (import_id, number)
);

-- +goose Down
drop table import_rows, imports;
