package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// CourseProgress is how far the actor has come in a course.
type CourseProgress struct {
	CourseView
	Required  bool
	Rules     RuleVersion // version 0 when the course gives no credit
	Evidence  lms.Evidence
	Judgement lms.Judgement
	Earned    map[string]Earned // by credit key
	Test      TestView
	Appeal    *Appeal // the newest

	Certificates []Certificate // the actor's for this course, the newest first
}

// Progress is the actor's way through a programme.
type Progress struct {
	Programme    ProgrammeRef
	Courses      []CourseProgress
	Certificates []Certificate // for the whole programme
}

// ProgressOf returns how far the actor has come in their programmes, or in one course when only is not empty. What they
// have newly earned is kept.
func (db *DB) ProgressOf(ctx context.Context, actor lms.Actor, only lms.CourseID) ([]Progress, error) {
	var list []Progress
	err := db.tx(ctx, "look at progress", func(tx pgx.Tx, now time.Time) error {
		var one *lms.CourseID
		if only != "" {
			one = &only
		}
		courses, err := loadCourses(ctx, tx, now, actor, programmesOf(actor), one)
		if err != nil {
			return err
		}
		if len(courses) == 0 && only != "" {
			return lms.ErrNotFound
		}
		all, err := db.progressIn(ctx, tx, now, actor, courses)
		if err != nil {
			return err
		}
		list = groupProgress(all)
		return addCertificates(ctx, tx, actor, list)
	})
	return list, err
}

// progressIn gathers what is known of the actor in the courses.
func (db *DB) progressIn(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, courses []CourseView) ([]CourseProgress, error) {
	ids := make([]lms.CourseID, 0, len(courses))
	for _, c := range courses {
		ids = append(ids, c.ID)
	}
	rules, err := rulesInForce(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	evidence, err := evidenceOf(ctx, tx, now, ids, actor.Person)
	if err != nil {
		return nil, err
	}
	required, err := requiredCourses(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	appeals, err := latestAppeals(ctx, tx, actor.Person, ids)
	if err != nil {
		return nil, err
	}
	all := make([]CourseProgress, 0, len(courses))
	for _, c := range courses {
		p := CourseProgress{CourseView: c, Rules: rules[c.ID], Evidence: *evidence[standing{actor.Person, c.ID}], Required: required[c.ID], Appeal: appeals[c.ID]}
		if p.Rules.Version > 0 {
			p.Judgement = lms.Judge(p.Rules.Rules, p.Evidence)
			if err := keepEarned(ctx, tx, now, actor.Person, c.ID, p.Rules, p.Evidence); err != nil {
				return nil, err
			}
		}
		if p.Test, err = loadTest(ctx, tx, now, actor.Person, cast{scope: lms.Scope{Programme: c.Programme.ID, Course: c.ID}}); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	earned, err := loadEarned(ctx, tx, actor.Person, ids)
	for i := range all {
		all[i].Earned = earned[all[i].ID]
	}
	return all, err
}

func requiredCourses(ctx context.Context, tx pgx.Tx, ids []lms.CourseID) (map[lms.CourseID]bool, error) {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, string(id))
	}
	rows, err := tx.Query(ctx, `select id from courses where id = any($1::uuid[]) and required`, names)
	if err != nil {
		return nil, err
	}
	required := map[lms.CourseID]bool{}
	var id lms.CourseID
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		required[id] = true
		return nil
	})
	return required, err
}

func latestAppeals(ctx context.Context, tx pgx.Tx, person lms.PersonID, ids []lms.CourseID) (map[lms.CourseID]*Appeal, error) {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, string(id))
	}
	rows, err := tx.Query(ctx, `
		select distinct on (course_id) course_id, id, text, made_at, answer, answered_at
		from credit_appeals where person_id = $1 and course_id = any($2::uuid[]) order by course_id, made_at desc`, person, names)
	if err != nil {
		return nil, err
	}
	all := map[lms.CourseID]*Appeal{}
	var id lms.CourseID
	var a Appeal
	_, err = pgx.ForEachRow(rows, []any{&id, &a.ID, &a.Text, &a.MadeAt, &a.Answer, &a.AnsweredAt}, func() error {
		kept := a
		all[id] = &kept
		a = Appeal{}
		return nil
	})
	return all, err
}

func groupProgress(all []CourseProgress) []Progress {
	var list []Progress
	for _, p := range all {
		if n := len(list); n == 0 || list[n-1].Programme.ID != p.Programme.ID {
			list = append(list, Progress{Programme: p.Programme})
		}
		last := &list[len(list)-1]
		last.Courses = append(last.Courses, p)
	}
	return list
}

// addCertificates puts the actor's certificates where they belong.
func addCertificates(ctx context.Context, tx pgx.Tx, actor lms.Actor, list []Progress) error {
	rows, err := tx.Query(ctx, `select `+certificateColumns+` where certificates.person_id = $1 order by certificates.issued_at desc, certificates.id`, actor.Person)
	if err != nil {
		return err
	}
	held, err := pgx.CollectRows(rows, scanCertificate)
	if err != nil {
		return err
	}
	for _, c := range held {
		for i := range list {
			if list[i].Programme.ID != c.Programme {
				continue
			}
			if c.Course == "" {
				list[i].Certificates = append(list[i].Certificates, c)
			}
			for n := range list[i].Courses {
				if list[i].Courses[n].ID == c.Course {
					list[i].Courses[n].Certificates = append(list[i].Courses[n].Certificates, c)
				}
			}
		}
	}
	return nil
}

// Valid returns the valid certificate of a credit, or nil.
func (p CourseProgress) Valid(key string) *Certificate {
	for i, c := range p.Certificates {
		if c.Status == lms.CertificateValid && c.Fields.CreditKey == key {
			return &p.Certificates[i]
		}
	}
	return nil
}

// Transcript lists the actor's certificates of all programmes that are valid, the oldest first.
func (db *DB) Transcript(ctx context.Context, actor lms.Actor) ([]Certificate, error) {
	var held []Certificate
	err := db.tx(ctx, "transcript", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, `select `+certificateColumns+` where certificates.person_id = $1 and certificates.status = 'valid'`, actor.Person)
		if err != nil {
			return err
		}
		held, err = pgx.CollectRows(rows, scanCertificate)
		return err
	})
	slices.SortFunc(held, func(a, b Certificate) int {
		if c := a.IssuedAt.Compare(b.IssuedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return held, err
}
