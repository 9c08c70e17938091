package egress

import "time"

// unheard is how long nothing authentic may come from an attendee before nothing more is sent to him: browsers report at
// least once a second while they receive. His seat and his session stay, and his next check resumes what was sent.
const unheard = 5 * time.Second

// live notes that something authentic has come.
func (a *attendee) live(now int64) {
	a.alive.Store(now)
	if !a.silent.Load() || !a.silent.CompareAndSwap(true, false) {
		return
	}
	a.mu.Lock()
	w, v := a.worker, a.viewer
	a.mu.Unlock()
	if w != nil {
		w.post(event{kind: returns, viewer: v})
	}
}

// silentSince reports whether to stop sending, which live ends.
func (a *attendee) silentSince(now int64) bool {
	if time.Duration(now-a.alive.Load()) < unheard {
		return false
	}
	a.silent.Store(true)
	if time.Duration(now-a.alive.Load()) < unheard { // something came in this moment and did not see it
		return !a.silent.CompareAndSwap(true, false)
	}
	return true
}

// fallSilent stops sending. Afterwards all streams go on without a hole in their numbers, at a keyframe or with the group
// of pictures so far.
func (v *viewer) fallSilent() {
	v.silent = true
	v.a.server.meters.silences.Inc()
	for i := range v.streams {
		s := &v.streams[i]
		s.selector.Restart()
		s.started, s.asked, s.thin.next = false, time.Time{}, 0
	}
	v.show(false)
}
