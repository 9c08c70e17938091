package hls

import (
	"slices"
	"time"

	"lectern/media/hls/playlist"
)

// Classes of marks, which are those of their date ranges.
const (
	MarkQuestion = "lectern.question" // a question was turned to
	MarkSlide    = "lectern.slide"
	MarkPoll     = "lectern.poll"
)

// Mark is a place of the lecture worth finding again: a chapter of the recording. The playlists carry it as a
// date range. ID is letters, digits and dashes, unique in the recording.
type Mark struct {
	ID         string
	Class      string
	TimelineMS int64
	Title      string // plain text; playlists carry its first 120 characters
}

// marksListed bounds what playlists carry: the latest.
const marksListed = 500

// SetMarks replaces the marks of the recording, which are not stored with it: whoever knows them tells again after
// a start.
func (o *Origin) SetMarks(marks []Mark) {
	marks = slices.Clone(marks)
	slices.SortStableFunc(marks, func(a, b Mark) int { return int(a.TimelineMS - b.TimelineMS) })
	if n := len(marks) - marksListed; n > 0 {
		marks = marks[n:]
	}
	o.catalog.setMarks(marks)
}

// Marks returns the marks within the recording in their order.
func (o *Origin) Marks() []playlist.Mark {
	o.catalog.mu.RLock()
	defer o.catalog.mu.RUnlock()
	return o.catalog.listMarks(0)
}

func (k *catalog) setMarks(marks []Mark) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Equal(k.marks, marks) {
		return
	}
	k.marks = marks
	k.revision++
	for r := range k.live.version {
		k.live.version[r]++ // players see it with the next part
	}
}

// listMarks are the marks that lie at or after a place of the timeline and have come.
func (k *catalog) listMarks(from int64) (out []playlist.Mark) {
	end := k.contents.end().Milliseconds()
	for _, m := range k.marks {
		if m.TimelineMS >= from && m.TimelineMS <= end {
			out = append(out, playlist.Mark{
				ID: m.ID, Class: m.Class, Title: m.Title, At: k.contents.wall(m.TimelineMS),
				Timeline: time.Duration(m.TimelineMS) * time.Millisecond,
			})
		}
	}
	return out
}
