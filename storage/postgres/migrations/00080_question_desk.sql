-- What moderators do with questions besides approving them: claim, merge, answer in writing, defer; and votes.

-- +goose Up
alter table questions
    add column merged_into   uuid references questions on delete set null,
    add column answer        text check (length(answer) between 1 and 2000),
    add column answer_public boolean not null default false,
    add column claimed_by    uuid references persons on delete set null,
    add column claimed_until timestamptz;
create index questions_merged on questions (merged_into) where merged_into is not null;

-- One vote a person. Those of merged questions stay with them and are counted once a person, so that a merge can be undone.
create table question_votes (
    question_id uuid not null references questions on delete cascade,
    person_id   uuid not null references persons on delete cascade,
    voted_at    timestamptz not null,
    primary key (question_id, person_id)
);
create index question_votes_by_person on question_votes (person_id);

-- +goose Down
drop table question_votes;
alter table questions drop column merged_into, drop column answer, drop column answer_public, drop column claimed_by, drop column claimed_until;
