package lms

import (
	"strings"
	"time"
)

// Rules of what happens to recordings after the lecture.
const (
	// VersionKeptFor is how long the version of a recording that a cut has replaced can still be played: by those
	// who had begun to watch it.
	VersionKeptFor = 6 * time.Hour
	// maxRetentionDays is a hundred years, which stands for a slip of the finger beyond.
	maxRetentionDays = 36_500
)

// ChangeRecorded refuses to change whether a course is recorded once it has been on air: what was said under a promise
// stays under it. Before that, an admin may change it as often as they like.
func ChangeRecorded(recorded, wanted, begun bool) error {
	if recorded != wanted && begun {
		return &Problem{
			Kind: ErrConflict, Field: "recorded",
			Message: "The lecture has been on air, so this can no longer be changed. A recording can be deleted on its own page.",
		}
	}
	return nil
}

// CheckRetention refuses a number of days that cannot be meant. Nil keeps recordings until somebody deletes them.
func CheckRetention(days *int) error {
	if days != nil && (*days < 1 || *days > maxRetentionDays) {
		return invalid("days", "Enter between 1 and 36500 days, or nothing to keep recordings until you delete them.")
	}
	return nil
}

// RetainedUntil is when a recording of a lecture that ended at an instant is deleted: by the days of its course, else by those of
// its programme, else never, which is the zero time.
func RetainedUntil(ended time.Time, course, programme *int) time.Time {
	days := programme
	if course != nil {
		days = course
	}
	if days == nil || ended.IsZero() {
		return time.Time{}
	}
	return ended.Add(time.Duration(*days) * 24 * time.Hour)
}

// ConfirmDeletion compares what somebody typed with the title of the course whose recording they are about to delete. Spaces
// and capitals are forgiven.
func ConfirmDeletion(title, typed string) error {
	tidy := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
	if tidy(typed) == "" || tidy(typed) != tidy(title) {
		return invalid("confirm", "Type the title of the course exactly, to delete its recording.")
	}
	return nil
}
