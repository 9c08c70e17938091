package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"lectern/lms"
	"lectern/media/sfu"
)

// airing is a publisher that asked to be on air as soon as its media arrives.
type airing struct {
	session *sfu.Session
	actor   lms.Actor
}

// airings holds them until it does; at most one for each course, the latest. The zero value is ready.
type airings struct {
	mu      sync.Mutex
	waiting map[lms.CourseID]airing
}

func (a *airings) add(course lms.CourseID, wanted airing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == nil {
		a.waiting = map[lms.CourseID]airing{}
	}
	a.waiting[course] = wanted
}

// again puts back what was taken, unless there is a newer one.
func (a *airings) again(course lms.CourseID, wanted airing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, newer := a.waiting[course]; !newer {
		a.waiting[course] = wanted
	}
}

// take returns the airing of a course once media arrives, and forgets it; one whose session has ended is
// forgotten, too.
func (a *airings) take(course lms.CourseID, publishing bool) (wanted airing, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wanted, ok = a.waiting[course]
	if !ok {
		return airing{}, false
	}
	select {
	case <-wanted.session.Done():
		delete(a.waiting, course)
		return airing{}, false
	default:
	}
	if publishing {
		delete(a.waiting, course)
	}
	return wanted, publishing
}

// wantAir remembers that the session is to be on air, and has Run look at once: media may be arriving already
// when it takes the place of another.
func (s *Server) wantAir(course lms.CourseID, wanted airing) {
	s.airings.add(course, wanted)
	s.PresenterChanged(string(course), true)
}

// airIfSeen puts a course on air whose publisher wanted that, when its media arrives. Run calls it whenever a
// publisher has come or gone.
func (s *Server) airIfSeen(ctx context.Context, course lms.CourseID) {
	wanted, ok := s.airings.take(course, s.sfu.Room(string(course)).Publishing())
	if !ok {
		return
	}
	if _, live := s.desk.OnAir(string(course)); live {
		return // it came back after a break
	}
	err := s.goOnAir(ctx, wanted.actor, course)
	if err == nil || errors.Is(err, lms.ErrConflict) || ctx.Err() != nil {
		return
	}
	s.log.ErrorContext(ctx, "not put on air", "course", course, "error", err)
	if !errors.Is(err, lms.ErrForbidden) && !errors.Is(err, lms.ErrNotFound) {
		s.airings.again(course, wanted)
		time.AfterFunc(airAgain, func() { s.PresenterChanged(string(course), true) })
	}
}

// airAgain is how long after a failure of the database it is tried again: it is back in seconds, or we are not.
const airAgain = time.Second
