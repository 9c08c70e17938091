package lms

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// everything lists the permissions in the order of the table below.
var everything = []Permission{CreateProgramme, Manage, Watch, Ask, Present, Moderate, Answer, SeeFigures, SeePeople, Caption, TakeTranscript, JoinPanel, Direct}

// TestPermissions is the whole matrix: a grant of the row's role for programme p, or for its course c,
// asked for three scopes. Y allows.
func TestPermissions(t *testing.T) {
	course := Scope{"p", "c"}
	for _, c := range []struct {
		grant RoleGrant
		scope Scope
		want  string // CreateProgramme Manage Watch Ask Present Moderate Answer SeeFigures SeePeople Caption TakeTranscript JoinPanel Direct
	}{
		{RoleGrant{Admin, "p", ""}, course, "YYYYYYYYYYYYY"},
		{RoleGrant{Moderator, "p", ""}, course, "..YY.YYYYYYYY"},
		{RoleGrant{Presenter, "p", ""}, course, "..YYY.YY..YYY"},
		{RoleGrant{Attendee, "p", ""}, course, "..YY........."},
		{RoleGrant{Captioner, "p", "c"}, course, "..Y......YY.."},
		{RoleGrant{Panellist, "p", "c"}, course, "...........Y."},
		{RoleGrant{Presenter, "p", "c"}, course, "..YYY.YY..YYY"},
		{RoleGrant{Presenter, "p", "c"}, Scope{"p", "d"}, "............."},
		{RoleGrant{Presenter, "p", "c"}, Scope{"p", ""}, "............."},
		{RoleGrant{Admin, "p", ""}, Scope{"p", ""}, "YYYYYYYYYYYYY"},
		{RoleGrant{Admin, "p", ""}, Scope{"q", "c"}, "............."},
		{RoleGrant{Admin, "p", ""}, Scope{}, "YYYYYYYYYYYYY"},
		{RoleGrant{"sponsor", "p", ""}, course, "............."},
		{RoleGrant{Admin, "", ""}, course, "............."},
		{RoleGrant{Admin, "", ""}, Scope{"", "c"}, "............."},
	} {
		actor := Actor{Person: "x", Roles: []RoleGrant{{Attendee, "elsewhere", ""}, c.grant}}
		var got strings.Builder
		for _, p := range everything {
			if c.scope == (Scope{}) && p != CreateProgramme {
				got.WriteByte(c.want[got.Len()]) // not a question that is asked
			} else if actor.Can(p, c.scope) {
				got.WriteByte('Y')
			} else {
				got.WriteByte('.')
			}
		}
		if got.String() != c.want {
			t.Errorf("%v in %v: got %s, want %s", c.grant, c.scope, got.String(), c.want)
		}
	}
	if len(everything) != len(may) {
		t.Errorf("%d permissions are tested of %d", len(everything), len(may))
	}
}

func TestNeed(t *testing.T) {
	course := Scope{"p", "c"}
	attendee := Actor{Roles: []RoleGrant{{Attendee, "p", ""}}}
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"watching":            {attendee.Need(Watch, course), nil},
		"presenting":          {attendee.Need(Present, course), ErrForbidden},
		"presenting unknown":  {attendee.Need(Present, Scope{"q", "c"}), ErrNotFound},
		"watching unknown":    {attendee.Need(Watch, Scope{"q", "c"}), ErrNotFound},
		"nobody":              {Actor{}.Need(Watch, course), ErrNotFound},
		"creating programmes": {attendee.Need(CreateProgramme, Scope{}), ErrForbidden},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.err, c.want)
		}
	}
}

func TestRoles(t *testing.T) {
	for _, r := range []Role{Admin, Moderator, Presenter, Attendee} {
		if got, err := ParseRole(string(r)); got != r || err != nil {
			t.Errorf("%s: %v, %v", r, got, err)
		}
		if r.Staff() == (r == Attendee) {
			t.Errorf("%s: staff %t", r, r.Staff())
		}
	}
	for _, bad := range []string{"", "Admin", "root"} {
		_, err := ParseRole(bad)
		isProblem(t, err, ErrInvalid, "role")
	}
	if got := fmt.Sprint(SeePeople.Roles()); got != "[moderator admin]" {
		t.Errorf("names are seen by %s", got)
	}
	a := Actor{Roles: []RoleGrant{{Presenter, "p", "c"}}}
	if !a.Has(Presenter, Scope{"p", "c"}) || a.Has(Presenter, Scope{"p", "d"}) || a.Has(Admin, Scope{"p", "c"}) {
		t.Error("Has does not keep to the grant")
	}
}
