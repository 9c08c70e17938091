-- Batchers remember what they have written. Whoever writes what a person has watched counts the version up in the same
-- transaction, so that another node's memory is known to be out of date.

-- +goose Up
alter table watch_budgets add column version bigint not null default 0;

-- +goose Down
alter table watch_budgets drop column version;
