package postgres

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

var errNoFeed = &lms.Problem{
	Kind: lms.ErrNotFound, Code: "calendar_over",
}

// CalendarFeed returns the secret of the actor's calendar subscription, or "" when there is none.
func (db *DB) CalendarFeed(ctx context.Context, actor lms.Actor) (token string, err error) {
	var id string
	err = db.pool.QueryRow(ctx, `select id from calendar_feeds where person_id = $1`, orNull(actor.Person)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for calendar feed: %w", err)
	}
	return db.calendarToken(id), nil
}

// NewCalendarFeed gives the actor a calendar subscription with a secret of its own. It ends the one that they had.
func (db *DB) NewCalendarFeed(ctx context.Context, actor lms.Actor) (token string, err error) {
	err = db.tx(ctx, "make calendar feed", func(tx pgx.Tx, now time.Time) error {
		var id string
		if err := tx.QueryRow(ctx, `select gen_random_uuid()`).Scan(&id); err != nil {
			return err
		}
		token = db.calendarToken(id)
		if _, err := tx.Exec(ctx, `
			insert into calendar_feeds (person_id, id, hash, created_at) values ($1, $2, $3, $4)
			on conflict (person_id) do update set id = excluded.id, hash = excluded.hash, created_at = excluded.created_at`,
			actor.Person, id, db.pepper.Hash(lms.ForCalendar, token), now); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "make calendar feed"})
	})
	return token, err
}

// calendarToken is the secret of a subscription. It is derived with the pepper, so that the page can show it again.
func (db *DB) calendarToken(id string) string {
	return base64.RawURLEncoding.EncodeToString(db.pepper.Hash(lms.ForCalendar, "token", id))
}

// CalendarCourses lists the courses of whose subscription a token is the secret, as they may watch them now. Errors: lms.ErrNotFound.
func (db *DB) CalendarCourses(ctx context.Context, token string) ([]CourseView, error) {
	var courses []CourseView
	err := db.tx(ctx, "read calendar feed", func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, `
			select calendar_feeds.person_id, `+heldColumns+`
			from calendar_feeds join persons on persons.id = calendar_feeds.person_id`+heldRoles+` true
			where calendar_feeds.hash = $1`, db.pepper.Hash(lms.ForCalendar, token))
		if err != nil {
			return err
		}
		var actor lms.Actor
		var held heldRole
		if _, err = pgx.ForEachRow(rows, append([]any{&actor.Person}, held.fields()...), func() error {
			held.grant(&actor)
			return nil
		}); err != nil {
			return err
		}
		if actor.Person == "" {
			return errNoFeed
		}
		courses, err = loadCourses(ctx, tx, now, actor, programmesOf(actor), nil)
		courses = slices.DeleteFunc(courses, func(c CourseView) bool {
			return !actor.Can(lms.Watch, lms.Scope{Programme: c.Programme.ID, Course: c.ID})
		})
		return err
	})
	return courses, err
}
