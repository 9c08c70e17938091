-- Sessions get another secret when their person's rights change, and their devices are listed.

-- +goose Up
alter table sessions
    add column renew         boolean not null default false,   -- give it a new secret when it is used next
    add column previous_hash bytea unique check (octet_length(previous_hash) = 32),
    add column previous_until timestamptz,                      -- requests that were under way may still bring the old one
    add column country       text not null default '' check (country ~ '^([A-Z]{2})?$');

-- +goose Down
alter table sessions drop column renew, drop column previous_hash, drop column previous_until, drop column country;
