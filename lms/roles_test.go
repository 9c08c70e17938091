package lms

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// everything lists the permissions in the order of the table below.
var everything = []Permission{
	Know, CreateProgramme, Manage, Produce, Inspect, ReadAudit, Watch, Ask, Present, Moderate, Answer, SeeFigures, SeePeople, SeeSums,
	Caption, TakeTranscript, Provide, JoinPanel, Direct,
}

// TestPermissions is the whole matrix: a grant of the row's role for programme p, or for its course c,
// asked for three scopes. Y allows.
func TestPermissions(t *testing.T) {
	course := Scope{"p", "c"}
	for _, c := range []struct {
		grant RoleGrant
		scope Scope
		want  string // in the order of everything
	}{
		{RoleGrant{Admin, "p", ""}, course, "YYYYYYYYYYYYYYYYYYY"},
		{RoleGrant{Producer, "p", ""}, course, "Y..YY.YYYYYY..YYYYY"},
		{RoleGrant{Moderator, "p", ""}, course, "Y.....YY.YYYY.YY.YY"},
		{RoleGrant{Presenter, "p", ""}, course, "Y.....YYY.YY...YYYY"},
		{RoleGrant{Attendee, "p", ""}, course, "Y.....YY..........."},
		{RoleGrant{Captioner, "p", "c"}, course, "Y.....Y.......YY..."},
		{RoleGrant{Panellist, "p", "c"}, course, "Y................Y."},
		{RoleGrant{Sponsor, "p", ""}, course, "Y............Y....."},
		{RoleGrant{Auditor, "p", ""}, course, "Y...YY.....YYY....."},
		{RoleGrant{Presenter, "p", "c"}, course, "Y.....YYY.YY...YYYY"},
		{RoleGrant{Presenter, "p", "c"}, Scope{"p", "d"}, "..................."},
		{RoleGrant{Presenter, "p", "c"}, Scope{"p", ""}, "..................."},
		{RoleGrant{Auditor, "p", "c"}, Scope{"p", ""}, "..................."},
		{RoleGrant{Admin, "p", ""}, Scope{"p", ""}, "YYYYYYYYYYYYYYYYYYY"},
		{RoleGrant{Admin, "p", ""}, Scope{"q", "c"}, "..................."},
		{RoleGrant{Admin, "p", ""}, Scope{}, ".Y..Y.............."},
		{RoleGrant{Auditor, "p", ""}, Scope{}, "....Y.............."},
		{RoleGrant{"root", "p", ""}, course, "..................."},
		{RoleGrant{Admin, "", ""}, course, "..................."},
		{RoleGrant{Admin, "", ""}, Scope{"", "c"}, "..................."},
	} {
		actor := Actor{Person: "x", Roles: []RoleGrant{{Attendee, "elsewhere", ""}, c.grant}}
		var got strings.Builder
		for _, p := range everything {
			if c.scope == (Scope{}) && p != CreateProgramme && p != Inspect {
				got.WriteByte('.') // not a question that is asked
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
	for _, r := range []Role{Admin, Producer, Moderator, Presenter, Captioner, Attendee, Sponsor, Auditor} {
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
	if got := fmt.Sprint(SeePeople.Roles()); got != "[moderator auditor admin]" {
		t.Errorf("names are seen by %s", got)
	}
	a := Actor{Roles: []RoleGrant{{Presenter, "p", "c"}}}
	if !a.Has(Presenter, Scope{"p", "c"}) || a.Has(Presenter, Scope{"p", "d"}) || a.Has(Admin, Scope{"p", "c"}) {
		t.Error("Has does not keep to the grant")
	}
}

func TestOrganisations(t *testing.T) {
	a := Actor{Organisations: []OrganisationGrant{{Admin, "o"}, {Auditor, "r"}, {Admin, ""}}}
	for o, want := range map[OrganisationID]error{"o": nil, "r": ErrNotFound, "x": ErrNotFound, "": ErrNotFound} {
		if err := a.NeedOrganisation(o); !errors.Is(err, want) {
			t.Errorf("organisation %q: %v, want %v", o, err, want)
		}
	}
	if Presenter.OfOrganisation() || !Auditor.OfOrganisation() {
		t.Error("a presenter presents courses, an auditor audits organisations")
	}
}
