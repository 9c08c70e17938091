-- The second wall: what a signed-in person's transactions can reach at all, whatever the program asks for. The program works as
-- lectern_service, which may read and write rows but owns nothing; a transaction of somebody who is signed in works as
-- lectern_person, and sees the programmes in which lectern.person has a part (storage/postgres/wall.go). Tables get their policies
-- from protect_tables, which runs after each migration, so that one that is new is behind the wall from its first day.

-- +goose Up

-- +goose StatementBegin
do $$
declare
    name text;
begin
    foreach name in array array['lectern_service', 'lectern_person'] loop
        if not exists (select from pg_roles where rolname = name) then
            begin
                execute format('create role %I nologin noinherit', name);
            exception
                when duplicate_object or unique_violation then null;    -- another database of this server was faster
                when insufficient_privilege then
                    raise exception 'the roles of Lectern are missing, and this login may not create them'
                        using hint = format('as a superuser: create role lectern_service nologin; create role lectern_person nologin; grant lectern_service, lectern_person to %I', current_user);
            end;
        end if;
        if not pg_has_role(current_user, name, 'member') then
            execute format('grant %I to %I', name, current_user);
        end if;
    end loop;
end
$$;
-- +goose StatementEnd

-- Who the transaction is for, and the course of a bearer token instead of a person; null for none.
create function wall_person() returns uuid language sql stable as
    $$ select nullif(current_setting('lectern.person', true), '')::uuid $$;
create function wall_course() returns uuid language sql stable as
    $$ select nullif(current_setting('lectern.course', true), '')::uuid $$;

-- Programmes in which the person has a part, those just made included. What a sponsor sees has no persons in it.
create function wall_programmes(personal boolean) returns uuid[] language sql stable security definer set search_path from current as $$
    select array(
        select programme_id from enrolments where person_id = wall_person()
        union select programme_id from programme_grants where person_id = wall_person() and not (personal and role = 'sponsor')
        union select courses.programme_id from panel join courses on courses.id = panel.course_id where panel.person_id = wall_person() and panellist
        union select programme_id from courses where id = wall_course()
        union select nullif(current_setting('lectern.made', true), '')::uuid)
$$;

-- Of these, those of which the person may see more than single courses.
create function wall_whole() returns uuid[] language sql stable security definer set search_path from current as $$
    select array(
        select programme_id from enrolments where person_id = wall_person()
        union select programme_id from programme_grants where person_id = wall_person() and course_id is null
        union select nullif(current_setting('lectern.made', true), '')::uuid)
$$;

create function wall_courses(personal boolean) returns uuid[] language sql stable security definer set search_path from current as $$
    select array(
        select courses.id from courses join enrolments on enrolments.programme_id = courses.programme_id where enrolments.person_id = wall_person()
        union select courses.id from courses join programme_grants on programme_grants.programme_id = courses.programme_id
            and (programme_grants.course_id is null or programme_grants.course_id = courses.id)
            where programme_grants.person_id = wall_person() and not (personal and role = 'sponsor')
        union select course_id from panel where person_id = wall_person() and panellist
        union select id from courses where programme_id = nullif(current_setting('lectern.made', true), '')::uuid
        union select wall_course())
$$;

create function wall_broadcasts(personal boolean) returns uuid[] language sql stable security definer set search_path from current as $$
    select array(select id from broadcasts where course_id = any(wall_courses(personal)))
$$;

create function wall_organisations() returns uuid[] language sql stable security definer set search_path from current as $$
    select array(
        select organisation_id from role_grants where person_id = wall_person() and organisation_id is not null
        union select organisation_id from programmes where id = any(wall_programmes(true)))
$$;

-- What has to be asked beyond the wall, as narrowly as it can be: who has an address, and whether somebody is known anywhere.
create function person_of(address text, called text, at timestamptz) returns uuid
    language sql volatile security definer set search_path from current as $$
    insert into persons (email, name, created_at) values (address, called, at)
    on conflict (email) do update set name = case persons.name when '' then excluded.name else persons.name end
    returning id
$$;
create function programmes_of(person uuid) returns setof uuid language sql stable security definer set search_path from current as $$
    select programme_id from programme_grants where programme_grants.person_id = person
    union select programme_id from enrolments where enrolments.person_id = person
$$;
create function has_signed_in(person uuid) returns boolean language sql stable security definer set search_path from current as
    $$ select exists (select from sessions where person_id = person) $$;

-- +goose StatementBegin
create function protect_tables() returns void language plpgsql set search_path from current as $$
declare
    t record;
    seen text;     -- rows the person may see
    mine text;     -- rows the person may write
    own boolean;
    has text[];
begin
    for t in select c.oid, c.relname from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
        and c.relname not like 'river%' and c.relname not like 'goose%' and c.relname not in ('audit_chain', 'limits', 'challenges', 'mailbox')
    loop
        has := array(select attname::text from pg_attribute where attrelid = t.oid and attnum > 0 and not attisdropped);
        own := 'person_id' = any(has);
        mine := case
            when t.relname = 'organisations' then 'id = any((select wall_organisations())::uuid[])'
            when t.relname = 'programmes' then 'id = any((select wall_programmes(false))::uuid[])'
            when t.relname = 'courses' then 'programme_id = any((select wall_whole())::uuid[]) or id = any((select wall_courses(false))::uuid[])'
            when t.relname = 'persons' then 'id = (select wall_person()) or exists (select from enrolments where enrolments.person_id = persons.id)
                or exists (select from programme_grants where programme_grants.person_id = persons.id)'
            when t.relname = 'role_grants' then 'programme_id = any((select wall_programmes(true))::uuid[])
                or organisation_id = any((select wall_organisations())::uuid[])'
            when 'programme_id' = any(has) then format('programme_id = any((select wall_programmes(%s))::uuid[])', (own or t.relname = 'audit')::text)
            when 'course_id' = any(has) then format('course_id = any((select wall_courses(%s))::uuid[])', own::text)
            when 'broadcast_id' = any(has) then format('broadcast_id = any((select wall_broadcasts(%s))::uuid[])', own::text)
            when 'organisation_id' = any(has) then 'organisation_id = any((select wall_organisations())::uuid[])'
            when 'question_id' = any(has) then 'exists (select from questions where questions.id = question_id)'
            when 'track_id' = any(has) then 'exists (select from caption_tracks where caption_tracks.id = track_id)'
            when 'batch_id' = any(has) then 'exists (select from access_code_batches where access_code_batches.id = batch_id)'
            when own then 'exists (select from persons where persons.id = person_id)'
        end;
        continue when mine is null;
        seen := mine || case when own then ' or person_id = (select wall_person())' else '' end;
        execute format('alter table %I enable row level security', t.relname);
        execute format('drop policy if exists wall on %I', t.relname);
        execute format('drop policy if exists wall_insert on %I', t.relname);
        execute format('drop policy if exists service on %I', t.relname);
        execute format('create policy service on %I to lectern_service using (true) with check (true)', t.relname);
        if t.relname = 'audit' then
            execute format('create policy wall on audit for select to lectern_person using (%s)', seen);
            execute 'create policy wall_insert on audit for insert to lectern_person with check (true)';
        else
            execute format('create policy wall on %I to lectern_person using (%s) with check (%s)', t.relname, seen, mine);
        end if;
    end loop;

    execute format('grant usage on schema %I to lectern_service, lectern_person', current_schema());
    execute format('grant select, insert, update, delete on all tables in schema %I to lectern_service, lectern_person', current_schema());
    execute format('grant usage, select on all sequences in schema %I to lectern_service, lectern_person', current_schema());
    -- The audit is only ever added to. Addresses are forgotten after a while, and a trigger lets nothing else through.
    revoke update, delete, truncate on audit, audit_chain from lectern_service, lectern_person;
    grant update (source) on audit to lectern_service;
    revoke all on audit_chain, challenges, mailbox, limits from lectern_person;
    grant select on audit_chain to lectern_person;
end
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
do $$
declare
    t record;
begin
    for t in select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r' and relrowsecurity loop
        execute format('drop policy if exists wall on %I', t.relname);
        execute format('drop policy if exists wall_insert on %I', t.relname);
        execute format('drop policy if exists service on %I', t.relname);
        execute format('alter table %I disable row level security', t.relname);
    end loop;
end
$$;
-- +goose StatementEnd
drop function protect_tables, has_signed_in, programmes_of, person_of, wall_organisations, wall_broadcasts, wall_courses, wall_whole,
    wall_programmes, wall_course, wall_person;
