package lms

import (
	"slices"
	"strings"
	"time"
)

// LeaseLife is how long a device that has stopped reporting keeps others from being counted without asking. Reports come every
// ten seconds and renew it.
const LeaseLife = 30 * time.Second

// leasePlayers is how many page loads of the device that plays are remembered: what one of them could not deliver, the next does.
const leasePlayers = 8

// Lease says on which of a person's devices they are watching: one at a time (trust S-08). Whoever starts takes it, and what
// another plays is not counted. It applies to attendees only, and to programs that never ask not at all: what those report is bounded
// by the person's Budget alone.
type Lease struct {
	Session   string   // names the login session of the device
	Players   []string // page loads of that device, the one that plays last
	Fence     int64    // rises with every change of hands: of two starts the higher has it
	RenewedAt time.Time
}

var errPlaysElsewhere = &Problem{Kind: ErrConflict, Message: "You are watching on another device. What is played here is not counted until you choose to watch here."}

// Player is the page load that plays, "" for none.
func (l Lease) Player() string {
	if len(l.Players) == 0 {
		return ""
	}
	return l.Players[len(l.Players)-1]
}

// Take gives the lease to a player, whoever has it.
func (l Lease) Take(session, player string, now time.Time) Lease {
	var players []string
	if session == l.Session {
		players = slices.DeleteFunc(slices.Clone(l.Players), func(p string) bool { return p == player })
		players = players[max(0, len(players)-leasePlayers+1):]
	}
	return Lease{Session: session, Players: append(players, player), Fence: l.Fence + 1, RenewedAt: now}
}

// Report renews the lease by a report of a player. One of another device is ErrConflict, unless whoever has the lease has not
// reported for LeaseLife: then nobody has it.
func (l Lease) Report(player string, now time.Time) (Lease, error) {
	switch {
	case len(l.Players) == 0:
		return l, nil
	case slices.Contains(l.Players, player):
		l.RenewedAt = now
		return l, nil
	case l.Held(now):
		return l, errPlaysElsewhere
	}
	return Lease{Fence: l.Fence + 1, RenewedAt: now}, nil
}

// Held reports whether some device has the lease now.
func (l Lease) Held(now time.Time) bool {
	return len(l.Players) > 0 && now.Sub(l.RenewedAt) < LeaseLife
}

// ParseLeasePlayers reads the players of a lease as they are stored: names in a row. Names have no spaces.
func ParseLeasePlayers(s string) []string { return strings.Fields(s) }

// LeasePlayers is what ParseLeasePlayers reads.
func LeasePlayers(players []string) string { return strings.Join(players, " ") }
