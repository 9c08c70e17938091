package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Drawer makes the file of a certificate. It is declared here because this package must not know fonts.
type Drawer interface {
	DrawCertificate(c Certificate) ([]byte, error)
}

// DrawWith says who draws certificates. It is called before Run; without it they wait.
func (db *DB) DrawWith(d Drawer) { db.drawer = d }

const (
	drawEvery = 2 * time.Second // how often an idle worker looks for certificates
	drawRetry = time.Minute     // after a failure, times the number of tries
	drawTries = 10              // then an operator has to look: a font is missing, most likely
)

// runDrawing draws the files of new certificates until ctx ends, one after the other.
func (db *DB) runDrawing(ctx context.Context) error {
	if db.drawer == nil {
		return nil
	}
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	for {
		drawn, err := db.drawNext(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			db.log.Error("a certificate cannot be drawn", "error", err)
		case drawn:
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// drawNext draws the file of one certificate for the first time, keeps its digest and queues the mail to its holder. The row
// is locked meanwhile and all is one transaction, so that each certificate is drawn and mailed once, however often workers are
// killed, and nobody waits for a dead one. False says that there is none.
func (db *DB) drawNext(ctx context.Context) (drawn bool, err error) {
	var failed error
	err = db.tx(ctx, "draw certificate", func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, `select `+certificateColumns+`
			where certificates.pdf_sha256 is null and certificates.draw_tries < $2 and coalesce(certificates.draw_after <= $1, true)
			order by certificates.issued_at, certificates.id limit 1 for update of certificates skip locked`, now, drawTries)
		if err != nil {
			return err
		}
		c, err := pgx.CollectExactlyOneRow(rows, scanCertificate)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		file, err := db.drawer.DrawCertificate(c)
		if err != nil {
			failed = err
			_, err = tx.Exec(ctx, `update certificates set draw_tries = draw_tries + 1, draw_after = $2::timestamptz + (draw_tries + 1) * $3::interval where id = $1`,
				c.ID, now, drawRetry)
			return err
		}
		drawn = true
		sum := sha256.Sum256(file)
		if _, err := tx.Exec(ctx, `update certificates set pdf_sha256 = $2, draw_after = null where id = $1`, c.ID, sum[:]); err != nil {
			return err
		}
		return db.queueMail(ctx, tx, mailJob{Notice: lms.NoticeCertificate, Certificate: c.ID})
	})
	return drawn, errors.Join(err, failed)
}

// certificateNotice says that a certificate is ready.
func (db *DB) certificateNotice(ctx context.Context, job mailJob) (lms.Notice, error) {
	n := lms.Notice{Kind: lms.NoticeCertificate}
	var number lms.CertificateNumber
	var raw string
	err := db.pool.QueryRow(ctx, `
		select email, persons.name, persons.zone, persons.language, number, fields from certificates join persons on persons.id = person_id
		where certificates.id = $1 and status = 'valid'`, job.Certificate).Scan(&n.To, &n.Name, &n.Zone, &n.Language, &number, &raw)
	if err != nil {
		return n, err
	}
	var f lms.CertificateFields
	if err := json.Unmarshal([]byte(raw), &f); err != nil {
		return n, err
	}
	n.Programme, n.Link = cmp.Or(f.Activity, f.Programme), db.site+"/certificates/"+string(number)
	return n, nil
}
