package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/lms/credential"
)

// Certificate is an issued certificate with its proofs.
type Certificate struct {
	ID           string
	Fields       lms.CertificateFields
	Raw          []byte // the stored JSON of Fields, which is signed
	Claim        []byte
	Badge        string
	IssuedAt     time.Time
	Status       lms.CertificateStatus
	ChangedAt    *time.Time
	Reason       string                // of the status: a class, or a sentence
	SupersededBy lms.CertificateNumber // "" unless superseded
	Programme    lms.ProgrammeID
	Course       lms.CourseID // "" for the whole programme
	Person       lms.PersonID
}

const certificateColumns = `
	certificates.id, certificates.fields, certificates.claim, certificates.badge, certificates.issued_at, certificates.status,
	certificates.changed_at, certificates.reason, coalesce(later.number, ''), certificates.programme_id, certificates.course_id, certificates.person_id
	from certificates left join certificates later on later.id = certificates.superseded_by`

func scanCertificate(row pgx.CollectableRow) (Certificate, error) {
	var c Certificate
	var raw string
	var course *lms.CourseID
	err := row.Scan(&c.ID, &raw, &c.Claim, &c.Badge, &c.IssuedAt, &c.Status, &c.ChangedAt, &c.Reason, &c.SupersededBy, &c.Programme, &course, &c.Person)
	if err != nil {
		return c, err
	}
	c.Raw, c.Course = []byte(raw), orEmpty(course)
	return c, json.Unmarshal(c.Raw, &c.Fields)
}

// VerifyCertificate returns a certificate by its number, for anybody who holds it. Errors: lms.ErrNotFound.
func (db *DB) VerifyCertificate(ctx context.Context, number lms.CertificateNumber) (Certificate, error) {
	rows, err := db.pool.Query(ctx, `select `+certificateColumns+` where certificates.number = $1`, number)
	if err != nil {
		return Certificate{}, fmt.Errorf("look up certificate: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCertificate)
	if err != nil {
		return c, fmt.Errorf("look up certificate: %w", found(err))
	}
	return c, nil
}

// Certificate returns a certificate that is the actor's own, or of a programme that the actor manages.
func (db *DB) Certificate(ctx context.Context, actor lms.Actor, number lms.CertificateNumber) (Certificate, error) {
	c, err := db.VerifyCertificate(ctx, number)
	if err == nil && c.Person != actor.Person && !actor.Can(lms.Manage, lms.Scope{Programme: c.Programme}) {
		return Certificate{}, fmt.Errorf("look up certificate: %w", lms.ErrNotFound)
	}
	return c, err
}

// CertificatesOf lists the certificates of a programme, the newest first. It needs lms.Manage.
func (db *DB) CertificatesOf(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, limit int) ([]Certificate, error) {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return nil, err
	}
	var list []Certificate
	err := db.tx(ctx, "list certificates", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, `select `+certificateColumns+` where certificates.programme_id = $1 order by certificates.issued_at desc, certificates.id limit $2`, programme, limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanCertificate)
		return err
	})
	return list, err
}

// holding is whose certificate for what.
type holding struct {
	person    lms.PersonID
	programme lms.ProgrammeID
	course    lms.CourseID // "" for the whole programme
	key       string       // of the credit
}

// validCertificate returns the id and number of the one valid certificate, if there is one.
func validCertificate(ctx context.Context, tx pgx.Tx, h holding) (id string, number lms.CertificateNumber, err error) {
	err = tx.QueryRow(ctx, `
		select id, number from certificates
		where person_id = $1 and programme_id = $2 and course_id is not distinct from $3::uuid and credit_key = $4 and status = 'valid'`,
		h.person, h.programme, orNull(h.course), h.key).Scan(&id, &number)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", nil
	}
	return id, number, err
}

// issue writes a certificate in the transaction that decides on it. Its file and the mail about it follow (runDrawing).
func (db *DB) issue(ctx context.Context, tx pgx.Tx, now time.Time, key credential.Key, h holding, f lms.CertificateFields, attested bool) (lms.CertificateNumber, string, error) {
	number, err := lms.NewCertificateNumber(db.random)
	if err != nil {
		return "", "", err
	}
	f.Number = number
	raw, err := json.Marshal(f)
	if err != nil {
		return "", "", fmt.Errorf("encode certificate: %w", err)
	}
	claim, err := key.SealClaim(f)
	if err != nil {
		return "", "", err
	}
	var status int64
	if err := tx.QueryRow(ctx, `select nextval(pg_get_serial_sequence('certificates', 'status_index'))`).Scan(&status); err != nil {
		return "", "", err
	}
	badge, err := key.SealBadge(db.site, f, raw, now, status)
	if err != nil {
		return "", "", err
	}
	var attestedAt *time.Time
	if attested {
		attestedAt = &now
	}
	var id string
	err = tx.QueryRow(ctx, `
		insert into certificates (number, person_id, programme_id, course_id, credit_key, amount, fields, claim, badge, key_id, status_index, attested_at, issued_at)
		overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning id`,
		number, h.person, h.programme, orNull(h.course), h.key, f.Amount, string(raw), claim, badge, key.ID, status, attestedAt, now).Scan(&id)
	return number, id, err
}

// RevokeCertificate marks a certificate as no longer good, for a class of reasons that is public. It needs lms.Manage.
func (db *DB) RevokeCertificate(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, number lms.CertificateNumber, why lms.RevokeReason) error {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return err
	}
	return db.tx(ctx, "revoke certificate", func(tx pgx.Tx, now time.Time) error {
		var course *lms.CourseID
		var id string
		err := tx.QueryRow(ctx, `
			update certificates set status = 'revoked', changed_at = $3, reason = $4
			where number = $1 and programme_id = $2 and status = 'valid' returning id, course_id`, number, programme, now, why).Scan(&id, &course)
		if errors.Is(err, pgx.ErrNoRows) {
			return notValid(ctx, tx, programme, number)
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{
			action: "revoke certificate", scope: lms.Scope{Programme: programme, Course: orEmpty(course)}, object: id, detail: map[string]any{"reason": why},
		})
	})
}

// notValid tells a number that is nothing here from a certificate that was changed before.
func notValid(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID, number lms.CertificateNumber) error {
	var there bool
	if err := tx.QueryRow(ctx, `select true from certificates where number = $1 and programme_id = $2`, number, programme).Scan(&there); err != nil {
		return found(err)
	}
	return &lms.Problem{Kind: lms.ErrConflict, Message: "This certificate was replaced or revoked already."}
}

// SupersedeCertificate issues a corrected certificate in the place of a valid one, with the holder's name and profession of
// now, and returns its number. The old one stays, and says which is valid. It needs lms.Manage, or it is the actor's own.
func (db *DB) SupersedeCertificate(ctx context.Context, actor lms.Actor, number lms.CertificateNumber, reason string) (lms.CertificateNumber, error) {
	reason, err := lms.SupersedeReason(reason)
	if err != nil {
		return "", err
	}
	key, err := db.signingKey(ctx)
	if err != nil {
		return "", err
	}
	var later lms.CertificateNumber
	err = db.tx(ctx, "supersede certificate", func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, `select `+certificateColumns+` where certificates.number = $1 for update of certificates`, number)
		if err != nil {
			return err
		}
		old, err := pgx.CollectExactlyOneRow(rows, scanCertificate)
		if err != nil {
			return found(err)
		}
		scope := lms.Scope{Programme: old.Programme, Course: old.Course}
		if !actor.Can(lms.Manage, lms.Scope{Programme: old.Programme}) {
			return lms.ErrNotFound
		}
		if old.Status != lms.CertificateValid {
			return notValid(ctx, tx, old.Programme, number)
		}
		f := old.Fields
		var zone lms.Zone
		if err := tx.QueryRow(ctx, `select persons.name, persons.profession, programmes.zone from persons, programmes where persons.id = $1 and programmes.id = $2`,
			old.Person, old.Programme).Scan(&f.Name, &f.Profession, &zone); err != nil {
			return err
		}
		f.IssuedOn = lms.Day(now, zone)
		// Only one may be valid at any moment, and the old one has to name the new one: it waits as revoked in between.
		if _, err := tx.Exec(ctx, `update certificates set status = 'revoked', changed_at = $2, reason = $3 where id = $1`, old.ID, now, reason); err != nil {
			return err
		}
		var id string
		later, id, err = db.issue(ctx, tx, now, key, holding{old.Person, old.Programme, old.Course, f.CreditKey}, f, false)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update certificates set status = 'superseded', superseded_by = $2 where id = $1`, old.ID, id); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "supersede certificate", scope: scope, object: old.ID, detail: map[string]any{"by": id}})
	})
	return later, err
}

// Design returns the look of a programme's certificates, with its version: 0 until an admin has chosen one.
func (db *DB) Design(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID) (lms.CertificateDesign, int, error) {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return lms.CertificateDesign{}, 0, err
	}
	var d lms.CertificateDesign
	var version int
	err := db.tx(ctx, "look at design", func(tx pgx.Tx, _ time.Time) (err error) {
		d, version, err = loadDesign(ctx, tx, programme)
		return err
	})
	return d, version, err
}

func loadDesign(ctx context.Context, tx pgx.Tx, programme lms.ProgrammeID) (lms.CertificateDesign, int, error) {
	d, version := lms.DefaultDesign(), 0
	err := tx.QueryRow(ctx, `select design, version from certificate_designs where programme_id = $1`, programme).Scan(&d, &version)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return d, version, err
}

// SaveDesign changes the look of the certificates that are issued from now on. Version is the one the actor saw.
func (db *DB) SaveDesign(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, version int, d lms.CertificateDesign) error {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return err
	}
	d, err := d.Validate()
	if err != nil {
		return err
	}
	return db.tx(ctx, "save design", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `
			insert into certificate_designs (programme_id, design, changed_at) values ($1, $2, $3)
			on conflict (programme_id) do update set design = excluded.design, changed_at = excluded.changed_at, version = certificate_designs.version + 1
			where certificate_designs.version = $4`, programme, d, now, version)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errVersion
		}
		return audit(ctx, tx, now, actor, deed{action: "save design of certificates", scope: lms.Scope{Programme: programme}})
	})
}
