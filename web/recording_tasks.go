package web

import (
	"context"
	"errors"

	"lectern/media/vod"
	"lectern/storage/postgres"
)

// taskQueue is the vod.Queue in the database.
type taskQueue struct {
	db     *postgres.DB
	holder string // names this process
}

func (q *taskQueue) Claim(ctx context.Context, kinds []vod.Kind) (vod.Task, bool, error) {
	named := make([]postgres.TaskKind, 0, len(kinds))
	for _, k := range kinds {
		named = append(named, postgres.TaskKind(k))
	}
	t, found, err := q.db.ClaimTask(ctx, q.holder, named)
	return vod.Task{ID: t.ID, Kind: vod.Kind(t.Kind), Broadcast: string(t.Broadcast), Shown: shownSegments(t.Segments)}, found, err
}

func (q *taskQueue) Progress(ctx context.Context, id int64, done, total int) (bool, error) {
	return q.db.TaskProgress(ctx, q.holder, id, done, total)
}

func (q *taskQueue) Done(ctx context.Context, t vod.Task, r vod.Result, failure error) error {
	switch {
	case errors.Is(failure, vod.ErrLater):
		return q.db.PutTaskOff(ctx, q.holder, t.ID)
	case errors.Is(failure, context.Canceled):
		return q.db.ReleaseTask(ctx, q.holder, t.ID)
	case failure != nil:
		return q.db.FailTask(ctx, q.holder, t.ID, failure)
	}
	_, err := q.db.FinishTask(ctx, q.holder, t.ID, postgres.TaskResult(r))
	return err
}
