package postgres_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
	"lectern/storage/postgres/pgtest"
)

// Names under which the test hands its database to the process with other time zone rules.
const rederiveURL, rederiveNow = "LECTERN_TEST_REDERIVE_URL", "LECTERN_TEST_REDERIVE_NOW"

// TestMain becomes the process with other rules when it is started as one: Go reads ZONEINFO once, so a running process cannot
// change its rules.
func TestMain(m *testing.M) {
	if url := os.Getenv(rederiveURL); url != "" {
		os.Exit(rederive(url))
	}
	os.Exit(m.Run())
}

func rederive(url string) int {
	at, err := time.Parse(time.RFC3339, os.Getenv(rederiveNow))
	if err != nil {
		return 2
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	db, err := postgres.Open(ctx, postgres.Config{URL: url, Pepper: pgtest.Pepper, Clock: func() time.Time { return at }})
	if err != nil {
		os.Stderr.WriteString(err.Error())
		return 2
	}
	defer db.Close()
	for range 2 { // the second time nothing is left to do
		if _, err := db.RederiveSchedules(ctx); err != nil {
			os.Stderr.WriteString(err.Error())
			return 2
		}
	}
	return 0
}

// zoneinfo builds time zone rules in which India is at UTC+6 and Berlin as it is, and returns their folder.
func zoneinfo(t *testing.T) string {
	t.Helper()
	zic, err := exec.LookPath("zic")
	if err != nil {
		if zic, err = exec.LookPath("/usr/sbin/zic"); err != nil {
			t.Skip("zic, the compiler of time zone rules, is not installed (Debian: libc-bin)")
		}
	}
	folder := t.TempDir()
	source := filepath.Join(folder, "rules")
	rules := "Zone Asia/Kolkata 6:00 - +06\nRule EU 1996 max - Mar lastSun 1:00u 1:00 S\nRule EU 1996 max - Oct lastSun 1:00u 0 -\nZone Europe/Berlin 1:00 EU CE%sT\n"
	if err := os.WriteFile(source, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(zic, "-d", folder, source).CombinedOutput(); err != nil {
		t.Fatalf("zic: %v\n%s", err, out)
	}
	return folder
}

// TestChangedRulesMoveLectures changes the rules of a zone under a running programme.
func TestChangedRulesMoveLectures(t *testing.T) {
	rules := zoneinfo(t)
	w := newWorld(t)
	ctx := t.Context()
	add := func(local string, zone lms.Zone) lms.CourseID {
		return must(w.db.AddCourse(ctx, w.ours.admin, w.ours.id, postgres.NewCourse{
			Title: "To come", Minutes: 60, Schedule: lms.Schedule{Local: must(lms.ParseLocalTime(local))(t), Zone: zone},
		}))(t)
	}
	delhi, berlin, past := add("2027-01-10T19:30", "Asia/Kolkata"), add("2027-07-10T19:30", "Europe/Berlin"), add("2026-11-20T19:30", "Asia/Kolkata")
	w.show(w.ours.id)
	w.exec(`delete from river_job`)
	if moved := must(w.db.RederiveSchedules(ctx))(t); moved != 0 {
		t.Fatalf("%d lectures moved by the rules they were made with", moved)
	}

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "ZONEINFO="+rules, rederiveURL+"="+w.url, rederiveNow+"="+w.clock().Format(time.RFC3339))
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("with other rules: %v\n%s", err, out)
	}

	want := time.Date(2027, 1, 10, 13, 30, 0, 0, time.UTC) // 19:30 less six hours; it was 14:00
	if c := must(w.db.Course(ctx, w.ours.admin, delhi))(t); !c.Start.Equal(want) || c.Revision != 2 || c.Local.String() != "2027-01-10T19:30" {
		t.Errorf("Delhi: %v, revision %d, local %v", c.Start, c.Revision, c.Local)
	}
	if c := must(w.db.Course(ctx, w.ours.admin, berlin))(t); !c.Start.Equal(time.Date(2027, 7, 10, 17, 30, 0, 0, time.UTC)) || c.Revision != 1 {
		t.Errorf("Berlin: %v, revision %d", c.Start, c.Revision)
	}
	if c := must(w.db.Course(ctx, w.ours.admin, past))(t); !c.Start.Equal(time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)) || c.Revision != 1 {
		t.Errorf("past: %v, revision %d", c.Start, c.Revision)
	}
	// Each of ours gets one message about the one that moved; theirs get those about their own demo courses only.
	people := w.number(`select count(*) from (
		select person_id from enrolments where programme_id = $1 union select person_id from role_grants where programme_id = $1) p`, w.ours.id)
	notices := w.number(`select count(*) from river_job where kind = 'mail' and args->>'notice' = 'schedule_change' and args->>'course' = $1`, delhi)
	if notices != people || people < 3 {
		t.Errorf("%d messages for %d people", notices, people)
	}
	if n := w.number(`select count(*) from audit where course_id = $1 and action = 'rederive schedule'`, delhi); n != 1 {
		t.Errorf("%d rows of audit", n)
	}
}

// TestNewTimeIsMailed moves a lecture by hand.
func TestNewTimeIsMailed(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := must(w.db.AddCourse(ctx, w.ours.admin, w.ours.id, postgres.NewCourse{
		Title: "Moved", Summary: "What is new.", Minutes: 45,
		Schedule: lms.Schedule{Local: must(lms.ParseLocalTime("2027-01-10T19:30"))(t), Zone: "Asia/Kolkata"},
	}))(t)
	c := must(w.db.Course(ctx, w.ours.admin, id))(t)
	w.show(w.ours.id)
	w.exec(`delete from river_job`)
	title, local := "Moved again", must(lms.ParseLocalTime("2027-01-11T20:00"))(t)
	if err := w.db.UpdateCourse(ctx, w.ours.admin, id, postgres.CourseChange{Version: c.Version, Title: &title}); err != nil {
		t.Fatal(err)
	}
	if n := w.number(`select count(*) from river_job where kind = 'mail'`); n != 0 {
		t.Fatalf("%d messages about a new title", n)
	}
	if err := w.db.UpdateCourse(ctx, w.ours.admin, id, postgres.CourseChange{Version: c.Version + 1, Local: &local}); err != nil {
		t.Fatal(err)
	}
	w.exec(`delete from river_job where args->>'person' <> $1`, w.ours.attendee.Person)
	p := &post{notices: make(chan lms.Notice, 100)}
	w.run(p)
	n := w.next(p)
	l := n.Lecture
	if n.Kind != lms.NoticeSchedule || n.To != w.ours.attendee.Email || n.Link != "https://lectern.example/watch/"+string(id) || n.Programme == "" ||
		l.ID != id || l.Title != title || l.Summary != "What is new." || l.Minutes != 45 || l.Revision != 2 || l.Zone != "Asia/Kolkata" ||
		!l.Start.Equal(time.Date(2027, 1, 11, 14, 30, 0, 0, time.UTC)) || !l.RevisedAt.Equal(w.clock()) {
		t.Errorf("notice %+v", n)
	}
}

// TestOldTimeIsNotMailed: only the newest of several changes is told.
func TestOldTimeIsNotMailed(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := must(w.db.AddCourse(ctx, w.ours.admin, w.ours.id, postgres.NewCourse{
		Title: "Moved", Minutes: 45, Schedule: lms.Schedule{Local: must(lms.ParseLocalTime("2027-01-10T19:30"))(t), Zone: "UTC"},
	}))(t)
	w.show(w.ours.id)
	w.exec(`delete from river_job`)
	for version, at := range []string{"2027-01-11T20:00", "2027-01-12T20:00"} {
		local := must(lms.ParseLocalTime(at))(t)
		if err := w.db.UpdateCourse(ctx, w.ours.admin, id, postgres.CourseChange{Version: version + 1, Local: &local}); err != nil {
			t.Fatal(err)
		}
	}
	w.exec(`delete from river_job where args->>'person' <> $1`, w.ours.attendee.Person)
	if n := w.number(`select count(*) from river_job where kind = 'mail'`); n != 2 {
		t.Fatalf("%d messages due", n)
	}
	p := &post{notices: make(chan lms.Notice, 100)}
	w.run(p)
	if n := w.next(p); n.Lecture.Revision != 3 {
		t.Errorf("told of revision %d", n.Lecture.Revision)
	}
	w.eventually(`select count(*) = 2 from river_job where kind = 'mail' and state = 'completed'`)
	if len(p.notices) != 0 {
		t.Error("two messages about one lecture")
	}
}

func TestCalendarFeed(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	if token := must(w.db.CalendarFeed(ctx, w.ours.attendee))(t); token != "" {
		t.Fatal("a subscription nobody asked for")
	}
	first := must(w.db.NewCalendarFeed(ctx, w.ours.attendee))(t)
	if again := must(w.db.CalendarFeed(ctx, w.ours.attendee))(t); again != first || len(first) != 43 {
		t.Errorf("the page shows %q, the subscription is %q", again, first)
	}
	courses := must(w.db.CalendarCourses(ctx, first))(t)
	if len(courses) != 10 || courses[0].Programme.ID != w.ours.id || courses[0].Revision != 1 || courses[0].RevisedAt.IsZero() {
		t.Errorf("%d courses, first %+v", len(courses), courses)
	}
	second := must(w.db.NewCalendarFeed(ctx, w.ours.attendee))(t)
	_, err := w.db.CalendarCourses(ctx, first)
	wantKind(t, "a replaced subscription", err, lms.ErrNotFound)
	must(w.db.CalendarCourses(ctx, second))(t)
	_, err = w.db.CalendarCourses(ctx, "")
	wantKind(t, "no secret", err, lms.ErrNotFound)
	// Who no longer belongs to a programme sees it no longer.
	w.exec(`delete from enrolments where person_id = $1`, w.ours.attendee.Person)
	if courses := must(w.db.CalendarCourses(ctx, second))(t); len(courses) != 0 {
		t.Errorf("%d courses after leaving", len(courses))
	}
}
