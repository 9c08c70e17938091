package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Welcome answers a Hello: the client is in the room. It carries all that a client needs to start afresh,
// so that one which comes back after a hole is right again at once.
type Welcome struct {
	Room       string     `json:"room"` // the course
	Person     string     `json:"person"`
	Roles      []string   `json:"roles"`   // of this person in this course
	Viewers    int        `json:"viewers"` // attendees connected, each person once
	Broadcast  *Broadcast `json:"broadcast"`
	Epoch      string     `json:"epoch"`   // of the counting of events
	Offset     int64      `json:"offset"`  // of the last event that the state read from now on contains
	Resumed    bool       `json:"resumed"` // what was missed since the client's hello follows: nothing need be read again
	ServerTime UnixMS     `json:"server_time"`
}

func (*Welcome) messageType() string { return "welcome" }

func (w *Welcome) check() error {
	switch {
	case w.Room == "":
		return invalid("room", "is missing")
	case w.Person == "":
		return invalid("person", "is missing")
	case w.Viewers < 0:
		return invalid("viewers", "must not be negative")
	case w.Broadcast != nil:
		return w.Broadcast.check()
	}
	return nil
}

// Events is what happened in the room since the tick before, of several events about one thing the last only. The
// client keeps Epoch and Offset for the hello of its next connection; an offset of 0 leaves them as they are.
type Events struct {
	Epoch      string  `json:"epoch"`
	Offset     int64   `json:"offset"`
	ServerTime UnixMS  `json:"server_time"` // when it was sent
	Events     []Event `json:"events"`
}

// Event is a message of the server within Events.
type Event struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

func (*Events) messageType() string { return "events" }

func (e *Events) check() error {
	switch {
	case e.Offset < 0:
		return invalid("offset", "must not be negative")
	case len(e.Events) == 0:
		return invalid("events", "must not be empty")
	}
	return nil
}

// Messages decodes the events. Types that this side does not know are left out.
func (e *Events) Messages() ([]Message, error) {
	var all []Message
	for _, event := range e.Events {
		m, err := decodeData(event.Type, event.Data, serverMessage)
		if errors.Is(err, ErrUnknownType) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// Resync says that events may have been missed: the client reads the state again, at a random moment within ten seconds.
type Resync struct{}

func (*Resync) messageType() string { return "resync" }
func (*Resync) check() error        { return nil }

// UnixMS is a moment as milliseconds since 1970-01-01 UTC, which JavaScript's Date counts in, too.
type UnixMS int64

// At returns t as the socket writes it.
func At(t time.Time) UnixMS { return UnixMS(t.UnixMilli()) }

// State says whether a broadcast is on air.
type State string

const (
	OnAir State = "live"
	Ended State = "ended"
)

// Presenter says whether the presenter's media reaches us. A lecture stays on air while it does not.
type Presenter string

const (
	Connected Presenter = "connected"
	Gone      Presenter = "gone"
)

// Broadcast is the state of the lecture, sent on each change and every ten seconds as a clock: the session
// timeline stood at TimelineMS when the server's clock showed ServerTime, and moves with it while on air.
type Broadcast struct {
	ID         string    `json:"id"`
	State      State     `json:"state"`
	TimelineMS int64     `json:"timeline_ms"`
	Presenter  Presenter `json:"presenter"`
	Sharing    bool      `json:"sharing,omitempty"` // a screen is shown besides the camera
	ServerTime UnixMS    `json:"server_time"`       // filled in by the hub
}

func (*Broadcast) messageType() string { return "broadcast" }

func (b *Broadcast) check() error {
	switch {
	case b.ID == "":
		return invalid("id", "is missing")
	case b.State != OnAir && b.State != Ended:
		return invalid("state", `must be "live" or "ended"`)
	case b.Presenter != Connected && b.Presenter != Gone:
		return invalid("presenter", `must be "connected" or "gone"`)
	case b.TimelineMS < 0:
		return invalid("timeline_ms", "must not be negative")
	}
	return nil
}

// Presence says how many attendees are connected, each person once; at most once a second.
type Presence struct {
	Viewers int `json:"viewers"`
}

func (*Presence) messageType() string { return "presence" }

func (p *Presence) check() error {
	if p.Viewers < 0 {
		return invalid("viewers", "must not be negative")
	}
	return nil
}

// Recording says whether what is on air is being recorded, to moderators and presenters: when that changes, and again
// every ten seconds while it fails. The lecture goes on all the same.
type Recording struct {
	State  RecordingState `json:"state"`
	Reason string         `json:"reason,omitempty"` // why it fails: "disk_full" or "other"
}

// RecordingState is how a recording is doing.
type RecordingState string

const (
	Recorded RecordingState = "recording"
	Failing  RecordingState = "failing" // nothing is kept; tried again every two seconds
)

func (*Recording) messageType() string { return "recording" }

func (r *Recording) check() error {
	if r.State != Recorded && r.State != Failing {
		return invalid("state", `must be "recording" or "failing"`)
	}
	return nil
}

// QuestionChanged carries a question as the receiver may see it. It is a hint: a client that missed one
// reads the questions again when it is welcomed.
type QuestionChanged struct {
	Question Question `json:"question"`
}

func (*QuestionChanged) messageType() string { return "question" }

func (q *QuestionChanged) check() error {
	switch {
	case q.Question.ID == "":
		return invalid("question.id", "is missing")
	case q.Question.State == "":
		return invalid("question.state", "is missing")
	}
	return nil
}

// Question is one question in the view of its receiver; the same shape as in the HTTP API. Which states
// and fields a receiver is shown is decided by lms, not here.
type Question struct {
	ID           string    `json:"id"`
	Version      int64     `json:"version"` // of two views the one with the higher version is newer
	State        string    `json:"state"`
	Text         string    `json:"text"`
	AskedMS      int64     `json:"asked_ms"` // on the session timeline
	AskedAt      time.Time `json:"asked_at"`
	Asker        *Asker    `json:"asker"` // null when hidden from the receiver
	Mine         bool      `json:"mine"`
	Assignee     *Assignee `json:"assignee"`
	AnsweredMS   *int64    `json:"answered_ms"` // on the session timeline
	Edited       bool      `json:"edited"`
	OriginalText string    `json:"original_text,omitempty"` // moderators only
	HideName     bool      `json:"hide_name,omitempty"`     // moderators only: audience and presenters do not see who asked
	Votes        int       `json:"votes"`
	Voted        *bool     `json:"voted,omitempty"`         // by the reader; missing in events, which change nothing of it
	Answer       string    `json:"answer,omitempty"`        // in writing, as far as the receiver may read it
	AnswerToAll  bool      `json:"answer_public,omitempty"` // with Answer
	MergedInto   string    `json:"merged_into,omitempty"`   // moderators only
	Claim        *Claim    `json:"claim,omitempty"`         // moderators only
}

// Claim says which moderator is at a question.
type Claim struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

// Asker is who asked, as far as the receiver may know.
type Asker struct {
	Name    string `json:"name"`
	Country string `json:"country"` // ISO 3166-1 alpha-2
}

// Assignee is the presenter who is to answer.
type Assignee struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Caption is one more live caption of a lecture, or, without a cue, says that the tracks have changed: the client
// reads them again. Like every event it is a hint.
type Caption struct {
	Language string `json:"language"` // BCP 47
	Version  int    `json:"version"`  // of the track; its cues belong to no other
	Cue      *Cue   `json:"cue"`
}

func (*Caption) messageType() string { return "caption" }

func (c *Caption) check() error {
	switch {
	case c.Language == "":
		return invalid("language", "is missing")
	case c.Version < 0:
		return invalid("version", "must not be negative")
	case c.Cue != nil && (c.Cue.Text == "" || c.Cue.Number < 1 || c.Cue.StartMS < 0 || c.Cue.EndMS <= c.Cue.StartMS):
		return invalid("cue", "must have a number, a text and a time")
	}
	return nil
}

// Cue is one caption; the same shape as in the HTTP API. Text and speaker are plain words, never markup.
type Cue struct {
	Number  int    `json:"n"`
	StartMS int64  `json:"start_ms"` // on the session timeline
	EndMS   int64  `json:"end_ms"`
	Text    string `json:"text"`
	Speaker string `json:"speaker,omitempty"`
}

// PanelChanged says that something of the panel is new: to those on it and those who direct it as a hint to read it
// again, and to the person whose standing was changed with what it is now.
type PanelChanged struct {
	Person string `json:"person,omitempty"` // whose standing; empty for a mere hint
	Member bool   `json:"member,omitempty"` // asked in and not put back
	OnAir  bool   `json:"on_air,omitempty"` // something of theirs is
	Muted  bool   `json:"muted,omitempty"`  // by a moderator or presenter
}

func (*PanelChanged) messageType() string { return "panel" }

func (p *PanelChanged) check() error {
	if p.Person == "" && (p.Member || p.OnAir || p.Muted) {
		return invalid("person", "is missing")
	}
	return nil
}

// Playing says on which of a person's devices they watch from now on. A page whose player is another, and whose own fence is
// lower, stops and says so.
type Playing struct {
	Player string `json:"player"`           // of the page that plays
	Fence  int64  `json:"fence"`            // rises with each change of hands
	Device string `json:"device,omitempty"` // in words, such as "Chrome, Android"
}

func (*Playing) messageType() string { return "playing" }

// Check tells whether the player can be one.
func (p *Playing) Check() error { return p.check() }

func (p *Playing) check() error {
	if !token(p.Player, MinPlayer, MaxPlayer) || p.Fence < 1 {
		return invalid("player", fmt.Sprintf("must be %d to %d letters, digits, - or _, with a fence of 1 or more", MinPlayer, MaxPlayer))
	}
	return nil
}

// Ack says that a report is committed. The client forgets the report only now.
type Ack struct {
	Player     string  `json:"player"`
	Seq        int64   `json:"seq"`
	WatchedS   int     `json:"watched_s"`   // distinct seconds of the timeline that this person watched so far
	Share      float64 `json:"share"`       // of what counts, 0 to 1
	PositionMS int64   `json:"position_ms"` // where the person would resume
	RefusedS   int     `json:"refused_s"`   // seconds of this report that the rules did not accept
}

func (*Ack) messageType() string { return "ack" }

func (a *Ack) check() error {
	if !token(a.Player, MinPlayer, MaxPlayer) || a.Seq < 1 {
		return invalid("player and seq", "must name a report")
	}
	return nil
}

// Codes of an Error.
const (
	CodeMalformed   = "malformed"    // the message could not be read
	CodeUnknownType = "unknown_type" // the server does not know the message
	CodeInvalid     = "invalid"      // a field is out of its bounds; sending the same again is of no use
	CodeUnexpected  = "unexpected"   // the message does not belong here, such as a second hello
	CodeRefused     = "refused"      // the rules say no; sending the same again is of no use
	CodeBusy        = "busy"         // too many reports under way; send it again when others are acknowledged
	CodeUnavailable = "unavailable"  // could not be saved now; send it again later
	CodeTooFast     = "too_fast"     // the last word before CloseTooFast
)

// Error says what was wrong with a message of the client and what to do. Player and Seq stand there when
// the message was a report, so that the client knows which.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Player  string `json:"player,omitempty"`
	Seq     int64  `json:"seq,omitempty"`
}

func (*Error) messageType() string { return "error" }

func (e *Error) check() error {
	switch {
	case e.Code == "":
		return invalid("code", "is missing")
	case len(e.Message) > MaxMessage:
		return invalid("message", "is too long")
	}
	return nil
}
