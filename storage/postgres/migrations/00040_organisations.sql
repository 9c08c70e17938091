-- Organisations: whoever runs programmes. A role is given for one of them with all its programmes, for a programme, or for a
-- course. What was there before belongs to one organisation.

-- +goose Up
create table organisations (
    id         uuid primary key default gen_random_uuid(),
    name       text not null check (length(name) between 1 and 200),
    version    integer not null default 1,
    created_at timestamptz not null
);
insert into organisations (id, name, created_at) values ('00000000-0000-4000-8000-00000000000a', 'Organisation', now());

alter table programmes add column organisation_id uuid not null default '00000000-0000-4000-8000-00000000000a' references organisations;
create index programmes_by_organisation on programmes (organisation_id);

alter table role_grants add column organisation_id uuid references organisations on delete cascade;
alter table role_grants alter column programme_id drop not null;
alter table role_grants add check ((organisation_id is null) <> (programme_id is null));
alter table role_grants add check (course_id is null or programme_id is not null);
alter table role_grants drop constraint role_grants_role_check;
alter table role_grants add constraint role_grants_role_check
    check (role in ('admin', 'producer', 'moderator', 'presenter', 'captioner', 'sponsor', 'auditor'));
drop index role_grants_once;
create unique index role_grants_once on role_grants (person_id, role, coalesce(programme_id, organisation_id),
    coalesce(course_id, '00000000-0000-0000-0000-000000000000'));
create index role_grants_by_organisation on role_grants (organisation_id) where organisation_id is not null;

-- Grants as programmes see them: those of their organisation are among them.
create view programme_grants with (security_invoker = true) as
    select person_id, role, programme_id, course_id from role_grants where programme_id is not null
    union
    select role_grants.person_id, role_grants.role, programmes.id, null
    from role_grants join programmes on programmes.organisation_id = role_grants.organisation_id;

-- +goose Down
drop view programme_grants;
drop index role_grants_by_organisation, role_grants_once;
delete from role_grants where organisation_id is not null or role in ('producer', 'sponsor', 'auditor');
create unique index role_grants_once on role_grants
    (person_id, programme_id, role, coalesce(course_id, '00000000-0000-0000-0000-000000000000'));
alter table role_grants drop constraint role_grants_role_check;
alter table role_grants drop column organisation_id;
alter table role_grants add constraint role_grants_role_check check (role in ('admin', 'moderator', 'presenter', 'captioner'));
alter table role_grants alter column programme_id set not null;
alter table programmes drop column organisation_id;
drop table organisations;
