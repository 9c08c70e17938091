package lms

import (
	"fmt"
	"slices"
	"time"
)

// Zone is the IANA name of a time zone that this program knows, such as "Asia/Kolkata".
type Zone string

// ParseZone reads the name of a time zone. "Local" and the empty name are refused: they mean the zone of
// the machine, which is nobody's.
func ParseZone(s string) (Zone, error) {
	if s == "" || s == "Local" || len(s) > 64 {
		return "", rejected("zone", "zone")
	}
	if _, err := time.LoadLocation(s); err != nil {
		return "", rejected("zone", "zone")
	}
	return Zone(s), nil
}

// Location returns the zone's rules, or UTC when the name came from elsewhere than ParseZone and is
// unknown.
func (z Zone) Location() *time.Location {
	loc, err := time.LoadLocation(string(z))
	if err != nil || z == "" || z == "Local" {
		return time.UTC
	}
	return loc
}

// In returns the instant as a clock in the zone shows it.
func (z Zone) In(instant time.Time) time.Time { return instant.In(z.Location()) }

// localLayout is the form in which a date-time input of a browser sends and expects it.
const localLayout = "2006-01-02T15:04"

// LocalTime is a date and time of day on the wall of some place, to the minute. It is no instant until a
// zone is known, and the zone's rules may still change: which is why a schedule is stored like this.
type LocalTime struct{ wall time.Time } // the reading as if the place were in UTC

// ParseLocalTime reads "2026-11-22T19:30", with or without seconds, which must be zero.
func ParseLocalTime(s string) (LocalTime, error) {
	t, err := time.Parse(localLayout, s)
	if err != nil {
		t, err = time.Parse(localLayout+":05", s)
	}
	if err != nil || t.Second() != 0 || t.Nanosecond() != 0 || t.Year() < 2000 || t.Year() > 2199 {
		return LocalTime{}, invalid("local", "Enter date and time like 2026-11-22T19:30.")
	}
	return LocalTime{t}, nil
}

// LocalTimeOf returns what the clock of t shows, in t's own zone, without the seconds. A timestamp
// without time zone from PostgreSQL arrives as such a t in UTC.
func LocalTimeOf(t time.Time) LocalTime {
	return LocalTime{time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)}
}

// Wall returns the reading as a time in UTC, which is how PostgreSQL takes a timestamp without time zone.
func (l LocalTime) Wall() time.Time { return l.wall }

// String returns the form that ParseLocalTime reads.
func (l LocalTime) String() string { return l.wall.Format(localLayout) }

// Fold says which one is meant when clocks are put back and the same local time comes twice.
type Fold string

// The folds. Outside the overlap they make no difference.
const (
	FoldUnset   Fold = ""
	FoldEarlier Fold = "earlier"
	FoldLater   Fold = "later"
)

// ParseFold reads a fold from outside.
func ParseFold(s string) (Fold, error) {
	switch f := Fold(s); f {
	case FoldUnset, FoldEarlier, FoldLater:
		return f, nil
	}
	return FoldUnset, invalid("fold", `Say "earlier" or "later".`)
}

// Schedule is when something takes place as its organisers mean it.
type Schedule struct {
	Local LocalTime
	Zone  Zone
	Fold  Fold
}

// Instant derives the moment. A local time that does not exist because clocks are put forward is
// refused, and for one that comes twice the fold must be given; time.Date would silently choose in both
// cases. It is found by round trip: an instant counts when the zone's clock shows the local time then.
func (s Schedule) Instant() (time.Time, error) {
	loc := s.Zone.Location()
	var found []time.Time
	// The offset in force is that of the day before, of the day itself or of the day after.
	for _, day := range []int{-1, 0, 1} {
		_, offset := s.Local.wall.AddDate(0, 0, day).In(loc).Zone()
		instant := s.Local.wall.Add(-time.Duration(offset) * time.Second)
		if LocalTimeOf(instant.In(loc)) == s.Local && !slices.ContainsFunc(found, instant.Equal) {
			found = append(found, instant)
		}
	}
	slices.SortFunc(found, time.Time.Compare)
	switch {
	case len(found) == 0:
		return time.Time{}, invalid("local", fmt.Sprintf(
			"%s does not exist in %s: clocks are put forward then. Choose an earlier or a later time.", s.clock(), s.Zone))
	case len(found) == 1 || s.Fold == FoldEarlier:
		return found[0], nil
	case s.Fold == FoldLater:
		return found[len(found)-1], nil
	}
	return time.Time{}, invalid("fold", fmt.Sprintf(
		"%s comes twice in %s: clocks are put back then. Say whether you mean the earlier or the later one.", s.clock(), s.Zone))
}

// clock is the time of day for messages.
func (s Schedule) clock() string { return s.Local.wall.Format("15:04") }
