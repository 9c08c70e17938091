-- Slides and handouts of courses: the files lie in the store of objects, their pages' text here, for the search.

-- +goose Up
create table materials (
    id          uuid primary key default gen_random_uuid(),
    course_id   uuid not null references courses on delete cascade,
    position    integer not null,
    name        text not null check (length(name) between 1 and 200),
    kind        text not null check (kind in ('pdf', 'pptx', 'png', 'jpeg', 'webp')),   -- by its content
    bytes       bigint not null check (bytes > 0),
    sha256      bytea not null check (octet_length(sha256) = 32),
    download    boolean not null default false,                     -- attendees may take the file itself
    uploaded_by uuid references persons on delete set null,
    uploaded_at timestamptz not null,
    removed_at  timestamptz,                                        -- its files are deleted a day later
    replaces    uuid references materials on delete set null,       -- which is removed when this is ready

    -- Making its pages. A node at work says so more often than its lease lasts; one that says nothing has died.
    state       text not null default 'storing' check (state in ('storing', 'waiting', 'ready', 'failed')),
    done        integer not null default 0,                         -- pages
    total       integer not null default 0,
    tries       integer not null default 0,
    holder      text not null default '',
    lease_until timestamptz,
    due_at      timestamptz not null,
    error       text not null default ''                            -- for whoever uploaded it
);
create index materials_of_course on materials (course_id, position);
create index materials_due on materials (due_at) where state = 'waiting';
create index materials_leftover on materials (uploaded_at) where state = 'storing' or removed_at is not null;

create table material_pages (
    material_id uuid not null references materials on delete cascade,
    number      integer not null check (number > 0),
    width       integer not null check (width > 0),
    height      integer not null check (height > 0),
    text        text not null,
    words       tsvector not null,      -- without accents (lms.Folded)
    primary key (material_id, number)
);
create index material_pages_words on material_pages using gin (words);

-- +goose Down
drop table material_pages;
drop table materials;
