package lms

import (
	"slices"
	"time"
)

// QuestionState is where a question stands (lms.md 1.7, as far as built).
type QuestionState string

// The states.
const (
	Pending      QuestionState = "pending"       // seen by its asker and by moderators
	Approved     QuestionState = "approved"      // seen by everyone
	Dismissed    QuestionState = "dismissed"     // seen by moderators; the asker is not told
	Assigned     QuestionState = "assigned"      // a presenter is to answer it
	OnAir        QuestionState = "on_air"        // being answered now
	AnsweredLive QuestionState = "answered_live" // was answered at a known place of the timeline
)

// Public reports whether the audience sees a question in this state.
func (s QuestionState) Public() bool { return s != Pending && s != Dismissed }

// AskerState is the same as its asker reads it. Nobody is ever told that a question was rejected.
func (s QuestionState) AskerState() string {
	switch s {
	case Approved:
		return "shown"
	case Assigned:
		return "next"
	case OnAir:
		return "on_air"
	case AnsweredLive:
		return "answered"
	}
	return "received"
}

// Question is a question as the rules see it. Version rises by one with every change and stands in each
// wish to change it, so that two moderators cannot undo each other unknowingly.
type Question struct {
	ID         QuestionID
	Version    int
	State      QuestionState
	Text       string
	Original   string // the asker's own words, once a moderator has edited them; else ""
	Asker      PersonID
	HideName   bool     // the name is hidden from audience and presenters, and visible to moderators
	Assignee   PersonID // the presenter who is to answer; "" for nobody yet
	AnsweredMS *int64   // where on the timeline the answer began, in ms
}

// QuestionMax is the longest question in characters.
const QuestionMax = 500

// AskEvery is how often one person may ask.
const AskEvery = 20 * time.Second

// ParseQuestion reads the text of a question.
func ParseQuestion(s string) (string, error) {
	text, err := parseText("text", s, 1, QuestionMax, "")
	if err != nil {
		return "", rejected("text", "question_text")
	}
	return text, nil
}

// MayAsk returns nil when somebody whose last question was at last (zero: none) may ask now.
func MayAsk(last, now time.Time) error {
	if wait := last.Add(AskEvery).Sub(now); !last.IsZero() && wait > 0 {
		return &Problem{Kind: ErrTooMany, Field: "text", Code: "question_wait", Retry: wait}
	}
	return nil
}

// ActionKind is something to do with a question.
type ActionKind string

// The actions, named as in the API.
const (
	Approve   ActionKind = "approve"
	Dismiss   ActionKind = "dismiss"
	Assign    ActionKind = "assign"
	Edit      ActionKind = "edit"
	Answering ActionKind = "answering" // the presenter turns to it now
	Answered  ActionKind = "answered"
	Restore   ActionKind = "restore" // takes a decision back: a moderator's to pending, a presenter's to those that wait
)

// Action is a wish to change a question.
type Action struct {
	Kind     ActionKind
	Version  int      // of the question that the actor saw
	Assignee PersonID // with Assign: a presenter of the course, which the caller has made sure of
	Text     string   // with Edit
}

// transitions says from which states an action leads where. Edit stays where it is. Restore takes what
// moderators decided back to pending, which is theirs to do, and what presenters did back to those that wait.
var transitions = map[ActionKind]struct {
	from []QuestionState
	to   QuestionState
	need Permission
}{
	Approve:   {[]QuestionState{Pending}, Approved, Moderate},
	Dismiss:   {[]QuestionState{Pending, Approved, Assigned}, Dismissed, Moderate},
	Assign:    {[]QuestionState{Pending, Approved, Assigned}, Assigned, Moderate},
	Edit:      {[]QuestionState{Pending, Approved, Assigned}, "", Moderate},
	Answering: {[]QuestionState{Approved, Assigned}, OnAir, Answer},
	Answered:  {[]QuestionState{Approved, Assigned, OnAir}, AnsweredLive, Answer},
	Restore:   {[]QuestionState{Approved, Dismissed, Assigned, OnAir, AnsweredLive}, "", Answer},
}

// Apply returns the question after the action of the actor, in the scope of the question's course, at
// timelineMS of its broadcast. It refuses with ErrForbidden what the role does not allow, with
// ErrConflict what does not follow from the present state or was meant for another version, with
// ErrInvalid an action that is not whole, and with ErrNotFound a question that the actor may not see.
func (q Question) Apply(actor Actor, scope Scope, a Action, timelineMS int64) (Question, error) {
	rule, known := transitions[a.Kind]
	if !known {
		return q, invalid("action", "There is no such action.")
	}
	if !q.VisibleTo(actor, scope) {
		return q, ErrNotFound
	}
	need := rule.need
	if a.Kind == Restore && q.State != OnAir && q.State != AnsweredLive {
		need = Moderate
	}
	if err := q.mayChange(actor, scope, need); err != nil {
		return q, err
	}
	if a.Version != q.Version {
		return q, &Problem{Kind: ErrConflict, Field: "version", Message: "Somebody else has just changed this question. Look at it again."}
	}
	if !slices.Contains(rule.from, q.State) {
		return q, &Problem{Kind: ErrConflict, Field: "action", Message: "The question has moved on, so this is no longer possible."}
	}
	if rule.to != "" {
		q.State = rule.to
	}
	if err := q.fill(actor, scope, a, timelineMS); err != nil {
		return q, err
	}
	q.Version++
	return q, nil
}

// mayChange holds a presenter to what is theirs or nobody's. Moderators may change all.
func (q Question) mayChange(actor Actor, scope Scope, need Permission) error {
	if err := actor.Need(need, scope); err != nil {
		return err
	}
	if actor.Can(Moderate, scope) || q.Assignee == "" || q.Assignee == actor.Person {
		return nil
	}
	return &Problem{Kind: ErrForbidden, Message: "This question is assigned to another presenter."}
}

// fill sets what an action changes besides the state.
func (q *Question) fill(actor Actor, scope Scope, a Action, timelineMS int64) error {
	switch a.Kind {
	case Assign:
		if a.Assignee == "" {
			return invalid("assignee", "Choose the presenter who shall answer.")
		}
		q.Assignee = a.Assignee
	case Edit:
		text, err := ParseQuestion(a.Text)
		if err != nil {
			return err
		}
		if q.Original == "" {
			q.Original = q.Text
		}
		q.Text = text
	case Answering, Answered:
		if q.Assignee == "" && actor.Has(Presenter, scope) {
			q.Assignee = actor.Person
		}
		if q.AnsweredMS == nil {
			q.AnsweredMS = &timelineMS
		}
	case Restore:
		q.AnsweredMS = nil
		switch {
		case q.State != OnAir && q.State != AnsweredLive:
			q.State, q.Assignee = Pending, ""
		case q.Assignee != "":
			q.State = Assigned
		default:
			q.State = Approved
		}
	}
	return nil
}

// VisibleTo reports whether the actor sees the question: moderators all, its asker their own, others
// those that are public.
func (q Question) VisibleTo(actor Actor, scope Scope) bool {
	if actor.Can(Moderate, scope) {
		return true
	}
	return actor.Can(Watch, scope) && (q.State.Public() || q.Asker == actor.Person)
}

// AskerVisibleTo reports whether the actor is shown who asked. "Hide my name" has one printed meaning:
// hidden from audience and presenters, visible to moderators.
func (q Question) AskerVisibleTo(actor Actor, scope Scope) bool {
	return !q.HideName || q.Asker == actor.Person || actor.Can(Moderate, scope)
}

// StateFor returns the state's name as the actor reads it: its own one for staff, and the asker's
// reading for an attendee's own questions. What others asked is public or not shown at all.
func (q Question) StateFor(actor Actor, scope Scope) string {
	if actor.Can(Answer, scope) || q.Asker != actor.Person {
		return string(q.State)
	}
	return q.State.AskerState()
}
