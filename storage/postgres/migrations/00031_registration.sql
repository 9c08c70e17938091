-- Registering by oneself, with approval, seats and a waiting list. An enrolment is what lets somebody watch; a registration is
-- how they came to it, or wait for it.

-- +goose Up
alter table programmes
    add column registration_open  boolean not null default false,
    add column registration_watch boolean not null default true,  -- while a decision is pending
    add column seats   integer check (seats > 0),                  -- null for no limit
    add column taken   integer not null default 0,                 -- of them; kept while there is a limit
    add column viewers integer check (viewers > 0),                -- at the same time in one lecture
    add column approve_domains text[] not null default '{}',
    add column approve_licence text not null default '';           -- a pattern (RE2)

alter table persons
    add column licence    text not null default '' check (length(licence) <= 40),
    add column phone      text not null default '' check (phone ~ '^(\+[1-9][0-9]{6,14})?$');  -- E.164

-- What is watched by somebody who waits for a decision is kept, and counts when it is positive.
alter table enrolments add column provisional boolean not null default false;

-- A sign-in that registers its person when it is won.
alter table challenges
    add column programme_id uuid references programmes on delete cascade,
    add column application  jsonb;                          -- lms.Application
alter table challenges add check ((programme_id is null) = (application is null));

create table registrations (
    programme_id uuid not null references programmes on delete cascade,
    person_id    uuid not null references persons on delete cascade,
    seq          bigint generated always as identity,      -- the order of the waiting list
    state        text not null check (state in ('pending', 'approved', 'rejected', 'waitlisted', 'offered', 'cancelled')),
    source       text not null check (source in ('code', 'spot', 'import')),
    becomes      text not null check (becomes in ('pending', 'approved')),  -- once there is a seat
    rule         text not null default '',                 -- by which it was approved
    reason       text not null default '' check (length(reason) <= 500),
    applied_at   timestamptz not null,
    decided_at   timestamptz,
    decided_by   uuid references persons on delete set null,  -- null: a rule
    offer_until  timestamptz,
    primary key (programme_id, person_id),
    check ((state = 'offered') = (offer_until is not null))
);
create index registrations_waiting on registrations (programme_id, seq) where state = 'waitlisted';
create index registrations_by_state on registrations (programme_id, state, seq);
create index registrations_offered on registrations (offer_until) where state = 'offered';
create index registrations_by_person on registrations (person_id);
create index registrations_by_decider on registrations (decided_by);

-- What somebody has agreed to, in which version of its text.
create table consents (
    person_id    uuid not null references persons on delete cascade,
    programme_id uuid not null references programmes on delete cascade,
    version      text not null,
    given_at     timestamptz not null,
    primary key (person_id, programme_id, version)
);
create index consents_by_programme on consents (programme_id);

-- +goose Down
drop table consents, registrations;
delete from challenges where programme_id is not null;
alter table challenges drop column programme_id, drop column application;
alter table enrolments drop column provisional;
alter table persons drop column licence, drop column phone;
alter table programmes drop column registration_open, drop column registration_watch, drop column seats, drop column taken, drop column viewers,
    drop column approve_domains, drop column approve_licence;
