package lms

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestPanel(t *testing.T) {
	scope := Scope{"p", "c"}
	actor := func(person PersonID, role Role) Actor {
		return Actor{Person: person, Roles: []RoleGrant{{Attendee, "p", ""}, {role, "p", "c"}}}
	}
	admin, moderator, presenter := actor("a", Admin), actor("m", Moderator), actor("d", Presenter)
	guest, other, viewer := actor("g", Panellist), actor("o", Panellist), actor("g", Attendee)
	all := []PanelSource{CameraSource, MicrophoneSource, ScreenSource}
	attendee := Standing{Person: "g", Role: Attendee}
	backstage := Standing{Person: "g", Role: Panellist}
	onAir := Standing{Person: "g", Role: Panellist, OnAir: all}
	muted := Standing{Person: "g", Role: Panellist, OnAir: all, Muted: true}
	asking := Standing{Person: "g", Role: Panellist, OnAir: all, Muted: true, Asks: true}
	doctor := NewStanding("d", Presenter)
	for i, c := range []struct {
		actor  Actor
		before Standing
		action PanelAction
		source PanelSource
		after  Standing
		err    error
	}{
		{moderator, attendee, PanelPromote, "", backstage, nil},
		{presenter, attendee, PanelPromote, "", backstage, nil},
		{admin, attendee, PanelPromote, "", backstage, nil},
		{viewer, attendee, PanelPromote, "", attendee, ErrForbidden},
		{other, attendee, PanelPromote, "", attendee, ErrForbidden},
		{actor("m", "sponsor"), attendee, PanelPromote, "", attendee, ErrForbidden},
		{Actor{Person: "s", Roles: []RoleGrant{{Admin, "q", ""}}}, attendee, PanelPromote, "", attendee, ErrNotFound},
		{moderator, onAir, PanelPromote, "", onAir, nil}, // twice changes nothing
		{moderator, doctor, PanelPromote, "", doctor, ErrConflict},

		{moderator, onAir, PanelPutBack, "", attendee, nil},
		{presenter, asking, PanelPutBack, "", attendee, nil},
		{guest, onAir, PanelPutBack, "", attendee, nil}, // leaves
		{other, onAir, PanelPutBack, "", onAir, ErrForbidden},
		{moderator, attendee, PanelPutBack, "", attendee, ErrConflict},
		{moderator, doctor, PanelPutBack, "", doctor, ErrConflict},

		{presenter, backstage, PanelOnAir, "", onAir, nil},
		{moderator, backstage, PanelOnAir, MicrophoneSource, Standing{Person: "g", Role: Panellist, OnAir: []PanelSource{MicrophoneSource}}, nil},
		{guest, backstage, PanelOnAir, "", backstage, ErrForbidden},
		{guest, onAir, PanelOffAir, "", backstage, nil},
		{other, onAir, PanelOffAir, "", onAir, ErrForbidden},
		{moderator, onAir, PanelOffAir, ScreenSource, Standing{Person: "g", Role: Panellist, OnAir: all[:2]}, nil},
		{moderator, onAir, PanelOffAir, "slides", onAir, ErrInvalid},
		{moderator, Standing{Person: "n", Role: Moderator}, PanelOnAir, "", Standing{Person: "n", Role: Moderator}, ErrConflict},
		{presenter, doctor, PanelOffAir, "", Standing{Person: "d", Role: Presenter}, nil},

		{moderator, onAir, PanelMute, "", muted, nil},
		{presenter, onAir, PanelMute, "", muted, nil},
		{other, onAir, PanelMute, "", onAir, ErrForbidden},
		{moderator, doctor, PanelMute, "", Standing{Person: "d", Role: Presenter, OnAir: all, Muted: true}, nil},
		{actor("e", Presenter), doctor, PanelMute, "", doctor, ErrForbidden},
		{guest, muted, PanelUnmute, "", muted, ErrForbidden},
		{actor("g", Moderator), muted, PanelUnmute, "", muted, ErrForbidden}, // nobody oneself
		{guest, muted, PanelAskUnmute, "", asking, nil},
		{moderator, muted, PanelAskUnmute, "", muted, ErrForbidden},
		{guest, onAir, PanelAskUnmute, "", onAir, ErrConflict},
		{viewer, muted, PanelAskUnmute, "", muted, ErrForbidden},
		{presenter, asking, PanelUnmute, "", onAir, nil},
		{moderator, onAir, "applaud", "", onAir, ErrInvalid},
	} {
		before := fmt.Sprintf("%+v", c.before)
		got, err := c.before.Apply(c.actor, scope, c.action, c.source, 0)
		if !errors.Is(err, c.err) {
			t.Errorf("row %d, %s: error %v, want %v", i, c.action, err, c.err)
		}
		if got.Person != c.after.Person || got.Role != c.after.Role || got.Muted != c.after.Muted || got.Asks != c.after.Asks || !slices.Equal(got.OnAir, c.after.OnAir) {
			t.Errorf("row %d, %s: %+v, want %+v", i, c.action, got, c.after)
		}
		if fmt.Sprintf("%+v", c.before) != before {
			t.Errorf("row %d, %s: changed what was before", i, c.action)
		}
	}
	if _, err := attendee.Apply(moderator, scope, PanelPromote, "", PanelMax-1); err != nil {
		t.Errorf("the last place: %v", err)
	}
	if _, err := attendee.Apply(moderator, scope, PanelPromote, "", PanelMax); !errors.Is(err, ErrConflict) {
		t.Errorf("a full panel: %v", err)
	}
}
