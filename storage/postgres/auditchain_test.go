package postgres_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// deeds writes n rows of audit and seals them.
func (w *world) deeds(n int) postgres.AuditHead {
	w.t.Helper()
	ctx := w.db.WithOrigin(w.t.Context(), "REQ1", netip.MustParseAddr("::ffff:203.0.113.7"))
	for range n {
		if err := w.db.SetProfile(ctx, w.ours.attendee, lms.Profile{Name: "Dr A", Country: "KE", Zone: "Africa/Nairobi"}); err != nil {
			w.t.Fatal(err)
		}
	}
	return must(w.db.SealAudit(w.t.Context(), true))(w.t)
}

// tamper does to the audit what only its owner can: the triggers are off.
func (w *world) tamper(sql string, args ...any) {
	w.t.Helper()
	w.exec(`alter table audit disable trigger user`)
	w.exec(`alter table audit_chain disable trigger user`)
	w.exec(sql, args...)
}

func (w *world) faults(known postgres.AuditHead) []postgres.AuditFault {
	w.t.Helper()
	return must(w.db.VerifyAudit(w.t.Context(), known))(w.t).Faults
}

func TestAuditChain(t *testing.T) {
	w := newWorld(t)
	head := w.deeds(3)
	if head.Seq != int64(w.number(`select count(*) from audit`)) {
		t.Errorf("%d of %d rows are sealed", head.Seq, w.number(`select count(*) from audit`))
	}
	check := must(w.db.VerifyAudit(t.Context(), head))(t)
	if len(check.Faults) != 0 || check.Head != head {
		t.Fatalf("check %+v, head %+v", check, head)
	}
	if n := w.number(`select count(*) from audit where request = 'REQ1' and host(source) = '203.0.113.7' and action = 'set profile'`); n != 3 {
		t.Errorf("%d rows know where they came from", n)
	}
	if again := must(w.db.SealAudit(t.Context(), true))(t); again != head {
		t.Errorf("sealing nothing: %+v", again)
	}
	// Rows of just now may be outside of the chain; later they may not.
	must(w.db.NewCalendarFeed(t.Context(), w.ours.attendee))(t)
	if found := w.faults(head); len(found) != 0 {
		t.Errorf("faults %v", found)
	}
	w.pass(time.Hour)
	if found := w.faults(head); len(found) != 1 {
		t.Errorf("faults %v, want the row that nobody sealed", found)
	}
	next := must(w.db.SealAudit(t.Context(), true))(t)
	if found := w.faults(head); len(found) != 0 || next.Seq != head.Seq+1 {
		t.Errorf("faults %v, head %+v", found, next)
	}
}

// TestAuditFindsEveryChange flips one character in each of a thousand rows (trust S-35).
func TestAuditFindsEveryChange(t *testing.T) {
	w := newWorld(t)
	w.exec(`insert into audit (at, actor_id, action, programme_id, object, detail, request)
		select $1::timestamptz + i * interval '1 second', $2, 'deed ' || i, $3, 'object ' || i, jsonb_build_object('n', i), 'REQ' || i
		from generate_series(1, 1000) i`, w.clock().Add(-time.Hour), w.ours.admin.Person, w.ours.id)
	head := must(w.db.SealAudit(t.Context(), true))(t)
	if found := w.faults(head); len(found) != 0 {
		t.Fatalf("faults before the change: %v", found)
	}
	w.tamper(`update audit set
		action = case when id % 4 = 0 then overlay(action placing 'x' from 2 for 1) else action end,
		object = case when id % 4 = 1 then overlay(object placing 'x' from 2 for 1) else object end,
		at     = case when id % 4 = 2 then at + interval '1 microsecond' else at end,
		detail = case when id % 4 = 3 then jsonb_build_object('n', -(detail->>'n')::int) else detail end
		where action like 'deed %'`)
	found := w.faults(head)
	rows := map[int64]bool{}
	for _, f := range found {
		rows[f.Row] = true
	}
	if len(found) != 1000 || len(rows) != 1000 {
		t.Errorf("%d faults in %d rows, want 1000 of each", len(found), len(rows))
	}
}

func TestAuditFindsWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want int
	}{
		"a row":              {`delete from audit where id = (select min(id) + 1 from audit)`, 1},
		"a row and its link": {`with gone as (delete from audit where id = (select min(id) + 1 from audit) returning id) delete from audit_chain where audit_id in (select id from gone)`, 2},
		"the end":            {`with gone as (delete from audit_chain where seq > (select max(seq) - 2 from audit_chain) returning audit_id) delete from audit where id in (select audit_id from gone)`, 1},
		"an actor":           {`update audit set actor_id = null where id = (select max(id) from audit)`, 1},
		"an address":         {`update audit set source = '198.51.100.1' where id = (select max(id) from audit)`, 1},
		"two links":          {`update audit_chain set hash = decode(repeat('00', 32), 'hex') where seq in (2, 3)`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			head := w.deeds(3)
			w.tamper(c.sql)
			if found := w.faults(head); len(found) != c.want {
				t.Errorf("faults %v, want %d", found, c.want)
			}
		})
	}
}

// TestAuditIsSealedOnce by any number of nodes, whatever order their transactions end in.
func TestAuditIsSealedOnce(t *testing.T) {
	w := newWorld(t)
	inParallel(t, 16, lms.ErrConflict, func(i int) error {
		if i%2 == 0 {
			_, err := w.db.SealAudit(t.Context(), false)
			return err
		}
		_, err := w.db.AddCourse(t.Context(), w.ours.admin, w.ours.id, postgres.NewCourse{
			Title: fmt.Sprint("Course ", i), Minutes: 60, Schedule: lms.Schedule{Local: lms.LocalTimeOf(w.clock()), Zone: "UTC"},
		})
		return err
	})
	head := must(w.db.SealAudit(t.Context(), false))(t)
	if found := w.faults(head); len(found) != 0 || head.Seq != int64(w.number(`select count(*) from audit`)) {
		t.Errorf("faults %v, head %+v", found, head)
	}
}

// TestAuditForgetsAddresses after 30 days, and the chain still holds.
func TestAuditForgetsAddresses(t *testing.T) {
	w := newWorld(t)
	head := w.deeds(1)
	w.pass(31 * 24 * time.Hour)
	w.run(&post{notices: make(chan lms.Notice, 1000)})
	w.eventually(`select count(*) = 0 from audit where source is not null`)
	if found := w.faults(head); len(found) != 0 {
		t.Errorf("faults %v", found)
	}
	if _, err := w.conn.Exec(t.Context(), `update audit set source = '198.51.100.1'`); err == nil {
		t.Error("an address was made up")
	}
}
