package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"lectern/lms"
	"lectern/media/broadcast"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

// postAir puts a lecture on air whose presenter's camera reaches us already.
func postAir(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.goOnAir(r.Context(), c.actor, c.courseID); err != nil {
		return err
	}
	return s.sendCourse(w, r, c, http.StatusOK)
}

// postEnd ends a lecture. From then on its recording is complete.
func postEnd(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.endBroadcast(r.Context(), c.actor, c.courseID); err != nil {
		return err
	}
	return s.sendCourse(w, r, c, http.StatusOK)
}

// cast waits for its turn to put something on or off air: not before Run knows what was on air when the program
// stopped, or a lecture would end without the recording that it had. The caller gives the turn back.
func (s *Server) cast(ctx context.Context) (done func(), err error) {
	select {
	case <-s.resumed:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.casting.Lock()
	return s.casting.Unlock, nil
}

// goOnAir commits that the lecture is on air, starts its recording and tells the room. A recorder that cannot
// start does not keep the audience waiting: the lecture goes on, and its health says what is wrong. A lecture whose
// end could not be committed is on air still, but not at the desk, and is taken up again.
func (s *Server) goOnAir(ctx context.Context, actor lms.Actor, course lms.CourseID) error {
	if !s.sfu.Room(string(course)).Publishing() {
		return &lms.Problem{Kind: lms.ErrConflict, Message: "No camera reaches us yet. Allow camera and microphone, then go on air."}
	}
	done, err := s.cast(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := s.endRehearsalFor(ctx, actor, course); err != nil {
		return err
	}
	b, err := s.db.GoOnAir(ctx, actor, course)
	_, atDesk := s.desk.OnAir(string(course))
	lost := errors.Is(err, lms.ErrConflict) && b.OnAir() && !atDesk
	if err != nil && !lost {
		return err
	}
	s.startDesk(ctx, b)
	s.tellBroadcast(course, b)
	return nil
}

func (s *Server) startDesk(ctx context.Context, b postgres.Broadcast) {
	// The recording outlives the request that started it.
	err := s.desk.Start(context.WithoutCancel(ctx), broadcast.Run{
		Course: string(b.Course), Broadcast: string(b.ID), StartedAt: b.Run.StartedAt, TimelineStartMS: b.Run.StartMS,
		Unrecorded: !b.Recorded,
	})
	if err != nil {
		s.log.ErrorContext(ctx, "recording not started", "course", b.Course, "error", err)
	}
}

// endBroadcast finishes the recording, commits it and tells the room. When the recorder fails, the lecture ends
// all the same, with what is known of its recording. Nobody goes on hearing a presenter who is off air: their
// camera may reach us for as long as they like.
func (s *Server) endBroadcast(ctx context.Context, actor lms.Actor, course lms.CourseID) error {
	// A closed laptop must not leave a lecture half ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	done, err := s.cast(ctx)
	if err != nil {
		return err
	}
	defer done()
	result, err := s.desk.End(ctx, string(course))
	if err != nil {
		return fmt.Errorf("end the recording of %s: %w", course, err)
	}
	recording := postgres.Recording{LengthMS: result.LengthMS}
	for _, edit := range result.Edits {
		recording.Edits = append(recording.Edits, lms.Piece(edit))
	}
	recording.Segments = pieces(result.Segments)
	b, err := s.db.EndBroadcast(ctx, actor, course, recording)
	if err != nil {
		return err
	}
	s.works.Wake()
	s.tellBroadcast(course, b)
	if s.transcribes {
		if err := s.db.QueueTranscription(ctx, course); err != nil {
			s.log.ErrorContext(ctx, "lecture not queued for speech recognition", "course", course, "error", err)
		}
	}
	s.dismiss(func(session mediaSession) bool { return session.Room() == string(course) && !session.Publishes() })
	return nil
}

// endWithin bounds the end of a lecture, most of which is ffmpeg writing its last second of sound.
const endWithin = 30 * time.Second

// tellBroadcast gives the room its state: now, to whoever comes later, and every ten seconds while on air.
func (s *Server) tellBroadcast(course lms.CourseID, b postgres.Broadcast) {
	s.captions.forget(course) // whether they are live has changed
	s.hub.SetBroadcast(string(course), protocol.Broadcast{
		ID: string(b.ID), State: broadcastState(b.OnAir()), TimelineMS: b.Timeline.Edge(s.now()), Presenter: s.presenter(course),
		Sharing: s.sfu.Room(string(course)).Sharing(),
	})
}

// presenter says whether the presenter's media reaches us.
func (s *Server) presenter(course lms.CourseID) protocol.Presenter {
	if s.sfu.Room(string(course)).Publishing() {
		return protocol.Connected
	}
	return protocol.Gone
}

// PresenterChanged is for sfu.Config.OnPublish: media began or ceased to arrive in a room. It never waits; Run
// tells the room.
func (s *Server) PresenterChanged(room string, _ bool) {
	s.changedMu.Lock()
	s.changed[lms.CourseID(room)] = true
	s.changedMu.Unlock()
	s.wakeRun()
}

func (s *Server) wakeRun() {
	select {
	case s.changedC <- struct{}{}:
	default: // Run has been woken already and will find the room
	}
}

// Run takes up what was on air when the program stopped, for which the desk must be running. Then, until ctx
// ends, it tells rooms when their presenter is gone or back, and puts those on air whose publisher wants that as
// soon as it is seen.
func (s *Server) Run(ctx context.Context) error {
	if err := s.resume(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	close(s.resumed)
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { s.watchRecordings(ctx) })
	beside.Go(func() { s.tidyRehearsals(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.changedC:
		}
		s.changedMu.Lock()
		rooms, panels := s.changed, s.panels
		s.changed, s.panels = map[lms.CourseID]bool{}, map[lms.CourseID]bool{}
		s.changedMu.Unlock()
		for course := range panels {
			s.tellPanel(course)
		}
		for course := range rooms {
			s.airIfSeen(ctx, course)
			if err := s.tellPresenter(ctx, course); err != nil && ctx.Err() == nil {
				s.log.ErrorContext(ctx, "room not told of its presenter", "course", course, "error", err)
			}
		}
	}
}

// resume lets recordings go on in their folders, and tells rooms their state before their sockets ask for it.
func (s *Server) resume(ctx context.Context) error {
	live, err := s.db.LiveBroadcasts(ctx)
	if err != nil {
		return fmt.Errorf("resume broadcasts: %w", err)
	}
	for _, b := range live {
		s.startDesk(ctx, b)
		s.tellBroadcast(b.Course, b)
	}
	if _, err := s.db.RehearsalsOver(ctx, true); err != nil { // they do not outlive the program
		return fmt.Errorf("end rehearsals: %w", err)
	}
	return nil
}

// tellPresenter asks afresh whether media arrives, so that the last word is right whatever came in between.
// Before and after a lecture, the room need not know.
func (s *Server) tellPresenter(ctx context.Context, course lms.CourseID) error {
	b, err := s.db.Broadcast(ctx, course)
	if errors.Is(err, lms.ErrNotFound) || (err == nil && !b.OnAir()) {
		return nil
	}
	if err != nil {
		return err
	}
	s.tellBroadcast(course, b)
	return nil
}
