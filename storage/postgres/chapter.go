package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Chapter is a place of a lecture's timeline worth finding again: where a question was turned to.
type Chapter struct {
	ID    string
	AtMS  int64
	Title string
}

// chaptersShown bounds one answer: the newest chapters of a lecture.
const chaptersShown = 500

// Chapters returns the chapters of a broadcast in their order, for the server itself: nobody's rights are asked. What the
// audience may not read is not among them.
func (db *DB) Chapters(ctx context.Context, broadcast lms.BroadcastID) ([]Chapter, error) {
	var chapters []Chapter
	err := db.tx(ctx, "read", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, `
			select id, answered_ms, text from (
				select questions.id, answered_ms, text from questions
				join broadcasts on broadcasts.course_id = questions.course_id
				where broadcasts.id = $1 and answered_ms is not null and state = any($2)
				order by answered_ms desc, questions.id limit $3) newest
			order by answered_ms, id`,
			broadcast, []lms.QuestionState{lms.OnAir, lms.AnsweredLive}, chaptersShown)
		if err != nil {
			return err
		}
		chapters, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Chapter])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("chapters of broadcast %s: %w", broadcast, err)
	}
	return chapters, nil
}
