-- The audit says where a deed came from, and its rows are sealed into a chain of hashes, so that a changed or missing row is found
-- (storage/postgres/auditchain.go).

-- +goose Up
alter table audit
    add column request     text not null default '',       -- the id that the logs have too; '' for the command line and jobs
    add column source      inet,                           -- the client's address; forgotten after 30 days
    add column source_hash bytea check (octet_length(source_hash) = 32);   -- keyed, so that the chain outlives the address
create index audit_by_time on audit (at);
create index audit_by_actor on audit (actor_id, id);

create table audit_chain (
    seq      bigint primary key,                           -- from 1, without gaps
    audit_id bigint not null unique,                       -- no foreign key: a deleted row is to be found, not followed
    hash     bytea not null check (octet_length(hash) = 32)  -- keyed hash of the one before and of the row
);
create trigger audit_chain_is_append_only before update or delete or truncate on audit_chain
    for each statement execute function audit_is_append_only();

drop trigger audit_is_append_only on audit;
create trigger audit_is_append_only before delete or truncate on audit
    for each statement execute function audit_is_append_only();
-- +goose StatementBegin
create function audit_forgets_sources_only() returns trigger language plpgsql as $$
begin
    if new.source is null and to_jsonb(new) - 'source' = to_jsonb(old) - 'source' then
        return new;
    end if;
    raise exception 'rows of audit are never changed';
end
$$;
-- +goose StatementEnd
create trigger audit_forgets_sources_only before update on audit
    for each row execute function audit_forgets_sources_only();

-- +goose Down
drop table audit_chain;
drop trigger audit_forgets_sources_only on audit;
drop function audit_forgets_sources_only;
drop trigger audit_is_append_only on audit;
create trigger audit_is_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();
drop index audit_by_time, audit_by_actor;
alter table audit drop column request, drop column source, drop column source_hash;
