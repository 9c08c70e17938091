package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"lectern/lms"
	"lectern/media/sfu"
	"lectern/storage/postgres"
)

// watch opens a browser's WHEP session and returns it once a picture has come through.
func (b *browser) watch(d postgres.Demo) *sfu.Session {
	b.t.Helper()
	viewer := newPeer(b.t)
	seen := viewer.receives()
	whep := b.send("POST", coursePath(d, "/whep/%s"), strings.NewReader(viewer.offer(nil)), http.Header{"Content-Type": {sdpType}}).want(b.t, http.StatusCreated)
	viewer.accept(whep.text)
	<-seen
	path := strings.Split(whep.Header.Get("Location"), "/")
	session, ok := b.web.sfu.Session(path[len(path)-1])
	if !ok {
		b.t.Fatal("no session")
	}
	return session
}

// TestOffAirNobodyListens: the presenter who has ended the lecture and still sits at an open microphone is heard by
// nobody.
func TestOffAirNobodyListens(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	presenter, attendee := s.joined(d.Studio), s.joined(d.Attend[0])
	s.publish(presenter, d)
	presenter.call("POST", coursePath(d, "/api/courses/%s/air"), nil).want(t, http.StatusOK)
	session := attendee.watch(d)
	presenter.call("POST", coursePath(d, "/api/courses/%s/end"), nil).want(t, http.StatusOK)
	<-session.Done()
	if !s.web.sfu.Room(string(d.Course)).Publishing() {
		t.Error("the studio lost its picture, too")
	}
	offer := newPeer(t)
	offer.receives()
	attendee.send("POST", coursePath(d, "/whep/%s"), strings.NewReader(offer.offer(nil)), http.Header{"Content-Type": {sdpType}}).want(t, http.StatusConflict)
}

// TestSignOutEndsMedia: of the login session that is signed out, and no other (trust S-07).
func TestSignOutEndsMedia(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	presenter := s.joined(d.Studio)
	s.publish(presenter, d)
	presenter.call("POST", coursePath(d, "/api/courses/%s/air"), nil).want(t, http.StatusOK)
	phone, laptop := s.signIn("doctor@hospital.example", d.Codes[0].String()), s.signIn("doctor@hospital.example", "")
	onPhone, onLaptop := phone.watch(d), laptop.watch(d)
	phone.post("/sign-out", nil).want(t, http.StatusSeeOther)
	<-onPhone.Done()
	if _, ok := s.web.sfu.Session(onLaptop.ID()); !ok {
		t.Error("the laptop lost its picture, too")
	}
}

// TestLostEnd: the recording is finished but the database could not commit the end. The lecture is on air still, so
// going on air takes it up again, and ending it again keeps what was recorded.
func TestLostEnd(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	presenter := s.joined(d.Studio)
	api := coursePath(d, "/api/courses/%s")
	s.publish(presenter, d)
	presenter.call("POST", api+"/air", nil).want(t, http.StatusOK)
	pieces := func() int { return len(s.web.edits(d.Course, nil)) }
	eventually(t, pieces, func(n int) bool { return n > 0 })
	must(s.web.desk.End(t.Context(), string(d.Course)))(t)

	presenter.call("POST", api+"/air", nil).want(t, http.StatusOK)
	if _, live := s.web.desk.OnAir(string(d.Course)); !live {
		t.Error("the lecture is on air and not recorded")
	}
	presenter.call("POST", api+"/air", nil).want(t, http.StatusConflict)
	presenter.call("POST", api+"/end", nil).want(t, http.StatusOK)
	var resume resumeView
	presenter.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if resume.Mode != lms.ModeReplay || len(resume.Edits) == 0 {
		t.Errorf("the recording is gone: %+v", resume)
	}
}

// TestNothingEndsBeforeItIsTakenUp: in the first moments after a start an end waits until the recording of before is
// at the desk again.
func TestNothingEndsBeforeItIsTakenUp(t *testing.T) {
	s := &Server{resumed: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.cast(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(s.resumed)
	done, err := s.cast(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done()
}
