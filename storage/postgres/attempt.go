package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// TestView is the test of a course as somebody who may take it sees it before they begin.
type TestView struct {
	Settings lms.TestSettings
	Items    int // of an attempt; 0 when the course has no test
	Extra    int // percent of more time that the person has
	Attempts []AttemptRef
	Refused  error // why none can begin now; nil when one can
}

// AttemptRef is one try of a person.
type AttemptRef struct {
	ID lms.AttemptID
	lms.Attempt
}

// AttemptItem is a question of an attempt as it is shown.
type AttemptItem struct {
	Item    lms.Item
	Order   []int // of the options
	Reply   lms.Reply
	Correct *bool // once handed in
}

// AttemptView is an attempt with its questions. Right answers and explanations are in it only when Solved.
type AttemptView struct {
	AttemptRef
	PassMark float64
	Items    []AttemptItem
	Solved   bool // passed, or no attempt is left
}

// Test returns what the actor may know of a course's test.
func (db *DB) Test(ctx context.Context, actor lms.Actor, course lms.CourseID) (TestView, error) {
	var v TestView
	err := db.tx(ctx, "look at test", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		v, err = loadTest(ctx, tx, now, actor.Person, c)
		return err
	})
	return v, err
}

func loadTest(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, c cast) (TestView, error) {
	v := TestView{Settings: defaultTest}
	err := tx.QueryRow(ctx, `
		select settings, (select count(*) from test_items where course_id = $1 and retired_at is null),
			coalesce((select extra from test_accommodations where programme_id = $2 and person_id = $3), 0)
		from tests where course_id = $1`, c.scope.Course, c.scope.Programme, person).Scan(&v.Settings, &v.Items, &v.Extra)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if v.Settings.Draw > 0 {
		v.Items = min(v.Items, v.Settings.Draw)
	}
	if v.Attempts, err = loadAttempts(ctx, tx, person, c.scope.Course); err != nil {
		return v, err
	}
	v.Refused = v.Settings.MayStart(attemptsOf(v.Attempts), now)
	return v, nil
}

func loadAttempts(ctx context.Context, tx pgx.Tx, person lms.PersonID, course lms.CourseID) ([]AttemptRef, error) {
	rows, err := tx.Query(ctx, `
		select id, number, started_at, due_at, submitted_at, coalesce(score, 0), passed
		from test_attempts where course_id = $1 and person_id = $2 order by number`, course, person)
	if err != nil {
		return nil, err
	}
	var all []AttemptRef
	var a AttemptRef
	var due, submitted *time.Time
	_, err = pgx.ForEachRow(rows, []any{&a.ID, &a.Number, &a.StartedAt, &due, &submitted, &a.Score, &a.Passed}, func() error {
		a.DueAt, a.SubmittedAt = orZero(due), orZero(submitted)
		all = append(all, a)
		return nil
	})
	return all, err
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func attemptsOf(refs []AttemptRef) []lms.Attempt {
	all := make([]lms.Attempt, 0, len(refs))
	for _, r := range refs {
		all = append(all, r.Attempt)
	}
	return all
}

// StartAttempt begins another attempt of the actor, or returns the one that is open. An earlier one whose time ran out
// is handed in as it stands. Errors: lms.ErrConflict, lms.ErrTooMany, lms.ErrNotFound when the course has no test.
func (db *DB) StartAttempt(ctx context.Context, actor lms.Actor, course lms.CourseID) (lms.AttemptID, error) {
	var id lms.AttemptID
	err := db.tx(ctx, "begin test", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		// Two tabs that begin at once get the same attempt.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 60))`, string(actor.Person)+string(course)); err != nil {
			return err
		}
		v, err := loadTest(ctx, tx, now, actor.Person, c)
		if err != nil {
			return err
		}
		if v.Items == 0 {
			return lms.ErrNotFound
		}
		if n := len(v.Attempts); n > 0 && v.Attempts[n-1].SubmittedAt.IsZero() {
			last := v.Attempts[n-1]
			if last.Open(now) {
				id = last.ID
				return nil
			}
			if err := submitAttempt(ctx, tx, last.DueAt, last.ID); err != nil {
				return err
			}
			if v, err = loadTest(ctx, tx, now, actor.Person, c); err != nil {
				return err
			}
		}
		if v.Refused != nil {
			return v.Refused
		}
		if id, err = db.insertAttempt(ctx, tx, now, actor.Person, c, v); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "begin test", scope: c.scope, object: string(id)})
	})
	return id, err
}

// insertAttempt draws the questions and freezes their versions.
func (db *DB) insertAttempt(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, c cast, v TestView) (id lms.AttemptID, err error) {
	items, err := loadItems(ctx, tx, c.scope.Course)
	if err != nil {
		return "", err
	}
	bank := make([]lms.Item, 0, len(items))
	for _, i := range items {
		bank = append(bank, i.Item)
	}
	drawn, err := lms.DrawTest(bank, v.Settings.Draw, db.random)
	if err != nil {
		return "", err
	}
	var due *time.Time
	if at := v.Settings.Due(now, v.Extra); !at.IsZero() {
		due = &at
	}
	err = tx.QueryRow(ctx, `
		insert into test_attempts (course_id, person_id, number, pass_mark, started_at, due_at) values ($1, $2, $3, $4, $5, $6) returning id`,
		c.scope.Course, person, len(v.Attempts)+1, v.Settings.PassMark, now, due).Scan(&id)
	if err != nil {
		return "", err
	}
	var b pgx.Batch
	for n, d := range drawn {
		order := d.Order
		if order == nil {
			order = []int{}
		}
		b.Queue(`insert into test_attempt_items (attempt_id, position, item_id, version, options) values ($1, $2, $3, $4, $5)`,
			id, n, items[d.Item].ID, items[d.Item].Version, order)
	}
	return id, tx.SendBatch(ctx, &b).Close()
}

// Attempt returns an attempt of the actor. One whose time ran out is handed in first.
func (db *DB) Attempt(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.AttemptID) (AttemptView, error) {
	var v AttemptView
	err := db.tx(ctx, "look at attempt", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		v, err = loadAttempt(ctx, tx, actor.Person, c, id)
		if err != nil {
			return err
		}
		if v.SubmittedAt.IsZero() && !v.Open(now) {
			if err := submitAttempt(ctx, tx, v.DueAt, id); err != nil {
				return err
			}
			v, err = loadAttempt(ctx, tx, actor.Person, c, id)
		}
		if err != nil {
			return err
		}
		test, err := loadTest(ctx, tx, now, actor.Person, c)
		if err != nil {
			return err
		}
		v.Solved = !v.SubmittedAt.IsZero() && (v.Passed || test.Settings.Attempts > 0 && len(test.Attempts) >= test.Settings.Attempts)
		if !v.Solved {
			v.hideAnswers()
		}
		return nil
	})
	return v, err
}

// hideAnswers takes out what a later attempt must not know.
func (v *AttemptView) hideAnswers() {
	for i := range v.Items {
		item := &v.Items[i].Item
		item.Right, item.Number, item.Tolerance, item.Why, v.Items[i].Correct = nil, 0, 0, "", nil
	}
}

func loadAttempt(ctx context.Context, tx pgx.Tx, person lms.PersonID, c cast, id lms.AttemptID) (AttemptView, error) {
	v := AttemptView{AttemptRef: AttemptRef{ID: id}}
	var due, submitted *time.Time
	err := tx.QueryRow(ctx, `
		select number, pass_mark, started_at, due_at, submitted_at, coalesce(score, 0), passed
		from test_attempts where id = $1 and course_id = $2 and person_id = $3 for update`, id, c.scope.Course, person).
		Scan(&v.Number, &v.PassMark, &v.StartedAt, &due, &submitted, &v.Score, &v.Passed)
	if err != nil {
		return v, found(err)
	}
	v.DueAt, v.SubmittedAt = orZero(due), orZero(submitted)
	rows, err := tx.Query(ctx, `
		select item, options, reply, correct
		from test_attempt_items join test_item_versions using (item_id, version)
		where attempt_id = $1 order by position`, id)
	if err != nil {
		return v, err
	}
	var i AttemptItem
	_, err = pgx.ForEachRow(rows, []any{&i.Item, &i.Order, &i.Reply, &i.Correct}, func() error {
		v.Items = append(v.Items, i)
		i = AttemptItem{}
		return nil
	})
	return v, err
}

// SaveReply keeps the answer to one question of an open attempt of the actor. It may be given again until the attempt is
// handed in. Errors: lms.ErrInvalid for what can be no answer, lms.ErrExpired after the time, lms.ErrConflict after handing in.
func (db *DB) SaveReply(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.AttemptID, position int, reply lms.Reply) error {
	return db.tx(ctx, "save answer", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		v, err := loadAttempt(ctx, tx, actor.Person, c, id)
		switch {
		case err != nil:
			return err
		case position < 0 || position >= len(v.Items):
			return lms.ErrNotFound
		case !v.SubmittedAt.IsZero():
			return &lms.Problem{Kind: lms.ErrConflict, Message: "This attempt has been handed in."}
		case !v.Open(now):
			return &lms.Problem{Kind: lms.ErrExpired, Message: "The time for this attempt is over. What you had answered counts."}
		case !v.Items[position].Item.Fits(reply):
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "reply", Message: "This is no answer to the question."}
		}
		_, err = tx.Exec(ctx, `update test_attempt_items set reply = $3, saved_at = $4 where attempt_id = $1 and position = $2`, id, position, reply, now)
		return err
	})
}

// SubmitAttempt hands an attempt of the actor in. Doing it twice changes nothing.
func (db *DB) SubmitAttempt(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.AttemptID) error {
	return db.tx(ctx, "hand test in", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		v, err := loadAttempt(ctx, tx, actor.Person, c, id)
		if err != nil || !v.SubmittedAt.IsZero() {
			return err
		}
		if !v.Open(now) {
			now = v.DueAt
		}
		if err := submitAttempt(ctx, tx, now, id); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "hand test in", scope: c.scope, object: string(id)})
	})
}

// submitAttempt marks the answers of an attempt and closes it.
func submitAttempt(ctx context.Context, tx pgx.Tx, at time.Time, id lms.AttemptID) error {
	rows, err := tx.Query(ctx, `
		select position, item, reply from test_attempt_items join test_item_versions using (item_id, version)
		where attempt_id = $1 order by position`, id)
	if err != nil {
		return err
	}
	var items []lms.Item
	var replies []lms.Reply
	var position int
	var item lms.Item
	var reply lms.Reply
	var b pgx.Batch
	_, err = pgx.ForEachRow(rows, []any{&position, &item, &reply}, func() error {
		items, replies = append(items, item), append(replies, reply)
		b.Queue(`update test_attempt_items set correct = $3 where attempt_id = $1 and position = $2`, id, position, item.IsRight(reply))
		item, reply = lms.Item{}, lms.Reply{}
		return nil
	})
	if err != nil {
		return err
	}
	score := lms.Score(items, replies)
	b.Queue(`update test_attempts set submitted_at = $2, score = $3, passed = $3 >= pass_mark where id = $1 and submitted_at is null`, id, at, score)
	return tx.SendBatch(ctx, &b).Close()
}
