package lms

import "time"

const (
	// budgetCap is the most that a budget holds: so much can be reported late at once.
	budgetCap = 10 * time.Minute
	// budgetSlack may be overdrawn, because clocks tick and reports travel.
	budgetSlack = 5 * time.Second
)

// Budget bounds how many new seconds a person can be credited: it grows with the server's clock at the
// fastest rate that counts, whatever the number of tabs, lectures and devices. It is the person's, not
// the player's.
type Budget struct {
	Left time.Duration // at At; down to minus budgetSlack
	At   time.Time     // zero for somebody who has never reported
}

// grown returns the budget now. Somebody who never reported has had the time since the broadcast began.
func (b Budget) grown(began, now time.Time) Budget {
	if b.At.IsZero() {
		b.At = began
	}
	if now.After(b.At) {
		// Capped before multiplying, so that no age can overflow.
		b.Left += time.Duration(MaxRate * float64(min(now.Sub(b.At), budgetCap)))
		b.At = now
	}
	b.Left = min(b.Left, budgetCap)
	return b
}

// spend takes as many of the seconds as the budget allows and returns the budget after it, the seconds
// taken and those refused.
func (b Budget) spend(fresh Spans) (after Budget, taken, refused Spans) {
	taken = fresh.First(int64((b.Left + budgetSlack) / time.Second))
	b.Left -= time.Duration(taken.Len()) * time.Second
	return b, taken, fresh.Subtract(taken)
}
