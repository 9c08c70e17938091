package web

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"

	"lectern/lms"
	"lectern/media/hls"
)

// getHLS serves playlists and segments of a lecture to whoever may watch it. The route has asked that already;
// a lecture that was never on air is not found, like one that is none of the caller's business. What is served
// and how long it may be cached is the recording's own affair; which version of it is shown, the database's.
func getHLS(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := s.recordings.of(r.Context(), s, c)
	if err != nil {
		return err
	}
	if served, err := s.serveCaptions(w, r, c.courseID, id); served {
		return err
	}
	speaker := strings.HasPrefix(r.PathValue("file"), "speaker/") // the camera beside a shared screen
	live := s.desk.Live(string(id))
	if speaker {
		live = s.desk.LiveSpeaker(string(id))
	}
	if live == nil {
		return s.withSubtitles(w, r, c.courseID, !speaker, func(w http.ResponseWriter, r *http.Request) error {
			return s.serveReplay(w, r, id, speaker)
		})
	}
	w.Header().Del("Cache-Control") // of pages; the origin sets its own
	if !c.edge && bearerToken(r) == "" {
		viewer := s.grantKey(r).secret
		r = r.WithContext(hls.WithGate(r.Context(), func() (func(), bool) { return s.waiting.enter(viewer) }))
	}
	return s.withSubtitles(w, r, c.courseID, !speaker, func(w http.ResponseWriter, r *http.Request) error {
		live.ServeHTTP(w, r)
		return nil
	})
}

// maxWaiting is how many requests of a viewer may wait for what is not there yet (trust S-17): a low-latency player
// waits for a playlist and a part of both picture and sound.
const maxWaiting = 4

// waiting counts the requests that wait, by the hash of the viewer's session; those who have none are not in it. The
// CDN waits once for all its viewers, and a bearer token may be that of many. The zero value is ready.
type waiting struct {
	mu sync.Mutex
	n  map[[sha256.Size]byte]int
}

// enter lets a request wait until leave is called, unless as many wait as may.
func (q *waiting) enter(viewer [sha256.Size]byte) (leave func(), may bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == nil {
		q.n = map[[sha256.Size]byte]int{}
	}
	if q.n[viewer] >= maxWaiting {
		return nil, false
	}
	q.n[viewer]++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.n[viewer]--; q.n[viewer] == 0 {
			delete(q.n, viewer)
		}
	}, true
}

// recordings remembers which broadcast a course has, so that a segment costs no question to the database. A
// course gets one broadcast and keeps it for good, so nothing here is ever out of date; there is one small
// entry per lecture. The zero value is ready.
type recordings struct{ known sync.Map } // lms.CourseID to lms.BroadcastID

// of returns the broadcast of the call's course, or lms.ErrNotFound before there is one.
func (k *recordings) of(ctx context.Context, s *Server, c *call) (lms.BroadcastID, error) {
	if id, ok := k.known.Load(c.courseID); ok {
		return id.(lms.BroadcastID), nil
	}
	b, err := s.db.Broadcast(ctx, c.courseID)
	if err != nil {
		return "", err
	}
	k.known.Store(c.courseID, b.ID)
	return b.ID, nil
}
