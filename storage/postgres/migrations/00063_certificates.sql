-- Certificates: a snapshot of every printed field with its proofs. Rows are never deleted with a course or a person, and
-- only their status changes.

-- +goose Up

create table signing_keys (
    id         text primary key,                           -- names the pair in the published key set
    sealed     bytea not null,                             -- private halves, encrypted under the server's secret
    public     bytea not null,                             -- as a key set of one
    made_at    timestamptz not null,
    retired_at timestamptz                                 -- signs no more; what it has signed stays good
);
create unique index signing_keys_one_active on signing_keys ((true)) where retired_at is null;

create table certificate_designs (
    programme_id uuid primary key references programmes on delete cascade,
    design       jsonb not null,                           -- lms.CertificateDesign
    version      integer not null default 1,
    changed_at   timestamptz not null
);

create table certificates (
    id            uuid primary key default gen_random_uuid(),
    number        text not null unique check (number ~ '^[0-9A-HJKMNP-TV-Z]{16}$'),
    person_id     uuid not null references persons on delete restrict,
    programme_id  uuid not null references programmes on delete restrict,
    course_id     uuid references courses on delete restrict,  -- null for the whole programme
    credit_key    text not null,
    amount        integer not null check (amount >= 0),
    fields        text not null,                           -- lms.CertificateFields as JSON; its bytes are signed
    claim         bytea not null,                          -- for the QR code
    badge         text not null,                           -- Open Badges credential
    key_id        text not null references signing_keys,
    status_index  bigint not null unique generated always as identity (start with 0 minvalue 0),
    attested_at   timestamptz,                             -- by the holder
    issued_at     timestamptz not null,
    status        text not null default 'valid' check (status in ('valid', 'superseded', 'revoked')),
    changed_at    timestamptz,
    reason        text not null default '',
    superseded_by uuid references certificates,
    pdf_sha256    bytea check (octet_length(pdf_sha256) = 32),  -- of the file as first drawn
    check ((status = 'valid') = (changed_at is null)),
    check ((status = 'superseded') = (superseded_by is not null))
);
create unique index certificates_one_valid on certificates
    (person_id, programme_id, coalesce(course_id, '00000000-0000-0000-0000-000000000000'), credit_key) where status = 'valid';
create index certificates_by_programme on certificates (programme_id, issued_at);
create index certificates_by_course on certificates (course_id);

-- +goose StatementBegin
create function certificate_is_kept() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or tg_op = 'TRUNCATE' then
        raise exception 'certificates are never deleted';
    end if;
    if row(new.number, new.person_id, new.programme_id, new.course_id, new.credit_key, new.amount, new.fields, new.claim, new.badge, new.issued_at)
        is distinct from
        row(old.number, old.person_id, old.programme_id, old.course_id, old.credit_key, old.amount, old.fields, old.claim, old.badge, old.issued_at) then
        raise exception 'what stands on a certificate is never changed';
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger certificate_is_kept before update or delete on certificates
    for each row execute function certificate_is_kept();
create trigger certificates_are_kept before truncate on certificates
    for each statement execute function certificate_is_kept();

-- +goose Down
drop table certificates, certificate_designs, signing_keys;
drop function certificate_is_kept;
