package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// own keeps the answer of a merged question, which is that of its target, out of its own row.
func own(answer string, state lms.QuestionState) string {
	if state != lms.AnsweredText {
		return ""
	}
	return answer
}

// checkTarget makes sure that a question is merged into one of the same course that is not merged itself, and has
// nothing merged into it.
func checkTarget(ctx context.Context, tx pgx.Tx, course lms.CourseID, id lms.QuestionID, a lms.Action) error {
	if a.Kind != lms.Merge || a.Into == "" {
		return nil // lms says what is missing
	}
	problem := &lms.Problem{Kind: lms.ErrInvalid, Field: "into", Message: "Choose a question of this course that is not part of another one."}
	if _, err := lms.ParseID[lms.QuestionID](string(a.Into)); err != nil {
		return problem
	}
	var good bool
	err := tx.QueryRow(ctx, `
		select exists (select from questions where id = $1 and course_id = $2 and merged_into is null and state <> $4)
			and not exists (select from questions where merged_into = $3)`, a.Into, course, id, lms.Dismissed).Scan(&good)
	if err == nil && !good {
		return problem
	}
	return err
}

// markVoted says which questions a person has voted for.
func markVoted(ctx context.Context, tx pgx.Tx, person lms.PersonID, course lms.CourseID, list []Question) error {
	rows, err := tx.Query(ctx, `
		select question_id from question_votes join questions on questions.id = question_id
		where question_votes.person_id = $1 and questions.course_id = $2`, person, course)
	if err != nil {
		return err
	}
	mine, err := pgx.CollectRows(rows, pgx.RowTo[lms.QuestionID])
	for i := range list {
		list[i].Voted = slices.Contains(mine, list[i].ID)
	}
	return err
}

// VoteQuestion adds the actor's vote to a question that the audience sees, or takes it back. Done twice it counts once.
// Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) VoteQuestion(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.QuestionID, vote bool) (Question, error) {
	var q Question
	err := db.tx(ctx, "vote", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Ask)
		if err != nil {
			return err
		}
		if q, err = loadQuestion(ctx, tx, course, id); err != nil {
			return err
		}
		if !q.Public() || actor.Person == "" {
			return lms.ErrNotFound
		}
		statement := `delete from question_votes where question_id = $1 and person_id = $2 and $3::timestamptz is not null`
		if vote {
			statement = `insert into question_votes (question_id, person_id, voted_at) values ($1, $2, $3) on conflict do nothing`
		}
		tag, err := tx.Exec(ctx, statement, id, actor.Person, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() > 0 {
			deed := deed{action: "vote for question", scope: c.scope, object: string(id), detail: map[string]any{"vote": vote}}
			if err := audit(ctx, tx, now, actor, deed); err != nil {
				return err
			}
		}
		q, err = loadQuestion(ctx, tx, course, id)
		q.Voted, q.WasPublic = vote, true
		return err
	})
	return q, err
}

// similarShown is how many near duplicates a moderator is told of.
const similarShown = 5

// SimilarQuestions returns those of a course that are most like one, the most alike first. Errors: lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) SimilarQuestions(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.QuestionID) ([]Question, error) {
	all, err := db.Questions(ctx, actor, course)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(q Question) bool { return q.ID == id })
	if at < 0 {
		return nil, lms.ErrNotFound
	}
	type match struct {
		q    Question
		like float64
	}
	this := lms.NewTrigrams(all[at].Text)
	var found []match
	for i, q := range all {
		if i == at || q.State == lms.Dismissed || q.State == lms.Merged {
			continue
		}
		if like := this.Similarity(lms.NewTrigrams(q.Text)); like >= lms.SimilarAt {
			found = append(found, match{q, like})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int {
		switch {
		case a.like > b.like:
			return -1
		case a.like < b.like:
			return 1
		}
		return 0
	})
	similar := make([]Question, 0, similarShown)
	for _, m := range found[:min(len(found), similarShown)] {
		similar = append(similar, m.q)
	}
	return similar, nil
}
