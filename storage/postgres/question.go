package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// questionsShown bounds one answer: the newest questions of a lecture.
const questionsShown = 1000

// Question is a question with the names that stand beside it. Who may read which part is asked of its
// lms.Question.
type Question struct {
	lms.Question
	WasPublic    bool   // before the change that returned it
	AskedMS      *int64 // place on the timeline; nil when the lecture was not on air
	AskedAt      time.Time
	AskerName    string
	AskerCountry lms.Country
	AssigneeName string
	ClaimerName  string
	Votes        int  // persons who voted for it or for what was merged into it
	Voted        bool // the reader is one of them; false where nobody in particular reads
}

// NewQuestion is what somebody asks.
type NewQuestion struct {
	Text     string
	HideName bool // from audience and presenters
}

const selectQuestions = `
	select questions.id, questions.version, questions.state, questions.text, coalesce(questions.original_text, ''),
		questions.person_id, questions.hide_name, coalesce(questions.assignee_id::text, ''), questions.answered_ms,
		questions.asked_ms, questions.asked_at, asker.name, asker.country, coalesce(assignee.name, ''),
		coalesce(target.answer, questions.answer, ''), coalesce(target.answer_public, questions.answer_public),
		coalesce(questions.merged_into::text, ''), coalesce(target.state, ''), coalesce(questions.claimed_by::text, ''),
		questions.claimed_until, coalesce(claimer.name, ''), voters.votes
	from questions
	join persons asker on asker.id = questions.person_id
	left join persons assignee on assignee.id = questions.assignee_id
	left join persons claimer on claimer.id = questions.claimed_by
	left join questions target on target.id = questions.merged_into
	cross join lateral (
		select count(distinct question_votes.person_id)::int as votes from question_votes
		where question_votes.question_id = questions.id
			or question_votes.question_id in (select id from questions part where part.merged_into = questions.id)
	) voters`

func scanQuestion(row pgx.CollectableRow) (Question, error) {
	var q Question
	var until *time.Time
	err := row.Scan(&q.ID, &q.Version, &q.State, &q.Text, &q.Original, &q.Asker, &q.HideName, &q.Assignee, &q.AnsweredMS,
		&q.AskedMS, &q.AskedAt, &q.AskerName, &q.AskerCountry, &q.AssigneeName,
		&q.Answer, &q.AnswerPublic, &q.MergedInto, &q.TargetState, &q.ClaimedBy, &until, &q.ClaimerName, &q.Votes)
	q.AskedAt = q.AskedAt.UTC()
	if until != nil {
		q.ClaimedUntil = until.UTC()
	}
	return q, err
}

// AskQuestion stores a question of the actor. Errors: lms.ErrInvalid, lms.ErrTooMany for one that comes too
// soon after the last, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) AskQuestion(ctx context.Context, actor lms.Actor, course lms.CourseID, in NewQuestion) (Question, error) {
	text, err := lms.ParseQuestion(in.Text)
	if err != nil {
		return Question{}, err
	}
	var q Question
	err = db.tx(ctx, "ask question", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Ask)
		if err != nil {
			return err
		}
		if actor.Person == "" {
			return &lms.Problem{Kind: lms.ErrForbidden, Message: "Sign in to ask a question."}
		}
		if err := mayAsk(ctx, tx, actor.Person, course, now); err != nil {
			return err
		}
		var asked *int64
		if c.session.Timeline.OnAir() {
			edge := c.session.Timeline.Edge(now)
			asked = &edge
		}
		var id lms.QuestionID
		err = tx.QueryRow(ctx, `
			insert into questions (course_id, person_id, text, hide_name, state, asked_at, asked_ms)
			values ($1, $2, $3, $4, $5, $6, $7) returning id`,
			course, actor.Person, text, in.HideName, lms.Pending, now, asked).Scan(&id)
		if err != nil {
			return err
		}
		if err := recordEvent(ctx, tx, now, actor, Question{Question: lms.Question{ID: id}}, "ask", lms.Pending, ""); err != nil {
			return err
		}
		if err := audit(ctx, tx, now, actor, deed{action: "ask question", scope: c.scope, object: string(id)}); err != nil {
			return err
		}
		q, err = loadQuestion(ctx, tx, course, id)
		return err
	})
	return q, err
}

// mayAsk asks lms whether it is not too soon. The lock makes two requests at once queue up.
func mayAsk(ctx context.Context, tx pgx.Tx, person lms.PersonID, course lms.CourseID, now time.Time) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('ask ' || $1, 0))`, string(person)); err != nil {
		return err
	}
	var last *time.Time
	err := tx.QueryRow(ctx, `select max(asked_at) from questions where person_id = $1 and course_id = $2`, person, course).Scan(&last)
	if err != nil || last == nil {
		return err
	}
	return lms.MayAsk(*last, now)
}

// recordEvent adds a row to the history of a question.
func recordEvent(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, before Question, action lms.ActionKind, to lms.QuestionState, oldText string) error {
	_, err := tx.Exec(ctx, `
		insert into question_events (question_id, actor_id, at, action, from_state, to_state, old_text)
		values ($1, $2, $3, $4, $5, $6, nullif($7, ''))`,
		before.ID, orNull(actor.Person), now, action, before.State, to, oldText)
	return err
}

func loadQuestion(ctx context.Context, tx pgx.Tx, course lms.CourseID, id lms.QuestionID) (Question, error) {
	rows, err := tx.Query(ctx, selectQuestions+` where questions.id = $1 and questions.course_id = $2`, id, course)
	if err != nil {
		return Question{}, err
	}
	q, err := pgx.CollectExactlyOneRow(rows, scanQuestion)
	return q, found(err)
}

// Questions returns the questions of a course that the actor may see, the oldest first, at most the newest
// thousand. Errors: lms.ErrNotFound.
func (db *DB) Questions(ctx context.Context, actor lms.Actor, course lms.CourseID) ([]Question, error) {
	var visible []Question
	err := db.tx(ctx, "list questions", func(tx pgx.Tx, _ time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		// What is not public and not the actor's own is not even read, unless they moderate.
		rows, err := tx.Query(ctx, `
			select * from (`+selectQuestions+`
				where questions.course_id = $1 and ($2 or questions.person_id = $3 or questions.state <> all($4))
				order by questions.asked_at desc, questions.id limit $5) newest
			order by asked_at, id`,
			course, actor.Can(lms.Moderate, c.scope), orNull(actor.Person), lms.HiddenStates(), questionsShown)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, scanQuestion)
		for _, q := range all {
			if q.VisibleTo(actor, c.scope) {
				visible = append(visible, q)
			}
		}
		if err != nil || actor.Person == "" {
			return err
		}
		return markVoted(ctx, tx, actor.Person, course, visible)
	})
	return visible, err
}

// ModerateQuestion does something with a question. With lms.ErrConflict the question comes as it is now. Other
// errors: lms.ErrInvalid, lms.ErrForbidden, lms.ErrNotFound.
func (db *DB) ModerateQuestion(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.QuestionID, a lms.Action) (Question, error) {
	var q Question
	err := db.tx(ctx, "moderate question", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `select from questions where id = $1 and course_id = $2 for update`, id, course); err != nil {
			return err
		}
		if q, err = loadQuestion(ctx, tx, course, id); err != nil {
			return err
		}
		if err := checkAssignee(ctx, tx, c.scope, a); err != nil {
			return err
		}
		if err := checkTarget(ctx, tx, course, id, a); err != nil {
			return err
		}
		a.At = now
		after, err := q.Apply(actor, c.scope, a, c.session.Timeline.Edge(now))
		if err != nil {
			return err
		}
		if err := saveQuestion(ctx, tx, course, after); err != nil {
			return err
		}
		oldText := ""
		if after.Text != q.Text {
			oldText = q.Text
		}
		if err := recordEvent(ctx, tx, now, actor, q, a.Kind, after.State, oldText); err != nil {
			return err
		}
		err = audit(ctx, tx, now, actor, deed{
			action: "moderate question", scope: c.scope, object: string(id), detail: map[string]any{"action": a.Kind, "from": q.State, "to": after.State},
		})
		if err != nil {
			return err
		}
		public := q.Public()
		q, err = loadQuestion(ctx, tx, course, id)
		q.WasPublic = public
		return err
	})
	if err != nil && !errors.Is(err, lms.ErrConflict) {
		q = Question{} // not the actor's to see
	}
	return q, err
}

func saveQuestion(ctx context.Context, tx pgx.Tx, course lms.CourseID, q lms.Question) error {
	var until *time.Time
	if !q.ClaimedUntil.IsZero() {
		until = &q.ClaimedUntil
	}
	_, err := tx.Exec(ctx, `
		update questions set version = $3, state = $4, text = $5, original_text = nullif($6, ''), assignee_id = $7, answered_ms = $8,
			answer = nullif($9, ''), answer_public = $10, merged_into = $11, claimed_by = $12, claimed_until = $13
		where id = $1 and course_id = $2`,
		q.ID, course, q.Version, q.State, q.Text, q.Original, orNull(q.Assignee), q.AnsweredMS,
		own(q.Answer, q.State), own(q.Answer, q.State) != "" && q.AnswerPublic, orNull(q.MergedInto), orNull(q.ClaimedBy), until)
	return err
}

// checkAssignee makes sure that a question is assigned to a presenter of its course.
func checkAssignee(ctx context.Context, tx pgx.Tx, scope lms.Scope, a lms.Action) error {
	if a.Kind != lms.Assign || a.Assignee == "" {
		return nil // lms says what is missing
	}
	problem := &lms.Problem{Kind: lms.ErrInvalid, Field: "assignee", Message: "Choose a presenter of this course."}
	if _, err := lms.ParseID[lms.PersonID](string(a.Assignee)); err != nil {
		return problem
	}
	var presents bool
	err := tx.QueryRow(ctx, `
		select exists (select from programme_grants where person_id = $1 and programme_id = $2
			and (course_id is null or course_id = $3) and role = any($4))`,
		a.Assignee, scope.Programme, scope.Course, lms.Present.Roles()).Scan(&presents)
	if err == nil && !presents {
		return problem
	}
	return err
}
