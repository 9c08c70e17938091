-- Who is in control of the content of courses, and what they disclose.

-- +goose Up
create table faculty (
    id           uuid primary key default gen_random_uuid(),
    programme_id uuid not null references programmes on delete cascade,
    course_id    uuid,                                      -- null for all courses
    person_id    uuid not null references persons on delete cascade,
    role         text not null check (role in ('speaker', 'chair', 'planner')),
    invited_at   timestamptz not null,
    foreign key (course_id, programme_id) references courses (id, programme_id) on delete cascade
);
create unique index faculty_once on faculty
    (programme_id, person_id, role, coalesce(course_id, '00000000-0000-0000-0000-000000000000'));
create index faculty_by_person on faculty (person_id);

-- Each signature is a new version; the newest counts. Mitigation belongs to the version it was written for.
create table disclosures (
    id           uuid primary key default gen_random_uuid(),
    programme_id uuid not null references programmes on delete cascade,
    person_id    uuid not null references persons on delete cascade,
    version      integer not null check (version > 0),
    ties         jsonb not null,                            -- of lms.Tie; empty for none
    signed_name  text not null check (length(signed_name) between 2 and 120),
    signed_at    timestamptz not null,
    mitigation   text not null default '',
    mitigated_at timestamptz,
    mitigated_by uuid references persons on delete set null,
    unique (programme_id, person_id, version)
);
create index disclosures_by_person on disclosures (person_id);
create index disclosures_by_mitigator on disclosures (mitigated_by);

-- That a learner was shown the disclosures of a course before entering it: which ones, as they were then.
create table disclosure_views (
    course_id uuid not null references courses on delete cascade,
    person_id uuid not null references persons on delete cascade,
    version   text not null,                                -- digest of what was shown
    shown     jsonb not null,                               -- names, companies, natures
    seen_at   timestamptz not null,
    primary key (course_id, person_id, version)
);
create index disclosure_views_by_person on disclosure_views (person_id);

-- Who presents has been invited as a speaker.
insert into faculty (programme_id, course_id, person_id, role, invited_at)
    select programme_id, course_id, person_id, 'speaker', granted_at from role_grants where role = 'presenter';

-- +goose Down
drop table disclosure_views, disclosures, faculty;
