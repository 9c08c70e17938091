package web

import (
	"context"
	"errors"

	"lectern/lms"
	"lectern/media"
	"lectern/media/egress"
	"lectern/media/sfu"
)

// mediaSession is a session of WHIP or WHEP. There are two kinds: an sfu.Session is a PeerConnection, and an
// egress.Session an attendee of the light transport.
type mediaSession interface {
	ID() string
	Owner() string
	Room() string
	Publishes() bool
	ETag() string
	Layer() (wanted, shown media.Layer, limited bool)
	SetLayer(media.Layer)
	Trickle(fragment string) error
	Restart(ctx context.Context, fragment string) (string, error)
	Close()
}

// errNotPublished says that there is nothing to watch yet.
var errNotPublished = errors.New("nothing is published")

// subscribe opens a session for somebody who watches, by the light transport where there is one.
func (s *Server) subscribe(ctx context.Context, course lms.CourseID, offer, owner string) (string, mediaSession, error) {
	if s.egress == nil {
		answer, session, err := s.sfu.Subscribe(ctx, string(course), offer, sfu.SubscribeOptions{Owner: owner})
		if errors.Is(err, sfu.ErrNotPublished) {
			err = errNotPublished
		}
		return answer, session, err
	}
	room := s.sfu.Room(string(course))
	codec, published := room.VideoCodec()
	if !published {
		return "", nil, errNotPublished
	}
	answer, session, err := s.egress.Subscribe(ctx, string(course), room, offer, egress.SubscribeOptions{Owner: owner, VideoCodec: codec})
	if errors.Is(err, egress.ErrNotPublished) {
		err = errNotPublished
	}
	return answer, session, err
}

// findSession returns a session of either kind that has not ended.
func (s *Server) findSession(id string) (mediaSession, bool) {
	if session, ok := s.sfu.Session(id); ok {
		return session, true
	}
	if s.egress != nil {
		if session, ok := s.egress.Session(id); ok {
			return session, true
		}
	}
	return nil, false
}

// dismiss closes the media sessions that are meant.
func (s *Server) dismiss(meant func(mediaSession) bool) {
	s.sfu.Dismiss(func(session *sfu.Session) bool { return meant(session) })
	if s.egress != nil {
		s.egress.Dismiss(func(session *egress.Session) bool { return meant(session) })
	}
}
