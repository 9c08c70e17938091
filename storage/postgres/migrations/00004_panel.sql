-- Who takes part in a lecture besides watching it: attendees who were asked in, and what was decided of them and of
-- presenters and moderators. A person without a row is as their role says.

-- +goose Up
create table panel (
    course_id  uuid not null references courses on delete cascade,
    person_id  uuid not null references persons on delete cascade,
    panellist  boolean not null,                           -- asked in and not put back
    on_air     text[] not null check (on_air <@ array['camera', 'microphone', 'screen']),
    muted      boolean not null,
    asks       boolean not null check (muted or not asks), -- to be unmuted
    changed_by uuid references persons on delete set null,
    changed_at timestamptz not null,
    primary key (course_id, person_id)
);
create index panel_by_person on panel (person_id) where panellist;

-- +goose Down
drop table panel;
