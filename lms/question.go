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
	AnsweredText QuestionState = "answered_text" // was answered in writing, to all or to those who asked
	Merged       QuestionState = "merged"        // is part of another question, whose answer is its own
	Deferred     QuestionState = "deferred"      // is to be answered after the lecture, by mail
)

// hidden are the states that only moderators and the asker see.
var hidden = []QuestionState{Pending, Dismissed, Merged, Deferred}

// HiddenStates returns the states of questions that the audience is never shown.
func HiddenStates() []QuestionState { return slices.Clone(hidden) }

// Public reports whether the audience sees the question.
func (q Question) Public() bool {
	return !slices.Contains(hidden, q.State) && (q.State != AnsweredText || q.AnswerPublic)
}

// AskerState is the same as its asker reads it. Nobody is ever told that a question was rejected.
func (s QuestionState) AskerState() string {
	switch s {
	case Approved:
		return "shown"
	case Assigned:
		return "next"
	case OnAir:
		return "on_air"
	case AnsweredLive, AnsweredText:
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

	Answer       string        // with AnsweredText, and of a merged question that of its target
	AnswerPublic bool          // all may read it, not only those who asked
	MergedInto   QuestionID    // with Merged
	TargetState  QuestionState // with Merged: the state of the question that it is part of
	ClaimedBy    PersonID      // the moderator who is at it, until ClaimedUntil
	ClaimedUntil time.Time
}

// ClaimFor is how long a claim keeps other moderators off a question.
const ClaimFor = time.Minute

// AnswerMax is the longest written answer in characters.
const AnswerMax = 2000

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
	Approve      ActionKind = "approve"
	Dismiss      ActionKind = "dismiss"
	Assign       ActionKind = "assign"
	Edit         ActionKind = "edit"
	Answering    ActionKind = "answering" // the presenter turns to it now
	Answered     ActionKind = "answered"
	Merge        ActionKind = "merge"   // into another question
	AnswerInText ActionKind = "reply"   // in writing
	Defer        ActionKind = "defer"   // to after the lecture
	Claim        ActionKind = "claim"   // the moderator is at it
	Release      ActionKind = "release" // and is not any more
	Restore      ActionKind = "restore" // takes a decision back: a moderator's to pending, a presenter's to those that wait
)

// Action is a wish to change a question.
type Action struct {
	Kind     ActionKind
	Version  int      // of the question that the actor saw
	Assignee PersonID // with Assign: a presenter of the course, which the caller has made sure of
	Text     string   // with Edit and AnswerInText; with Approve another wording, or ""

	Public bool       // with AnswerInText: for all, not only for those who asked
	Into   QuestionID // with Merge: another question of the course, which the caller has made sure of and is not merged itself
	At     time.Time  // now
}

// transitions says from which states an action leads where. Edit stays where it is. Restore takes what
// moderators decided back to pending, which is theirs to do, and what presenters did back to those that wait.
var transitions = map[ActionKind]struct {
	from []QuestionState
	to   QuestionState
	need Permission
}{
	Approve:      {[]QuestionState{Pending}, Approved, Moderate},
	Dismiss:      {[]QuestionState{Pending, Approved, Assigned}, Dismissed, Moderate},
	Assign:       {[]QuestionState{Pending, Approved, Assigned}, Assigned, Moderate},
	Edit:         {[]QuestionState{Pending, Approved, Assigned}, "", Moderate},
	Answering:    {[]QuestionState{Approved, Assigned}, OnAir, Answer},
	Answered:     {[]QuestionState{Approved, Assigned, OnAir}, AnsweredLive, Answer},
	Merge:        {[]QuestionState{Pending, Approved, Assigned}, Merged, Moderate},
	AnswerInText: {[]QuestionState{Pending, Approved, Assigned, Deferred, AnsweredText}, AnsweredText, Moderate},
	Defer:        {[]QuestionState{Pending, Approved, Assigned}, Deferred, Moderate},
	Claim:        {[]QuestionState{Pending, Approved, Assigned, Deferred}, "", Moderate},
	Release:      {[]QuestionState{Pending, Approved, Assigned, Deferred}, "", Moderate},
	Restore:      {[]QuestionState{Approved, Dismissed, Assigned, OnAir, AnsweredLive, AnsweredText, Merged, Deferred}, "", Answer},
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
	if rule.need == Moderate && q.ClaimedBy != "" && q.ClaimedBy != actor.Person && a.At.Before(q.ClaimedUntil) {
		return q, &Problem{Kind: ErrConflict, Field: "claim", Message: "Another moderator is at this question. It is free again within a minute."}
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
	if a.Kind != Claim {
		q.ClaimedBy, q.ClaimedUntil = "", time.Time{}
	}
	switch a.Kind {
	case Claim:
		q.ClaimedBy, q.ClaimedUntil = actor.Person, a.At.Add(ClaimFor)
	case Merge:
		if a.Into == "" || a.Into == q.ID {
			return invalid("into", "Choose another question to merge this one into.")
		}
		q.MergedInto = a.Into
	case AnswerInText:
		text, err := parseText("text", a.Text, 1, AnswerMax, "Enter the answer in at most 2,000 characters.")
		if err != nil {
			return err
		}
		q.Answer, q.AnswerPublic = text, a.Public
	case Assign:
		if a.Assignee == "" {
			return invalid("assignee", "Choose the presenter who shall answer.")
		}
		q.Assignee = a.Assignee
	case Edit, Approve:
		if a.Kind == Approve && a.Text == "" {
			return nil
		}
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
		q.AnsweredMS, q.MergedInto, q.Answer, q.AnswerPublic = nil, "", "", false
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
	return actor.Can(Watch, scope) && (q.Public() || q.Asker == actor.Person)
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
	if q.State == Merged {
		return q.TargetState.AskerState()
	}
	return q.State.AskerState()
}

// AnswerFor returns the written answer as far as the actor may read it.
func (q Question) AnswerFor(actor Actor, scope Scope) string {
	if q.AnswerPublic || q.Asker == actor.Person || actor.Can(Moderate, scope) {
		return q.Answer
	}
	return ""
}
