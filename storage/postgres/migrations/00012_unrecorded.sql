-- A course may be held without being recorded: then no byte of its media is kept anywhere.

-- +goose Up
alter table courses add column recorded boolean not null default true;   -- fixed once it has been on air

-- +goose Down
alter table courses drop column recorded;
