-- Coming in: codes may be bound to one address and withdrawn one by one; a personal link belongs to the device on which it
-- was first used, and its sessions to its programme; a browser that has proved an address once is known.

-- +goose Up
alter table access_codes
    add column bound_to   text check (bound_to = lower(bound_to)),   -- the one address that may redeem it; null for anybody
    add column revoked_at timestamptz;
alter table access_code_batches add column brand text not null default '' check (brand ~ '^([A-Z0-9]{2,8})?$');  -- printed before each code

-- Browsers in which somebody has proved their address. Strangers who ask for codes of an address cannot use up the budget of
-- its owner's browser.
create table known_devices (
    hash      bytea not null check (octet_length(hash) = 32),
    person_id uuid not null references persons on delete cascade,
    seen_at   timestamptz not null,
    primary key (hash, person_id)
);
create index known_devices_by_person on known_devices (person_id);
create index known_devices_by_age on known_devices (seen_at);

alter table join_links
    add column programme_id uuid references programmes on delete cascade,  -- where its sessions may go; null in links of before
    add column device       bytea check (octet_length(device) = 32),      -- of the first use
    add column revoked_at   timestamptz;
create index join_links_by_person on join_links (person_id);
alter table sessions add column programmes uuid[];         -- of the link that began it, and made in it; null for all

-- +goose Down
alter table sessions drop column programmes;
drop index join_links_by_person;
alter table join_links drop column programme_id, drop column device, drop column revoked_at;
drop table known_devices;
alter table access_code_batches drop column brand;
alter table access_codes drop column bound_to, drop column revoked_at;
