-- Which of a person's devices plays (lms.Lease). It stands in the row that every watch report locks and writes anyway.

-- +goose Up
alter table watch_budgets
    add column fence      bigint not null default 0,
    add column playing    text not null default '',        -- players of the device that plays, the one that plays last
    add column playing_at timestamptz,                     -- when it was taken or last renewed
    add column playing_on uuid;                            -- the login session; no foreign key: it may be swept before this row changes

-- +goose Down
alter table watch_budgets drop column fence, drop column playing, drop column playing_at, drop column playing_on;
