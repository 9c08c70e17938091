package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"lectern/lms"
	"lectern/media/broadcast"
	"lectern/media/hls"
)

// A rehearsal is recorded at the desk under a name of its own, from the room in which the presenter is backstage. The course is not on air, so nobody
// watches by WHEP or HLS, no room is told, and there is no broadcast that a watch report could name.

// rehearsalName is what the desk calls the rehearsal of a course. No course has such a name.
func rehearsalName(course lms.CourseID) string { return "rehearsal-" + string(course) }

// rehearsalsEvery is how often it is looked for rehearsals that were forgotten, are kept no longer, or have files to remove.
const rehearsalsEvery = time.Minute

// rehearsalView is the newest rehearsal of a course.
type rehearsalView struct {
	State     string           `json:"state"` // none, running, ended
	ID        *lms.RehearsalID `json:"id"`
	By        *personRef       `json:"by"`
	StartedAt *time.Time       `json:"started_at"`
	LengthMS  int64            `json:"length_ms"`
	HLS       string           `json:"hls"`       // "" when there is nothing to watch
	Recording string           `json:"recording"` // off, recording, failing
	KeptUntil *time.Time       `json:"kept_until"`
}

func getRehearsal(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.sendRehearsal(w, r, c)
}

func (s *Server) sendRehearsal(w http.ResponseWriter, r *http.Request, c *call) error {
	view := rehearsalView{State: "none", Recording: "off"}
	newest, err := s.db.RehearsalOf(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	if newest != nil {
		until := newest.StartedAt.Add(lms.RehearsalKept).UTC()
		start := newest.StartedAt.UTC()
		by := personRef(newest.By)
		view.State, view.ID, view.By, view.StartedAt, view.KeptUntil = "running", &newest.ID, &by, &start, &until
		view.HLS = "/rehearsal/" + string(c.courseID) + "/" + hls.MasterName
		end := s.now()
		if newest.EndedAt != nil {
			view.State, end = "ended", *newest.EndedAt
		}
		view.LengthMS = end.Sub(newest.StartedAt).Milliseconds()
	}
	if status, on := s.desk.OnAir(rehearsalName(c.courseID)); on {
		view.Recording = string(status.Recording.State)
	}
	return writeJSON(w, http.StatusOK, view)
}

// postRehearsal begins a rehearsal with the presenter whose camera reaches us.
func postRehearsal(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if !s.sfu.Room(string(c.courseID)).Publishing() {
		return &lms.Problem{Kind: lms.ErrConflict, Message: "No camera reaches us yet. Allow camera and microphone, then rehearse."}
	}
	done, err := s.cast(r.Context())
	if err != nil {
		return err
	}
	defer done()
	rehearsal, err := s.db.StartRehearsal(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	err = s.desk.Start(context.WithoutCancel(r.Context()), broadcast.Run{
		Course: rehearsalName(c.courseID), Room: string(c.courseID), Broadcast: string(rehearsal.ID), StartedAt: rehearsal.StartedAt,
		Unrecorded: !c.course.Recorded,
	})
	if err != nil { // it goes on: what it records is only for the presenter to see
		s.log.ErrorContext(r.Context(), "rehearsal not recorded", "course", c.courseID, "error", err)
	}
	return s.sendRehearsal(w, r, c)
}

func postRehearsalEnd(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), endWithin)
	defer cancel()
	done, err := s.cast(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := s.db.EndRehearsal(ctx, c.actor, c.courseID); err != nil {
		return err
	}
	if _, err := s.desk.End(ctx, rehearsalName(c.courseID)); err != nil {
		return err
	}
	return s.sendRehearsal(w, r, c)
}

// endRehearsalFor ends a rehearsal that goes on when its lecture goes on air. The caller has the turn to cast.
func (s *Server) endRehearsalFor(ctx context.Context, actor lms.Actor, course lms.CourseID) error {
	if _, on := s.desk.OnAir(rehearsalName(course)); !on {
		return nil
	}
	if err := s.db.EndRehearsal(ctx, actor, course); err != nil && !errors.Is(err, lms.ErrConflict) {
		return err
	}
	_, err := s.desk.End(ctx, rehearsalName(course))
	return err
}

// deleteRehearsal deletes the recordings of all rehearsals of a course; their files go soon after.
func deleteRehearsal(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.db.DeleteRehearsals(r.Context(), c.actor, c.courseID); err != nil {
		return err
	}
	select {
	case s.tidyC <- struct{}{}:
	default: // it is about to look
	}
	return s.sendRehearsal(w, r, c)
}

// getRehearsalFile serves what a rehearsal recorded to those who present.
func getRehearsalFile(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	rehearsal, err := s.db.RehearsalOf(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	if rehearsal == nil {
		return lms.ErrNotFound
	}
	recorded, err := s.desk.Origin(string(rehearsal.ID))
	if errors.Is(err, broadcast.ErrNoRecording) {
		return lms.ErrNotFound
	}
	if err != nil {
		return err
	}
	w.Header().Del("Cache-Control")
	recorded.ServeHTTP(w, r)
	return nil
}

// tidyRehearsals ends, deletes and removes rehearsals that are over, until ctx ends.
func (s *Server) tidyRehearsals(ctx context.Context) {
	tick := time.NewTicker(rehearsalsEvery)
	defer tick.Stop()
	for {
		if err := s.tidyRehearsalsNow(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "rehearsals not tidied", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.tidyC:
		}
	}
}

func (s *Server) tidyRehearsalsNow(ctx context.Context) error {
	over, err := s.db.RehearsalsOver(ctx, false)
	if err != nil {
		return err
	}
	for _, course := range over {
		if _, err := s.desk.End(ctx, rehearsalName(course)); err != nil {
			return err
		}
	}
	gone, err := s.db.RehearsalsToRemove(ctx)
	if err != nil {
		return err
	}
	for _, id := range gone {
		if _, err := s.desk.Remove(string(id)); err != nil { // tried again at the next turn
			return err
		}
		if err := s.db.RehearsalRemoved(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
