-- Certificates are drawn after they are issued, by whoever is free. A row that is being drawn is locked, so that one whose
-- worker dies is free again at once.

-- +goose Up
alter table certificates
    add column draw_after timestamptz,                     -- after a failure, not before then
    add column draw_tries integer not null default 0;
create index certificates_undrawn on certificates (issued_at, id) where pdf_sha256 is null;

-- +goose Down
drop index certificates_undrawn;
alter table certificates drop column draw_after, drop column draw_tries;
