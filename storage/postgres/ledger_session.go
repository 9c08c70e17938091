package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// queueSessions reads timelines and recordings of broadcasts.
func queueSessions(b *pgx.Batch, sessions map[lms.BroadcastID]*lms.Session, broadcasts []string) {
	session := func(id lms.BroadcastID) *lms.Session {
		if sessions[id] == nil {
			sessions[id] = &lms.Session{}
		}
		return sessions[id]
	}
	b.Queue(`
		select broadcast_id, started_at, timeline_start_ms, ended_at
		from broadcast_runs where broadcast_id = any($1::uuid[]) order by broadcast_id, number`, broadcasts).
		Query(func(rows pgx.Rows) error {
			var id lms.BroadcastID
			var run lms.Run
			var ended *time.Time
			_, err := pgx.ForEachRow(rows, []any{&id, &run.StartedAt, &run.StartMS, &ended}, func() error {
				run.EndedAt = time.Time{}
				if ended != nil {
					run.EndedAt = *ended
				}
				s := session(id)
				s.Timeline = append(s.Timeline, run)
				return nil
			})
			return err
		})
	b.Queue(`
		select broadcast_id, timeline_ms, recording_ms, length_ms
		from recording_edits where broadcast_id = any($1::uuid[]) order by broadcast_id, timeline_ms`, broadcasts).
		Query(func(rows pgx.Rows) error {
			var id lms.BroadcastID
			var p lms.Piece
			_, err := pgx.ForEachRow(rows, []any{&id, &p.TimelineMS, &p.RecordingMS, &p.LengthMS}, func() error {
				s := session(id)
				s.Edits = append(s.Edits, p)
				return nil
			})
			return err
		})
	queueRecordings(b, session, broadcasts)
}

// queueRecordings reads which version of the recordings of broadcasts is shown.
func queueRecordings(b *pgx.Batch, session func(lms.BroadcastID) *lms.Session, broadcasts []string) {
	b.Queue(`select broadcast_id, version, deleted_at is not null from recordings where broadcast_id = any($1::uuid[])`, broadcasts).
		Query(func(rows pgx.Rows) error {
			var id lms.BroadcastID
			var version int
			var deleted bool
			_, err := pgx.ForEachRow(rows, []any{&id, &version, &deleted}, func() error {
				s := session(id)
				s.Version, s.Deleted = version, deleted
				return nil
			})
			return err
		})
}
