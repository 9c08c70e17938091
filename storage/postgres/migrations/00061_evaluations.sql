-- Evaluations: who has handed one in, and, with nothing that leads from one to the other, what was said.

-- +goose Up

create table evaluations_done (
    course_id uuid not null references courses on delete cascade,
    person_id uuid not null references persons on delete cascade,
    done_at   timestamptz not null,
    primary key (course_id, person_id)
);
create index evaluations_done_by_person on evaluations_done (person_id);

-- The random key is also the order in which answers are read. There is no time on purpose.
create table evaluation_answers (
    id        uuid primary key default gen_random_uuid(),
    course_id uuid not null references courses on delete cascade,
    stars     jsonb not null,
    bias      text not null check (bias in ('none', 'some')),
    bias_text text not null default '',
    text      text not null default ''
);
create index evaluation_answers_by_course on evaluation_answers (course_id);

-- +goose Down
drop table evaluation_answers, evaluations_done;
