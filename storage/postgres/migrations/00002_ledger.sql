-- The ledger: what each person has watched of each broadcast. Resume position, attendance and credit are
-- readings of it. It is written by the batcher of watch reports only, many reports in one statement; rows
-- are changed in place often, so pages keep room for it.

-- +goose Up

-- Which whole seconds of the timeline count for somebody, and how they were watched.
create table attendance (
    person_id    uuid not null references persons on delete cascade,
    broadcast_id uuid not null references broadcasts on delete cascade,
    provenance   text not null check (provenance in ('live', 'dvr', 'replay')),
    watched      int4multirange not null,
    first_at     timestamptz not null,
    last_at      timestamptz not null,
    primary key (broadcast_id, person_id, provenance),
    check (lower(watched) >= 0)
) with (fillfactor = 70);
create index attendance_by_person on attendance (person_id);

-- Seconds that were reported and do not count, kept so that the reason can be shown and an admin can decide:
-- played too fast, or more than the person can have watched in the time.
create table attendance_withheld (
    person_id    uuid not null references persons on delete cascade,
    broadcast_id uuid not null references broadcasts on delete cascade,
    reason       text not null check (reason in ('too_fast', 'held')),
    seconds      int4multirange not null,
    first_at     timestamptz not null,
    last_at      timestamptz not null,
    primary key (broadcast_id, person_id, reason)
);
create index attendance_withheld_by_person on attendance_withheld (person_id);

-- Where somebody was last, by the server's order of reports.
create table playheads (
    person_id    uuid not null references persons on delete cascade,
    broadcast_id uuid not null references broadcasts on delete cascade,
    position_ms  bigint check (position_ms >= 0),          -- null before 10 s of continuous play
    refused_s    bigint not null default 0,
    reported_at  timestamptz not null,
    primary key (broadcast_id, person_id)
) with (fillfactor = 70);
create index playheads_by_person on playheads (person_id);

-- One row per open player: its newest report, and the stretch that it is playing without a break.
create table players (
    person_id    uuid not null references persons on delete cascade,
    broadcast_id uuid not null references broadcasts on delete cascade,
    player       text not null check (length(player) between 8 and 64),
    seq          bigint not null,
    from_ms      bigint not null,
    to_ms        bigint not null,
    seen_at      timestamptz not null,
    primary key (broadcast_id, person_id, player)
) with (fillfactor = 70);
create index players_by_person on players (person_id);

-- How many new seconds a person can still be credited. One row per person, whatever the number of tabs,
-- lectures and devices; whoever enters a report locks it first.
create table watch_budgets (
    person_id uuid primary key references persons on delete cascade,
    left_ms   bigint not null,
    at        timestamptz                                  -- null before the first report
) with (fillfactor = 70);

-- +goose Down
drop table watch_budgets, players, playheads, attendance_withheld, attendance;
