-- The language in which somebody reads pages and mail.

-- +goose Up
alter table persons add column language text not null default '' check (length(language) <= 35);      -- '': not chosen
alter table challenges add column language text not null default '' check (length(language) <= 35);   -- of the page that asked

-- +goose Down
alter table challenges drop column language;
alter table persons drop column language;
