-- Programmes are drafts until they are published, in versions; a course can be cancelled.

-- +goose Up
alter table programmes
    add column state text not null default 'draft' check (state in ('draft', 'published', 'closed')),
    add column draft jsonb not null default '{}',           -- lms.Settings as they are edited
    add column published integer not null default 0;        -- number of the newest version; 0 before the first

-- A version is what was published: titles, times, settings and faculty as they were. It is never changed.
create table programme_versions (
    programme_id uuid not null references programmes on delete cascade,
    number       integer not null check (number > 0),
    published_at timestamptz not null,
    published_by uuid references persons on delete set null,
    snapshot     jsonb not null,
    primary key (programme_id, number)
);
create index programme_versions_by_person on programme_versions (published_by);

-- What the newest version says of a course stands with it, for the statements that need it.
alter table courses
    add column published_at  timestamptz,                   -- null: its audience does not see it yet
    add column opens_at      timestamptz,                   -- its audience is let in from then on, and
    add column closes_at     timestamptz,                   -- until then; null for no bound
    add column credit        jsonb not null default '{"promised": false, "types": []}', -- lms.CreditSettings
    add column cancelled_at  timestamptz,
    add column cancel_reason text not null default '' check (length(cancel_reason) <= 1000);

-- What is there has been seen by its audience already.
update programmes set state = 'published', published = 1;
update courses set published_at = created_at;
insert into programme_versions (programme_id, number, published_at, snapshot)
    select id, 1, created_at, jsonb_build_object('title', title, 'zone', zone) from programmes;

-- +goose Down
drop table programme_versions;
alter table courses drop column published_at, drop column opens_at, drop column closes_at, drop column credit,
    drop column cancelled_at, drop column cancel_reason;
alter table programmes drop column state, drop column draft, drop column published;
