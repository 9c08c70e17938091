-- What is made of a recording after the lecture is copied to the second place of recordings, where there is one.

-- +goose Up
alter table recording_tasks drop constraint recording_tasks_kind_check;
alter table recording_tasks add constraint recording_tasks_kind_check check (kind in ('pictures', 'ladder', 'copy', 'retire', 'remove'));
insert into recording_tasks (broadcast_id, kind, made_at, due_at)
    select distinct broadcast_id, 'copy', now(), now() from recording_tasks join recordings using (broadcast_id)
    where kind in ('pictures', 'ladder') and state = 'done' and deleted_at is null;

-- +goose Down
delete from recording_tasks where kind = 'copy';
alter table recording_tasks drop constraint recording_tasks_kind_check;
alter table recording_tasks add constraint recording_tasks_kind_check check (kind in ('pictures', 'ladder', 'retire', 'remove'));
