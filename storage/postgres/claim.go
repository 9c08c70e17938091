package postgres

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// ClaimCredit claims credit of a course for the actor and issues the certificate, in one transaction. Claiming again
// returns the certificate that there is. Errors: lms.ErrConflict before it is earned, lms.ErrInvalid for an amount that
// cannot be claimed or without attesting, lms.ErrExpired after the deadline, lms.ErrNotFound for a credit the course does
// not give.
func (db *DB) ClaimCredit(ctx context.Context, actor lms.Actor, course lms.CourseID, key string, amount lms.Credit, attested bool) (lms.CertificateNumber, error) {
	signing, err := db.signingKey(ctx)
	if err != nil {
		return "", err
	}
	var number lms.CertificateNumber
	err = db.tx(ctx, "claim credit", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		h := holding{actor.Person, c.scope.Programme, c.scope.Course, key}
		// Two clicks at once get one certificate.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 61))`, string(h.person)+string(h.course)+h.key); err != nil {
			return err
		}
		if _, number, err = validCertificate(ctx, tx, h); err != nil || number != "" {
			return err
		}
		if c.session.Timeline.OnAir() || len(c.session.Timeline) == 0 {
			return &lms.Problem{Kind: lms.ErrConflict, Message: "Credit can be claimed once the lecture is over."}
		}
		if err := refuseProvisional(ctx, tx, actor.Person, c.scope.Programme); err != nil {
			return err
		}
		rules, evidence, earned, err := db.earn(ctx, tx, now, actor.Person, c.scope.Course)
		if err != nil {
			return err
		}
		credit, ok := creditType(rules.Rules, key)
		if !ok {
			return lms.ErrNotFound
		}
		ended := c.session.Timeline[len(c.session.Timeline)-1].EndedAt
		best := earned[key]
		if err := credit.CheckClaim(amount, best.Amount, attested, ended, now); err != nil {
			return err
		}
		if best.Evidence.CountableS > 0 {
			evidence = best.Evidence
		}
		fields, err := courseFields(ctx, tx, now, actor.Person, c, credit, amount)
		if err != nil {
			return err
		}
		fields.Evidence, fields.RuleVersion = evidence, cmp.Or(best.RuleVersion, rules.Version)
		var id string
		if number, id, err = db.issue(ctx, tx, now, signing, h, fields, attested); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{
			action: "claim credit", scope: c.scope, object: id, detail: map[string]any{"credit": key, "amount": amount.String(), "rules": fields.RuleVersion},
		})
	})
	return number, err
}

// refuseProvisional withholds credit from somebody whose registration waits for a decision. What they have earned is kept.
func refuseProvisional(ctx context.Context, tx pgx.Tx, person lms.PersonID, programme lms.ProgrammeID) error {
	var provisional bool
	err := tx.QueryRow(ctx, `select exists (select from enrolments where person_id = $1 and programme_id = $2 and provisional)`, person, programme).Scan(&provisional)
	if err == nil && provisional {
		err = &lms.Problem{Kind: lms.ErrConflict, Message: "Your registration waits for the organisers' decision. What you have earned is kept until then."}
	}
	return err
}

func creditType(rules lms.CourseRules, key string) (lms.CreditType, bool) {
	for _, t := range rules.Types {
		if t.Key == key {
			return t, true
		}
	}
	return lms.CreditType{}, false
}

// Earned is the most that somebody has earned of a credit so far.
type Earned struct {
	Amount      lms.Credit
	Evidence    lms.Evidence
	RuleVersion int
}

// earn applies the rules in force to the evidence of now, keeps what is more than before, and returns the most there ever
// was: computing credit again adds and never takes away.
func (db *DB) earn(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, course lms.CourseID) (RuleVersion, lms.Evidence, map[string]Earned, error) {
	rules, err := rulesInForce(ctx, tx, []lms.CourseID{course})
	if err != nil || rules[course].Version == 0 {
		return RuleVersion{}, lms.Evidence{}, nil, errors.Join(err, lms.ErrNotFound)
	}
	all, err := evidenceOf(ctx, tx, now, []lms.CourseID{course}, person)
	if err != nil {
		return RuleVersion{}, lms.Evidence{}, nil, err
	}
	evidence := *all[standing{person, course}]
	if err := keepEarned(ctx, tx, now, person, course, rules[course], evidence); err != nil {
		return RuleVersion{}, evidence, nil, err
	}
	earned, err := loadEarned(ctx, tx, person, []lms.CourseID{course})
	return rules[course], evidence, earned[course], err
}

// keepEarned stores what the evidence earns where it is more than before.
func keepEarned(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, course lms.CourseID, v RuleVersion, e lms.Evidence) error {
	var b pgx.Batch
	for _, earned := range lms.Judge(v.Rules, e).Earned {
		if earned.Amount > 0 {
			b.Queue(`
				insert into credit_earned (course_id, person_id, credit_key, rule_version, amount, evidence, earned_at) values ($1, $2, $3, $4, $5, $6, $7)
				on conflict (course_id, person_id, credit_key) do update
				set rule_version = excluded.rule_version, amount = excluded.amount, evidence = excluded.evidence, earned_at = excluded.earned_at
				where credit_earned.amount < excluded.amount`, course, person, earned.Key, v.Version, earned.Amount, e, now)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, &b).Close()
}

func loadEarned(ctx context.Context, tx pgx.Tx, person lms.PersonID, courses []lms.CourseID) (map[lms.CourseID]map[string]Earned, error) {
	ids := make([]string, 0, len(courses))
	for _, c := range courses {
		ids = append(ids, string(c))
	}
	rows, err := tx.Query(ctx, `select course_id, credit_key, amount, evidence, rule_version from credit_earned where person_id = $1 and course_id = any($2::uuid[])`, person, ids)
	if err != nil {
		return nil, err
	}
	all := map[lms.CourseID]map[string]Earned{}
	var c lms.CourseID
	var key string
	var e Earned
	_, err = pgx.ForEachRow(rows, []any{&c, &key, &e.Amount, &e.Evidence, &e.RuleVersion}, func() error {
		if all[c] == nil {
			all[c] = map[string]Earned{}
		}
		all[c][key] = e
		e = Earned{}
		return nil
	})
	return all, err
}

// courseFields is the snapshot of what stands on the certificate of a course.
func courseFields(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, c cast, t lms.CreditType, amount lms.Credit) (lms.CertificateFields, error) {
	f := lms.CertificateFields{
		Layout: certificateLayout, CreditKey: t.Key, CreditName: t.Name, Amount: amount, Modality: t.Modality, Provider: t.Provider,
	}
	var zone lms.Zone
	err := tx.QueryRow(ctx, `
		select persons.name, persons.profession, courses.title, courses.number, programmes.title, courses.zone
		from persons, courses join programmes on programmes.id = courses.programme_id
		where persons.id = $1 and courses.id = $2 and courses.programme_id = $3`, person, c.scope.Course, c.scope.Programme).
		Scan(&f.Name, &f.Profession, &f.Activity, &f.Course, &f.Programme, &zone)
	if err != nil {
		return f, found(err)
	}
	if f.Name == "" {
		return f, &lms.Problem{Kind: lms.ErrConflict, Message: "Enter your name as it shall stand on the certificate first."}
	}
	if f.Design, _, err = loadDesign(ctx, tx, c.scope.Programme); err != nil {
		return f, err
	}
	f.Provider = cmp.Or(f.Provider, f.Design.Organiser)
	if f.Design.Statement != "" {
		t.Statement = f.Design.Statement
	}
	t.Provider = cmp.Or(f.Provider, f.Programme)
	f.Statement = t.FillStatement(f.Name, f.Activity, amount)
	f.HeldOn = lms.Day(c.session.Timeline[0].StartedAt, zone)
	f.IssuedOn = lms.Day(now, zone)
	f.CompletedOn = f.IssuedOn
	return f, nil
}

// certificateLayout is the layout of new certificates; lms/certificate draws it.
const certificateLayout = 1

// programmeKey is the credit key of a certificate for a whole programme.
const programmeKey = "programme"

// ClaimProgramme issues the certificate of a programme to the actor, once they hold a certificate of each required course.
// Asking again returns it.
func (db *DB) ClaimProgramme(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID) (lms.CertificateNumber, error) {
	if err := actor.Need(lms.Watch, lms.Scope{Programme: programme}); err != nil {
		return "", err
	}
	key, err := db.signingKey(ctx)
	if err != nil {
		return "", err
	}
	var number lms.CertificateNumber
	err = db.tx(ctx, "claim certificate of programme", func(tx pgx.Tx, now time.Time) error {
		h := holding{person: actor.Person, programme: programme, key: programmeKey}
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 61))`, string(h.person)+string(h.programme)); err != nil {
			return err
		}
		var err error
		if _, number, err = validCertificate(ctx, tx, h); err != nil || number != "" {
			return err
		}
		var required, done int
		f := lms.CertificateFields{Layout: certificateLayout, CreditKey: programmeKey, CreditName: "All required courses", Modality: lms.ModalityBlended}
		var zone lms.Zone
		err = tx.QueryRow(ctx, `
			select count(*) filter (where required), count(*) filter (where required and exists (
				select from certificates where course_id = courses.id and person_id = $2 and status = 'valid')),
				programmes.title, programmes.zone, persons.name, persons.profession
			from programmes join courses on courses.programme_id = programmes.id, persons
			where programmes.id = $1 and persons.id = $2 group by programmes.id, persons.id`, programme, actor.Person).
			Scan(&required, &done, &f.Programme, &zone, &f.Name, &f.Profession)
		switch {
		case err != nil:
			return found(err)
		case required == 0 || done < required:
			return &lms.Problem{Kind: lms.ErrConflict, Message: "The programme's certificate is made once you hold those of all required courses."}
		}
		if f.Design, _, err = loadDesign(ctx, tx, programme); err != nil {
			return err
		}
		f.Activity, f.CourseCount, f.Provider = f.Programme, required, f.Design.Organiser
		f.IssuedOn = lms.Day(now, zone)
		f.CompletedOn = f.IssuedOn
		var id string
		if number, id, err = db.issue(ctx, tx, now, key, h, f, false); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "claim certificate of programme", scope: lms.Scope{Programme: programme}, object: id})
	})
	return number, err
}
