package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// ProgrammeCopy says what a copy of a programme is called and by how much its courses move.
type ProgrammeCopy struct {
	Title string
	Shift lms.Shift
}

// CopyProgramme makes a draft with the courses and settings of a programme at later dates, without people, codes and recordings. The actor is
// its admin. Cancelled courses are left out. Errors: lms.ErrInvalid, also when a course would begin at a time that does not exist, lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) CopyProgramme(ctx context.Context, actor lms.Actor, id lms.ProgrammeID, in ProgrammeCopy) (lms.ProgrammeID, error) {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: id}); err != nil {
		return "", err
	}
	title, err := lms.ParseTitle(in.Title)
	if err != nil {
		return "", err
	}
	var made lms.ProgrammeID
	err = db.tx(ctx, "copy programme", func(tx pgx.Tx, now time.Time) error {
		var zone lms.Zone
		var draft lms.Settings
		var retention *int
		var organisation lms.OrganisationID
		err := tx.QueryRow(ctx, `select zone, draft, retention_days, organisation_id from programmes where id = $1`, id).
			Scan(&zone, &draft, &retention, &organisation)
		if err != nil {
			return found(err)
		}
		if made, err = insertProgramme(ctx, tx, now, title, zone, organisation); err != nil {
			return err
		}
		names, days, err := copyCourses(ctx, tx, now, id, made, in.Shift)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update programmes set draft = $2, retention_days = $3 where id = $1`, made, draft.Moved(names, days), retention)
		if err != nil {
			return err
		}
		if err := grant(ctx, tx, now, actor.Person, lms.RoleGrant{Role: lms.Admin, Programme: made}); err != nil {
			return err
		}
		if err := widen(ctx, tx, actor.Session, made); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "copy programme", scope: lms.Scope{Programme: made}, object: string(id), detail: map[string]any{"days": days}})
	})
	return made, err
}

// copyCourses makes the courses of a copy, and returns what each is called there and by how many days they moved.
func copyCourses(ctx context.Context, tx pgx.Tx, now time.Time, from, to lms.ProgrammeID, shift lms.Shift) (map[lms.CourseID]lms.CourseID, int, error) {
	rows, err := tx.Query(ctx, `
		select id, title, summary, local_start, zone, fold, minutes, not recorded from courses
		where programme_id = $1 and cancelled_at is null order by number`, from)
	if err != nil {
		return nil, 0, err
	}
	type original struct {
		id lms.CourseID
		NewCourse
	}
	var all []original
	var one original
	var wall time.Time
	if _, err = pgx.ForEachRow(rows, []any{&one.id, &one.Title, &one.Summary, &wall, &one.Schedule.Zone, &one.Schedule.Fold, &one.Minutes, &one.Unrecorded}, func() error {
		one.Schedule.Local = lms.LocalTimeOf(wall)
		all = append(all, one)
		return nil
	}); err != nil || len(all) == 0 {
		return nil, 0, err
	}
	first := all[0].Schedule.Local
	for _, c := range all {
		if c.Schedule.Local.Wall().Before(first.Wall()) {
			first = c.Schedule.Local
		}
	}
	days, err := shift.DaysFrom(first)
	if err != nil {
		return nil, 0, err
	}
	names := make(map[lms.CourseID]lms.CourseID, len(all))
	for i, c := range all {
		c.Schedule.Local = c.Schedule.Local.AddDays(days)
		if c.Schedule.Fold == lms.FoldUnset {
			c.Schedule.Fold = lms.FoldEarlier // nobody is asked again; it shows in the schedule
		}
		id, err := insertCourse(ctx, tx, now, to, c.NewCourse)
		if err != nil {
			return nil, 0, ofCourse(i+1, err)
		}
		names[c.id] = id
	}
	return names, days, nil
}

// ofCourse says which course of many a problem is about.
func ofCourse(number int, err error) error {
	var p *lms.Problem
	if !errors.As(err, &p) {
		return err
	}
	return &lms.Problem{Kind: p.Kind, Field: "days", Message: fmt.Sprintf("Course %d: %s", number, p.Message)}
}
