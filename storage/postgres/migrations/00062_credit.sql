-- Credit: rules of a course in versions, evidence that is not in the ledger, what was set aside, asked for and claimed.

-- +goose Up

alter table persons add column profession text not null default '' check (length(profession) <= 60);
alter table courses add column required boolean not null default true;  -- for the certificate of the programme

create table credit_rules (
    course_id uuid not null references courses on delete cascade,
    version   integer not null check (version > 0),
    rules     jsonb not null,                              -- lms.CourseRules
    made_by   uuid,                                        -- no foreign key: the version outlives the person
    made_at   timestamptz not null,
    primary key (course_id, version)
);

-- What is known of a person besides ledger, test and evaluation.
create table credit_evidence (
    course_id uuid not null references courses on delete cascade,
    person_id uuid not null references persons on delete cascade,
    kind      text not null check (kind in ('disclosure', 'identity')),
    seen_at   timestamptz not null,
    primary key (course_id, person_id, kind)
);
create index credit_evidence_by_person on credit_evidence (person_id);

create table credit_waivers (
    course_id uuid not null references courses on delete cascade,
    person_id uuid not null references persons on delete cascade,
    kind      text not null,
    reason    text not null check (length(reason) between 10 and 1000),
    waived_by uuid,
    waived_at timestamptz not null,
    primary key (course_id, person_id, kind)
);
create index credit_waivers_by_person on credit_waivers (person_id);

create table credit_appeals (
    id          uuid primary key default gen_random_uuid(),
    course_id   uuid not null references courses on delete cascade,
    person_id   uuid not null references persons on delete cascade,
    text        text not null check (length(text) between 10 and 1000),
    made_at     timestamptz not null,
    answer      text check (length(answer) between 3 and 1000),
    answered_by uuid,
    answered_at timestamptz
);
create unique index credit_appeals_one_open on credit_appeals (course_id, person_id) where answered_at is null;
create index credit_appeals_by_person on credit_appeals (person_id);

-- The most that anybody has earned so far: computing it again may add and never takes away.
create table credit_earned (
    course_id    uuid not null references courses on delete cascade,
    person_id    uuid not null references persons on delete cascade,
    credit_key   text not null,
    rule_version integer not null,
    amount       integer not null check (amount > 0),      -- hundredths
    evidence     jsonb not null,                           -- lms.Evidence that it followed from
    earned_at    timestamptz not null,
    primary key (course_id, person_id, credit_key)
);
create index credit_earned_by_person on credit_earned (person_id);

-- +goose Down
drop table credit_earned, credit_appeals, credit_waivers, credit_evidence, credit_rules;
alter table courses drop column required;
alter table persons drop column profession;
