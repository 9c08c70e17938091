package lms

import "slices"

// PanelMax is how many attendees may be on the panel of a course at a time, besides its presenters.
const PanelMax = 16

// PanelSource is something that a person on the panel sends.
type PanelSource string

// The sources.
const (
	CameraSource     PanelSource = "camera"
	MicrophoneSource PanelSource = "microphone"
	ScreenSource     PanelSource = "screen"
)

// panelSources is all of them, in the order in which pages list them.
var panelSources = []PanelSource{CameraSource, MicrophoneSource, ScreenSource}

// Standing is what of a person may be seen and heard in a course. What is not on air is heard backstage, by presenters,
// panellists and moderators; who is muted is heard by nobody.
type Standing struct {
	Person PersonID
	Role   Role // of the person in the course: Presenter, Moderator, Panellist or, once put back or never asked in, Attendee
	OnAir  []PanelSource
	Muted  bool
	Asks   bool // to be unmuted
}

// NewStanding is that of somebody of whom nothing was decided yet: presenters are on air, all others are not.
func NewStanding(person PersonID, role Role) Standing {
	s := Standing{Person: person, Role: role}
	if role == Presenter {
		s.OnAir = slices.Clone(panelSources)
	}
	return s
}

// IsOnAir reports whether a source may be seen or heard by the audience.
func (s Standing) IsOnAir(source PanelSource) bool { return slices.Contains(s.OnAir, source) }

// PanelAction is something to do with a person of the panel.
type PanelAction string

// The actions, named as in the API.
const (
	PanelPromote    PanelAction = "promote"  // ask an attendee in; backstage at first
	PanelPutBack    PanelAction = "put_back" // to the audience
	PanelOnAir      PanelAction = "on_air"
	PanelOffAir     PanelAction = "off_air"
	PanelMute       PanelAction = "mute"
	PanelUnmute     PanelAction = "unmute"
	PanelAskUnmute  PanelAction = "ask_unmute"
	panelConflict               = "This person is not on the panel any more. Look at the list again."
	panelOwnWrong               = "Somebody else has to do this for you."
	panelOwnMissing             = "Only the person who was muted can ask for this."
)

// Apply returns the standing after an action of the actor in the scope of the course, in whose panel there are so many
// panellists. An empty source means all. The rules: presenters and moderators ask attendees in, put panellists back,
// put their sources on air, and mute; only moderators mute presenters. Everybody may leave the panel and take their own
// sources off air; nobody unmutes themself, but may ask. Errors: ErrForbidden, ErrConflict, ErrInvalid.
func (s Standing) Apply(actor Actor, scope Scope, action PanelAction, source PanelSource, panellists int) (Standing, error) {
	if source != "" && !slices.Contains(panelSources, source) {
		return s, invalid("source", "Choose camera, microphone or screen.")
	}
	own := actor.Person == s.Person
	if err := s.may(actor, scope, action, own); err != nil {
		return s, err
	}
	switch {
	case action == PanelPromote && s.Role == Panellist:
		return s, nil
	case action == PanelPromote && s.Role != Attendee:
		return s, &Problem{Kind: ErrConflict, Message: "This person is on the panel already."}
	case action == PanelPromote && panellists >= PanelMax:
		return s, &Problem{Kind: ErrConflict, Message: "The panel is full. Put somebody back first."}
	case action != PanelPromote && s.Role == Attendee:
		return s, &Problem{Kind: ErrConflict, Message: panelConflict}
	}
	s.OnAir = slices.Clone(s.OnAir)
	switch action {
	case PanelPromote:
		return NewStanding(s.Person, Panellist), nil
	case PanelPutBack:
		if s.Role != Panellist {
			return s, &Problem{Kind: ErrConflict, Message: "Presenters and moderators are on the panel by their role."}
		}
		return NewStanding(s.Person, Attendee), nil
	case PanelOnAir, PanelOffAir:
		return s.air(action == PanelOnAir, source)
	case PanelMute:
		s.Muted = true
	case PanelUnmute:
		s.Muted, s.Asks = false, false
	case PanelAskUnmute:
		if !s.Muted {
			return s, &Problem{Kind: ErrConflict, Message: "You are not muted any more."}
		}
		s.Asks = true
	}
	return s, nil
}

// may is who may do it to whom.
func (s Standing) may(actor Actor, scope Scope, action PanelAction, own bool) error {
	switch action {
	case PanelAskUnmute:
		if !own {
			return &Problem{Kind: ErrForbidden, Message: panelOwnMissing}
		}
		return actor.Need(JoinPanel, scope)
	case PanelPutBack, PanelOffAir:
		if own {
			return actor.Need(JoinPanel, scope)
		}
	case PanelPromote, PanelOnAir:
	case PanelMute, PanelUnmute:
		if own {
			return &Problem{Kind: ErrForbidden, Message: panelOwnWrong}
		}
		if s.Role == Presenter || s.Role == Moderator {
			return actor.Need(Moderate, scope)
		}
	default:
		return invalid("action", "There is no such action.")
	}
	return actor.Need(Direct, scope)
}

// air puts a source, or all, on air or off it.
func (s Standing) air(on bool, source PanelSource) (Standing, error) {
	if s.Role == Moderator {
		return s, &Problem{Kind: ErrConflict, Message: "Moderators speak backstage only."}
	}
	var after []PanelSource
	for _, one := range panelSources {
		kept := s.IsOnAir(one)
		if source == "" || source == one {
			kept = on
		}
		if kept {
			after = append(after, one)
		}
	}
	s.OnAir = after
	return s, nil
}
