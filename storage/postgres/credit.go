package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// RuleVersion is one version of what a course demands and gives.
type RuleVersion struct {
	Version int // from 1; 0 when there are none yet
	Rules   lms.CourseRules
	MadeAt  time.Time
}

// CreditSetup is the credit of a course as its admin sees it.
type CreditSetup struct {
	RuleVersion
	Frozen   bool // the lecture has begun
	Required bool // for the certificate of the programme
	HasTest  bool
}

var errFrozen = &lms.Problem{
	Kind:    lms.ErrConflict,
	Message: "The lecture has begun, so its rules for credit are frozen. To help a person, set a condition aside for them and say why.",
}

// CreditSetup returns the rules of a course. It needs lms.Manage.
func (db *DB) CreditSetup(ctx context.Context, actor lms.Actor, course lms.CourseID) (CreditSetup, error) {
	var s CreditSetup
	err := db.tx(ctx, "look at rules for credit", func(tx pgx.Tx, _ time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		s, err = loadCreditSetup(ctx, tx, c)
		return err
	})
	return s, err
}

func loadCreditSetup(ctx context.Context, tx pgx.Tx, c cast) (CreditSetup, error) {
	rules, err := rulesInForce(ctx, tx, []lms.CourseID{c.scope.Course})
	if err != nil {
		return CreditSetup{}, err
	}
	s := CreditSetup{RuleVersion: rules[c.scope.Course]}
	s.Frozen = s.Version > 0 && len(c.session.Timeline) > 0
	err = tx.QueryRow(ctx, `
		select required, exists (select from test_items where course_id = courses.id and retired_at is null)
		from courses where id = $1 and programme_id = $2`, c.scope.Course, c.scope.Programme).Scan(&s.Required, &s.HasTest)
	return s, err
}

// SaveCreditRules makes a new version of a course's rules. Version is the one the actor saw, 0 for none. From the start
// of the lecture on there are no new versions, but a course without rules may still get its first. Errors:
// lms.ErrConflict, lms.ErrInvalid.
func (db *DB) SaveCreditRules(ctx context.Context, actor lms.Actor, course lms.CourseID, version int, rules lms.CourseRules) (int, error) {
	if err := rules.Validate(); err != nil {
		return 0, err
	}
	err := db.tx(ctx, "save rules for credit", func(tx pgx.Tx, now time.Time) error {
		// The lock keeps the lecture from beginning between the look at it and the new version.
		if _, err := tx.Exec(ctx, `select from courses where id = $1 for update`, course); err != nil {
			return err
		}
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		s, err := loadCreditSetup(ctx, tx, c)
		switch {
		case err != nil:
			return err
		case s.Version != version:
			return errVersion
		case s.Frozen:
			return errFrozen
		case rules.Rule.Uses(lms.RuleTest) && !s.HasTest:
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "rule", Message: "The course has no test yet. Write its questions first, or leave the test out."}
		}
		version++
		if err := insertRules(ctx, tx, now, actor.Person, course, version, rules); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "save rules for credit", scope: c.scope, detail: map[string]any{"version": version}})
	})
	return version, err
}

func insertRules(ctx context.Context, tx pgx.Tx, now time.Time, by lms.PersonID, course lms.CourseID, version int, rules lms.CourseRules) error {
	_, err := tx.Exec(ctx, `insert into credit_rules (course_id, version, rules, made_by, made_at) values ($1, $2, $3, $4, $5)`,
		course, version, rules, orNull(by), now)
	return err
}

// RequireCourse says whether a course is needed for the certificate of its programme.
func (db *DB) RequireCourse(ctx context.Context, actor lms.Actor, course lms.CourseID, required bool) error {
	return db.tx(ctx, "require course", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update courses set required = $3 where id = $1 and programme_id = $2`, c.scope.Course, c.scope.Programme, required); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "require course", scope: c.scope, detail: map[string]any{"required": required}})
	})
}

// Candidate is somebody of whom the rules were asked.
type Candidate struct {
	Person    PersonRef
	Evidence  lms.Evidence
	Judgement lms.Judgement
}

// maxCandidates bounds a preview.
const maxCandidates = 500

// PreviewCredit says who of the programme would earn what by the rules, as things stand now: those in force, or others
// that are not saved. Nothing is stored. It needs lms.Manage. more is how many persons are not listed.
func (db *DB) PreviewCredit(ctx context.Context, actor lms.Actor, course lms.CourseID, rules *lms.CourseRules) (list []Candidate, more int, err error) {
	if rules != nil {
		if err := rules.Validate(); err != nil {
			return nil, 0, err
		}
	}
	err = db.tx(ctx, "preview credit", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		if rules == nil {
			force, err := rulesInForce(ctx, tx, []lms.CourseID{course})
			if err != nil {
				return err
			}
			if force[course].Version == 0 {
				return nil
			}
			current := force[course].Rules
			rules = &current
		}
		all, err := evidenceOf(ctx, tx, now, []lms.CourseID{course}, "")
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			select persons.id, persons.name from persons where `+ofProgramme("$1")+` order by persons.name, persons.id`, c.scope.Programme)
		if err != nil {
			return err
		}
		var p PersonRef
		_, err = pgx.ForEachRow(rows, []any{&p.ID, &p.Name}, func() error {
			e := all[standing{p.ID, course}]
			if e == nil {
				return nil // nothing is known of them here
			}
			if len(list) == maxCandidates {
				more++
				return nil
			}
			list = append(list, Candidate{Person: p, Evidence: *e, Judgement: lms.Judge(*rules, *e)})
			return nil
		})
		return err
	})
	return list, more, err
}

// Waive sets a condition aside for a person, or with an empty reason takes that back. It needs lms.Manage.
func (db *DB) Waive(ctx context.Context, actor lms.Actor, course lms.CourseID, person lms.PersonID, kind lms.RuleKind, reason string) error {
	return db.tx(ctx, "waive condition", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		if err := mustBeOf(ctx, tx, c.scope.Programme, person); err != nil {
			return err
		}
		if reason, err = lms.ParseReason(reason); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into credit_waivers (course_id, person_id, kind, reason, waived_by, waived_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (course_id, person_id, kind) do update set reason = excluded.reason, waived_by = excluded.waived_by, waived_at = excluded.waived_at`,
			c.scope.Course, person, kind, reason, orNull(actor.Person), now)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "waive condition", scope: c.scope, object: string(person), detail: map[string]any{"condition": kind}})
	})
}

// Appeal is what a doctor has asked to be looked at again.
type Appeal struct {
	ID         string
	Person     PersonRef
	Text       string
	MadeAt     time.Time
	Answer     *string
	AnsweredAt *time.Time
}

// AppealCredit asks the organisers to look again at what counts for the actor in a course. One is open at a time.
func (db *DB) AppealCredit(ctx context.Context, actor lms.Actor, course lms.CourseID, text string) error {
	text, err := lms.ParseReason(text)
	if err != nil {
		return err
	}
	return db.tx(ctx, "appeal", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `insert into credit_appeals (course_id, person_id, text, made_at) values ($1, $2, $3, $4) on conflict do nothing`,
			c.scope.Course, actor.Person, text, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "Your earlier message has not been answered yet."}
		}
		return audit(ctx, tx, now, actor, deed{action: "appeal credit", scope: c.scope})
	})
}

// AnswerAppeal answers an appeal. It needs lms.Manage.
func (db *DB) AnswerAppeal(ctx context.Context, actor lms.Actor, course lms.CourseID, id, answer string) error {
	answer, err := lms.ParseReason(answer)
	if err != nil {
		return err
	}
	return db.tx(ctx, "answer appeal", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			update credit_appeals set answer = $3, answered_by = $4, answered_at = $5 where id = $1 and course_id = $2 and answered_at is null`,
			id, c.scope.Course, answer, orNull(actor.Person), now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return lms.ErrNotFound
		}
		return audit(ctx, tx, now, actor, deed{action: "answer appeal", scope: c.scope, object: id})
	})
}

// Appeals lists the appeals of a course, open ones first. It needs lms.Manage.
func (db *DB) Appeals(ctx context.Context, actor lms.Actor, course lms.CourseID) ([]Appeal, error) {
	var list []Appeal
	err := db.tx(ctx, "list appeals", func(tx pgx.Tx, _ time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			select credit_appeals.id, persons.id, persons.name, text, made_at, answer, answered_at
			from credit_appeals join persons on persons.id = person_id
			where course_id = $1 order by answered_at is not null, made_at limit 500`, c.scope.Course)
		if err != nil {
			return err
		}
		var a Appeal
		_, err = pgx.ForEachRow(rows, []any{&a.ID, &a.Person.ID, &a.Person.Name, &a.Text, &a.MadeAt, &a.Answer, &a.AnsweredAt}, func() error {
			list = append(list, a)
			return nil
		})
		return err
	})
	return list, err
}
