package web

import (
	"context"
	"errors"
	"syscall"
	"time"

	"lectern/media/broadcast"
	"lectern/media/hls"
	"lectern/signaling"
	"lectern/signaling/protocol"
)

// How often recordings are looked at, and how often staff are reminded of one that fails.
const (
	recordingsEvery = 2 * time.Second
	remindEvery     = 10 * time.Second
)

// watchRecordings tells moderators and presenters when what is on air is not recorded, and when it is again.
func (s *Server) watchRecordings(ctx context.Context) {
	told := map[string]time.Time{} // courses whose recording fails, and when that was last said
	tick := time.NewTicker(recordingsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.tellRecordings(ctx, told, now)
		}
	}
}

func (s *Server) tellRecordings(ctx context.Context, told map[string]time.Time, now time.Time) {
	failing := map[string]bool{}
	for _, status := range s.desk.Statuses() {
		if status.Recording.State != hls.Failing || status.Room != "" { // a rehearsal says it on its own page
			continue
		}
		failing[status.Course] = true
		if status.Stopped {
			s.recordAgain(ctx, status)
		}
		if last, known := told[status.Course]; !known || now.Sub(last) >= remindEvery {
			told[status.Course] = now
			s.tellStaff(status.Course, &protocol.Recording{State: protocol.Failing, Reason: reasonOf(status)})
		}
	}
	for course := range told {
		if !failing[course] {
			delete(told, course)
			s.tellStaff(course, &protocol.Recording{State: protocol.Recorded})
		}
	}
}

// recordAgain starts the recorder of a lecture that went on air when there could be none, unless it is just being
// ended.
func (s *Server) recordAgain(ctx context.Context, status broadcast.Status) {
	if !s.casting.TryLock() {
		return
	}
	defer s.casting.Unlock()
	if now, on := s.desk.OnAir(status.Course); on && now.Stopped {
		if err := s.desk.Start(ctx, now.Run); err != nil {
			s.log.WarnContext(ctx, "recording not started", "course", status.Course, "error", err)
		}
	}
}

func (s *Server) tellStaff(course string, m protocol.Message) {
	for _, to := range []signaling.Audience{signaling.Moderators, signaling.Presenters} {
		s.hub.Publish(course, to, m)
	}
}

// reasonOf says what moderators can do something about.
func reasonOf(status broadcast.Status) string {
	if errors.Is(status.Recording.LastError, syscall.ENOSPC) || errors.Is(status.Recording.LastError, syscall.EDQUOT) {
		return "disk_full"
	}
	return "other"
}
