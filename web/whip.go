package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"lectern/lms"
	"lectern/media/egress"
	"lectern/media/sfu"
)

// WHIP (RFC 9725) carries a presenter's media to us, WHEP the same way to those who watch: one POST with an
// SDP offer opens a session, whose address takes PATCH for ICE and DELETE for the end. The address is of use
// to the one who opened the session only; to everybody else it does not exist.

const (
	sdpType     = "application/sdp"
	sdpFragType = "application/trickle-ice-sdpfrag"
	corsHeaders = "Authorization, Content-Type, If-Match"
	corsExposed = "Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After"
)

func optionsWHIP(_ *Server, w http.ResponseWriter, _ *http.Request, _ *call) error { return options(w) }

func optionsWHEP(_ *Server, w http.ResponseWriter, _ *http.Request, _ *call) error { return options(w) }

// options says what may be posted (RFC 9725 section 4.2) and answers the preflight of pages elsewhere that
// hold a bearer token. Credentials of the browser are never allowed from there.
func options(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Accept-Post", sdpType)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Expose-Headers", corsExposed)
	h.Set("Access-Control-Max-Age", "7200") // the most that Chromium honours
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// allowElsewhere lets a page of another site read the answer when it proved itself by a bearer token.
func allowElsewhere(w http.ResponseWriter, c *call) {
	if c.token != nil {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", corsExposed)
	}
}

// postWHIP lets a presenter, panellist or moderator publish. With backstage=1 (our studio) the media reaches us and waits
// for the button; without it (OBS, a load generator) a presenter's lecture is on air when media arrives, and deleting the
// session ends it. A second publisher of the same person takes the seat of the first.
func postWHIP(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	allowElsewhere(w, c)
	offer, err := readSDP(r, sdpType)
	if err != nil {
		return err
	}
	seat, err := s.seatOf(r.Context(), c)
	if err != nil {
		return err
	}
	answer, session, err := s.sfu.Publish(r.Context(), string(c.courseID), offer, seat)
	if err != nil {
		return sessionError(err)
	}
	if now, err := s.seatOf(r.Context(), c); err != nil { // put back in the meantime
		session.Close()
		return err
	} else if now.Standing != nil && *now.Standing != *seat.Standing {
		s.sfu.Room(string(c.courseID)).SetStanding(now.Person, *now.Standing)
	}
	if !backstage(r) && seat.Role == sfu.Presenter {
		s.wantAir(c.courseID, airing{session, c.acting()})
	}
	s.linkRelay(w, c)
	return created(w, r, session, answer)
}

// publisherWithin is how long a viewer's request waits for the presenter of a lecture that is on air. After a
// restart both come back in the same moment, and who waits here is served a round trip after the presenter.
const publisherWithin = 5 * time.Second

// postWHEP lets somebody watch. Before the lecture is on air the answer is 409 with Retry-After, even while
// the presenter is already visible backstage. While it is on air and the presenter is missing, the answer waits.
func postWHEP(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	allowElsewhere(w, c)
	offer, err := readSDP(r, sdpType)
	if err != nil {
		return err
	}
	if !s.awaitPublisher(r.Context(), c.courseID) {
		return notOnAir(w)
	}
	answer, session, err := s.subscribe(r.Context(), c.courseID, offer, c.owner())
	if errors.Is(err, errNotPublished) {
		return notOnAir(w)
	}
	if err != nil {
		return sessionError(err)
	}
	if _, live := s.desk.OnAir(string(c.courseID)); !live { // the end of the lecture has dismissed everybody but us
		session.Close()
		return notOnAir(w)
	}
	s.linkRelay(w, c)
	linkLayer(w, r, session)
	return created(w, r, session, answer)
}

// awaitPublisher reports whether a lecture is on air and has a publisher, for which it waits a while.
func (s *Server) awaitPublisher(ctx context.Context, course lms.CourseID) bool {
	ctx, cancel := context.WithTimeout(ctx, publisherWithin)
	defer cancel()
	select {
	case <-s.resumed: // before that nobody knows what is on air
	case <-ctx.Done():
		return false
	}
	if _, live := s.desk.OnAir(string(course)); !live {
		return false
	}
	return s.sfu.Room(string(course)).AwaitPublisher(ctx) == nil
}

func notOnAir(w http.ResponseWriter) error {
	w.Header().Set("Retry-After", "1")
	return errNotPublished
}

// created answers the POST. The address of the session keeps the query, so that DELETE knows what it ends.
func created(w http.ResponseWriter, r *http.Request, session mediaSession, answer string) error {
	location := strings.TrimSuffix(r.URL.Path, "/") + "/" + session.ID()
	if backstage(r) {
		location += "?backstage=1"
	}
	h := w.Header()
	h.Set("Content-Type", sdpType)
	h.Set("Location", location)
	h.Set("ETag", session.ETag())
	h.Set("Accept-Patch", sdpFragType)
	w.WriteHeader(http.StatusCreated)
	_, err := io.WriteString(w, answer)
	return ignoreGone(err)
}

func backstage(r *http.Request) bool { return r.URL.Query().Get("backstage") == "1" }

func patchWHIP(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.patchSession(w, r, c, true)
}

func patchWHEP(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.patchSession(w, r, c, false)
}

// patchSession takes an SDP fragment: with If-Match "*" it restarts ICE and answers 200 with our own fragment
// and a new ETag (RFC 9725 section 4.3.3), with the session's ETag it brings further candidates and answers 204
// (section 4.3.2). A stale ETag is answered 412, a missing one 428.
func (s *Server) patchSession(w http.ResponseWriter, r *http.Request, c *call, publishes bool) error {
	allowElsewhere(w, c)
	session, err := s.session(r, c, publishes)
	if err != nil {
		return err
	}
	match := r.Header.Get("If-Match")
	switch match {
	case "":
		return errPreconditionMissing
	case "*", session.ETag():
	default:
		return errPreconditionFailed
	}
	fragment, err := readSDP(r, sdpFragType)
	if err != nil {
		return err
	}
	if match != "*" {
		if err := session.Trickle(fragment); err != nil {
			return sessionError(err)
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	ours, err := session.Restart(r.Context(), fragment)
	if err != nil {
		return sessionError(err)
	}
	w.Header().Set("Content-Type", sdpFragType)
	w.Header().Set("ETag", session.ETag())
	_, err = io.WriteString(w, ours)
	return ignoreGone(err)
}

// deleteWHIP ends a presenter's session, and the lecture with it unless the session was opened backstage.
func deleteWHIP(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	allowElsewhere(w, c)
	session, err := s.session(r, c, true)
	if err != nil {
		return err
	}
	defer session.Close() // last, so that the audience is not told that the presenter has gone
	if backstage(r) || !c.acting().Can(lms.Present, c.placed()) {
		return nil
	}
	if err := s.endBroadcast(r.Context(), c.acting(), c.courseID); err != nil && !errors.Is(err, lms.ErrConflict) {
		return err
	}
	return nil
}

// deleteScreen says that the session shows no screen any more. The media itself says it late or not at all: of a
// still screen browsers send nothing either. Showing one again needs no word, its packets tell.
func deleteScreen(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	allowElsewhere(w, c)
	if _, err := s.session(r, c, true); err != nil {
		return err
	}
	if session, ok := s.sfu.Session(r.PathValue("session")); ok {
		session.Unshare()
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func deleteWHEP(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	allowElsewhere(w, c)
	session, err := s.session(r, c, false)
	if err != nil {
		return err
	}
	session.Close()
	return nil
}

// session finds the session of the path. It must be of this course, of this kind and opened by the same caller,
// else it is not found, like one that never was (trust S-16).
func (s *Server) session(r *http.Request, c *call, publishes bool) (mediaSession, error) {
	session, ok := s.findSession(r.PathValue("session"))
	if !ok || session.Room() != string(c.courseID) || session.Publishes() != publishes || session.Owner() != c.owner() {
		return nil, lms.ErrNotFound
	}
	return session, nil
}

// readSDP reads a body of one media type. Its size was limited by the route.
func readSDP(r *http.Request, want string) (string, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != want {
		return "", &lms.Problem{Kind: errMediaType, Message: "Send this as " + want + "."}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", bodyError(err)
	}
	if len(body) == 0 {
		return "", &lms.Problem{Kind: errMalformed, Message: "The body is empty; send a session description."}
	}
	return string(body), nil
}

var (
	noCodec  = lms.Problem{Kind: lms.ErrInvalid, Message: "No codec in common: offer H.264 (packetization-mode=1) or VP8, and Opus."}
	unusable = lms.Problem{Kind: errMalformed, Message: "The session description cannot be used here."}
	tooMany  = lms.Problem{Kind: errFull, Retry: 2 * time.Second}
)

// sessionErrors says which of the forwarder's refusals is whose fault. Nothing of the description is repeated.
var sessionErrors = []struct {
	is      error
	problem lms.Problem
}{
	{sfu.ErrCodec, noCodec},
	{egress.ErrCodec, noCodec},
	{sfu.ErrOffer, unusable},
	{egress.ErrOffer, unusable},
	{sfu.ErrFull, tooMany},
	{egress.ErrFull, tooMany},
	{sfu.ErrClosed, lms.Problem{Kind: lms.ErrNotFound}},
	{egress.ErrClosed, lms.Problem{Kind: lms.ErrNotFound}},
}

func sessionError(err error) error {
	for _, row := range sessionErrors {
		if errors.Is(err, row.is) {
			return &row.problem
		}
	}
	return err
}
