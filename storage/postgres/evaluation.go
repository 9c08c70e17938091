package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Evaluated reports whether the actor has handed in the evaluation of a course.
func (db *DB) Evaluated(ctx context.Context, actor lms.Actor, course lms.CourseID) (bool, error) {
	var done bool
	err := db.tx(ctx, "look for evaluation", func(tx pgx.Tx, _ time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select exists (select from evaluations_done where course_id = $1 and person_id = $2)`, c.scope.Course, actor.Person).Scan(&done)
	})
	return done, err
}

// Evaluate hands in the actor's evaluation of a course, once. What is said is stored without who said it and when; no
// row, time or audit leads from one to the other.
func (db *DB) Evaluate(ctx context.Context, actor lms.Actor, course lms.CourseID, e lms.Evaluation) error {
	e, err := e.Validate()
	if err != nil {
		return err
	}
	return db.tx(ctx, "evaluate", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		if len(c.session.Timeline) == 0 {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "The lecture has not taken place yet."}
		}
		tag, err := tx.Exec(ctx, `insert into evaluations_done (course_id, person_id, done_at) values ($1, $2, $3) on conflict do nothing`,
			c.scope.Course, actor.Person, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "You have evaluated this lecture already. Thank you."}
		}
		_, err = tx.Exec(ctx, `insert into evaluation_answers (course_id, stars, bias, bias_text, text) values ($1, $2, $3, $4, $5)`,
			c.scope.Course, e.Stars, e.Bias, e.BiasText, e.Text)
		return err
	})
}

// EvaluationFigures returns what attendees think of a course, from lms.MinShown answers on. It needs lms.SeeFigures.
func (db *DB) EvaluationFigures(ctx context.Context, actor lms.Actor, course lms.CourseID) (lms.EvaluationFigures, error) {
	var f lms.EvaluationFigures
	err := db.tx(ctx, "look at evaluations", func(tx pgx.Tx, _ time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.SeeFigures)
		if err != nil {
			return err
		}
		// Fewer than MinShown do not leave the database.
		rows, err := tx.Query(ctx, `
			select stars, bias, bias_text, text from evaluation_answers
			where course_id = $1 and (select count(*) from evaluation_answers where course_id = $1) >= $2 order by id`, c.scope.Course, lms.MinShown)
		if err != nil {
			return err
		}
		var all []lms.Evaluation
		var e lms.Evaluation
		if _, err := pgx.ForEachRow(rows, []any{&e.Stars, &e.Bias, &e.BiasText, &e.Text}, func() error {
			all = append(all, e)
			e = lms.Evaluation{}
			return nil
		}); err != nil {
			return err
		}
		f = lms.SumEvaluations(all)
		if !f.Shown {
			return tx.QueryRow(ctx, `select count(*) from evaluation_answers where course_id = $1`, c.scope.Course).Scan(&f.Count)
		}
		return nil
	})
	return f, err
}
