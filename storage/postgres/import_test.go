package postgres_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"lectern/lms"
	"lectern/lms/roster"
)

// sheet is a list of n people as CSV.
func sheet(n int) []byte {
	var b bytes.Buffer
	b.WriteString("\ufeffName,Email,Country,Mobile,Profession,Licence\r\n")
	for i := range n {
		fmt.Fprintf(&b, "\"Dr आशा Rao %d\",Doctor%d@Hospital.example,in,09%09d,Gynaecologist,mci-%d\r\n", i, i, 876500000+i, 10000+i)
	}
	return b.Bytes()
}

// TestImportThirteenThousandTwice: the second time changes nothing, and nobody is written to before that is asked for.
func TestImportThirteenThousandTwice(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const n = 13_000
	mails := func() int { return w.number(`select count(*) from river_job where kind = 'mail'`) }
	before, queued := w.number(`select count(*) from enrolments where programme_id = $1`, w.ours.id), mails()
	for round, added := range []int{n, 0} {
		start := time.Now()
		list, err := roster.Read(sheet(n))
		if err != nil || len(list.Problems) > 0 || len(list.People) != n {
			t.Fatalf("read %d, %v, %v", len(list.People), list.Problems[:min(3, len(list.Problems))], err)
		}
		read := time.Since(start)
		in := must(w.db.StageImport(ctx, w.ours.admin, w.ours.id, "people.csv", list.People))(t)
		if got := w.number(`select count(*) from enrolments where programme_id = $1`, w.ours.id); round == 0 && got != before {
			t.Error("a dry run enrols")
		}
		in = must(w.db.EnterImport(ctx, w.ours.admin, w.ours.id, in.ID, false))(t)
		t.Logf("round %d: read in %v, entered in %v", round+1, read.Round(time.Millisecond), (time.Since(start) - read).Round(time.Millisecond))
		if in.State != "done" || in.Done != n || in.Added != added || in.Changed != added {
			t.Errorf("round %d: %+v", round+1, in)
		}
		again := must(w.db.EnterImport(ctx, w.ours.admin, w.ours.id, in.ID, true))(t)
		if again != in {
			t.Errorf("entered again: %+v", again)
		}
	}
	if got := w.number(`select count(*) from enrolments where programme_id = $1`, w.ours.id); got != before+n {
		t.Errorf("%d enrolled, want %d", got, before+n)
	}
	if got := mails(); got != queued {
		t.Errorf("%d mails before anybody asked for them", got-queued)
	}
	if n := w.number(`select count(*) from persons where email = 'doctor7@hospital.example' and phone = '+919876500007' and licence = 'MCI-10007' and country = 'IN'`); n != 1 {
		t.Error("a row did not arrive as it should")
	}
}

func TestImportInvitesOnceAndKeepsToSeats(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	before := w.number(`select count(*) from enrolments where programme_id = $1`, w.ours.id)
	w.rules(lms.RegistrationRules{Seats: before + 3})
	known := must(w.signIn("doctor1@hospital.example", w.ours.codes[0]))(t)
	if err := w.db.SetProfile(ctx, known, lms.Profile{Name: "As I write it", Country: "KE", Zone: "Africa/Nairobi"}); err != nil {
		t.Fatal(err)
	}
	list := must(roster.Read(sheet(5)))(t)
	mails := w.number(`select count(*) from river_job where args->>'notice' = 'personal_link'`)
	for range 2 {
		in := must(w.db.StageImport(ctx, w.ours.admin, w.ours.id, "people.csv", list.People))(t)
		_, err := w.db.EnterImport(ctx, w.theirs.admin, w.theirs.id, in.ID, true)
		wantKind(t, "another programme's import", err, lms.ErrNotFound)
		must(w.db.EnterImport(ctx, w.ours.admin, w.ours.id, in.ID, true))(t)
	}
	if n := w.number(`select count(*) from river_job where args->>'notice' = 'personal_link'`) - mails; n != 2 {
		t.Errorf("%d invitations, want one for each of the two new ones with a seat", n)
	}
	if n := w.number(`select count(*) from registrations where state = 'waitlisted'`); n != 2 {
		t.Errorf("%d wait for three seats, one of them taken before", n)
	}
	if again := w.again(known); again.Name != "As I write it" || again.Country != "KE" {
		t.Errorf("a list overwrites what a person has said: %q %q", again.Name, again.Country)
	}
}
