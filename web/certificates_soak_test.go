package web

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/lms/certificate"
	"lectern/lms/credential"
	"lectern/lms/notify"
	"lectern/storage/postgres"
	"lectern/storage/postgres/pgtest"
)

// drawer draws with the fonts of this machine, as the server does.
type drawer struct{ fonts *certificate.Fonts }

func (d drawer) DrawCertificate(c postgres.Certificate) ([]byte, error) {
	return d.fonts.Draw(certificate.Document{
		Fields: c.Raw, Issued: c.IssuedAt, QR: credential.QRAddress("https://lectern.example", c.Fields.Number, c.Claim), Badge: c.Badge,
	})
}

// workerOf names the database for which this test binary is a worker and nothing else, until it is killed.
const workerOf = "LECTERN_TEST_WORKER"

func TestCertificateWorker(t *testing.T) {
	at := os.Getenv(workerOf)
	if at == "" {
		t.Skip("it is a worker for TestEachCertificateOnce only")
	}
	db := openWorker(t, at)
	mail := notify.New(notify.NewMailbox(db), "https://lectern.example")
	db.Notify(mail)
	db.DrawWith(drawer{must(certificate.NewFonts(certificate.FontDirs...))(t)})
	if err := db.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func openWorker(t *testing.T, at string) *postgres.DB {
	t.Helper()
	db := must(postgres.Open(t.Context(), postgres.Config{URL: at, Pepper: pgtest.Pepper, Site: "https://lectern.example"}))(t)
	t.Cleanup(db.Close)
	return db
}

// TestEachCertificateOnce claims certificates for many, and draws and mails them in a process on one core that is killed
// again and again: each is there once, with one file and one mail. LECTERN_CERTIFICATES says how many, LECTERN_KILLS how often.
func TestEachCertificateOnce(t *testing.T) {
	count, kills := 24, 3
	for name, n := range map[string]*int{"LECTERN_CERTIFICATES": &count, "LECTERN_KILLS": &kills} {
		if text := os.Getenv(name); text != "" {
			*n = must(strconv.Atoi(text))(t)
		}
	}
	at := pgtest.New(t)
	db := openWorker(t, at)
	conn := must(pgx.Connect(t.Context(), at))(t)
	defer conn.Close(context.Background())
	d := must(db.Demo(t.Context(), postgres.DemoSpec{}))(t)
	doctors := crowd(t, db, conn, d, count)
	began := time.Now()
	for _, doctor := range doctors {
		must(db.ClaimCredit(t.Context(), doctor, d.Course, "sample", 100, true))(t)
	}
	t.Logf("%d claimed in %v", count, time.Since(began))

	drawn := func() (n int) {
		if err := conn.QueryRow(t.Context(), `select count(*) from certificates where pdf_sha256 is not null`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	began = time.Now()
	for life := range kills + 1 {
		worker := exec.Command(os.Args[0], "-test.run=^TestCertificateWorker$", "-test.timeout=2h")
		worker.Env = append(os.Environ(), workerOf+"="+at, "GOMAXPROCS=1")
		if err := worker.Start(); err != nil {
			t.Fatal(err)
		}
		// Each is killed in the middle of its share, the last one when all is done.
		goal := count * (life + 1) / (kills + 1)
		for drawn() < goal {
			select {
			case <-t.Context().Done():
				t.Fatal("the certificates are not drawn")
			case <-time.After(20 * time.Millisecond):
			}
		}
		_ = worker.Process.Kill()
		_ = worker.Wait()
	}
	t.Logf("%d drawn in %v, workers killed %d times", count, time.Since(began), kills)
	for what, sql := range map[string]string{
		"certificates":          `select count(*) from certificates where status = 'valid'`,
		"holders":               `select count(distinct person_id) from certificates`,
		"numbers":               `select count(distinct number) from certificates`,
		"files":                 `select count(distinct pdf_sha256) from certificates`,
		"mails that are queued": `select count(*) from river_job where kind = 'mail' and args->>'notice' = 'certificate'`,
		"certificates mailed":   `select count(distinct args->>'certificate') from river_job where kind = 'mail' and args->>'notice' = 'certificate'`,
	} {
		var n int
		if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil || n != count {
			t.Errorf("%d %s, want %d; %v", n, what, count, err)
		}
	}
}

// crowd enrols doctors who have done all that the demo's first course demands.
func crowd(t *testing.T, db *postgres.DB, conn *pgx.Conn, d postgres.Demo, count int) []lms.Actor {
	t.Helper()
	ctx := t.Context()
	session, _, err := db.RedeemJoinLink(ctx, d.Studio, "", "test")
	if err != nil {
		t.Fatal(err)
	}
	presenter := must(db.SessionPerson(ctx, session.Token))(t)
	must(db.GoOnAir(ctx, presenter, d.Course))(t)
	for _, sql := range []string{
		`update broadcast_runs set started_at = started_at - interval '1 hour'`, `update broadcasts set started_at = started_at - interval '1 hour'`,
	} {
		must(conn.Exec(ctx, sql))(t)
	}
	must(db.EndBroadcast(ctx, presenter, d.Course, postgres.Recording{LengthMS: 3_600_000, Edits: lms.EditList{{LengthMS: 3_600_000}}}))(t)
	for _, sql := range []string{
		`insert into persons (email, name, country, zone, created_at) select 'doctor' || n || '@hospital.example', 'डॉ. Doctor ' || n, 'IN', 'Asia/Kolkata', now() from generate_series(1, $2::int) n
			returning $1::uuid`,
		`insert into enrolments (person_id, programme_id, enrolled_at) select persons.id, courses.programme_id, now() from persons, courses where courses.id = $1 and email like 'doctor%@hospital.example' and $2::int > 0`,
		`insert into attendance (person_id, broadcast_id, provenance, watched, first_at, last_at)
			select persons.id, broadcasts.id, 'replay', '{[0,3600)}', now(), now() from persons, broadcasts where course_id = $1 and email like 'doctor%@hospital.example' and $2::int > 0`,
		`insert into test_attempts (course_id, person_id, number, pass_mark, started_at, submitted_at, score, passed)
			select $1, persons.id, 1, 0.7, now(), now(), 1, true from persons where email like 'doctor%@hospital.example' and $2::int > 0`,
		`insert into evaluations_done (course_id, person_id, done_at) select $1, persons.id, now() from persons where email like 'doctor%@hospital.example' and $2::int > 0`,
	} {
		if _, err := conn.Exec(ctx, sql, d.Course, count); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", sql, err))
		}
	}
	rows := must(conn.Query(ctx, `select id, name from persons where email like 'doctor%@hospital.example' order by created_at, id`))(t)
	var doctors []lms.Actor
	var doctor lms.Actor
	must(pgx.ForEachRow(rows, []any{&doctor.Person, &doctor.Name}, func() error {
		doctor.Roles = []lms.RoleGrant{{Role: lms.Attendee, Programme: d.Programme}}
		doctors = append(doctors, doctor)
		return nil
	}))(t)
	return doctors
}
