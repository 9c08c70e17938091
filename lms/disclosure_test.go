package lms

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestParseDisclosure(t *testing.T) {
	tie := Tie{"Serono ", Consultant}
	for name, tc := range map[string]struct {
		in    Disclosure
		field string
	}{
		"none":                     {Disclosure{None: true, Signed: "Dr X"}, ""},
		"one":                      {Disclosure{Ties: []Tie{tie}, Signed: "Dr X"}, ""},
		"neither":                  {Disclosure{Signed: "Dr X"}, "none"},
		"both":                     {Disclosure{None: true, Ties: []Tie{tie}, Signed: "Dr X"}, "none"},
		"not signed":               {Disclosure{None: true}, "signed"},
		"a nature we do not know":  {Disclosure{Ties: []Tie{{"Serono", "friend"}}, Signed: "Dr X"}, "ties"},
		"no company":               {Disclosure{Ties: []Tie{{" ", Research}}, Signed: "Dr X"}, "ties"},
		"an address for a company": {Disclosure{Ties: []Tie{{"https://serono.example", Research}}, Signed: "Dr X"}, "ties"},
		"a logo":                   {Disclosure{Ties: []Tie{{"<img src=x>", Research}}, Signed: "Dr X"}, "ties"},
		"far too many":             {Disclosure{Ties: slices.Repeat([]Tie{tie}, 31), Signed: "Dr X"}, "ties"},
	} {
		got, err := ParseDisclosure(tc.in)
		var p *Problem
		if (err == nil) != (tc.field == "") || errors.As(err, &p) && (p.Field != tc.field || !errors.Is(err, ErrInvalid)) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "one" && (len(got.Ties) != 1 || got.Ties[0].Company != "Serono") {
			t.Errorf("%+v", got)
		}
	}
}

func TestDisclosureState(t *testing.T) {
	of := func(natures ...Relationship) Disclosure {
		d := Disclosure{Signed: "Dr X"}
		for _, n := range natures {
			d.Ties = append(d.Ties, Tie{"Company", n})
		}
		return d
	}
	for _, tc := range []struct {
		d         Disclosure
		mitigated bool
		want      DisclosureState
		complete  bool
		mitigable bool
	}{
		{Disclosure{}, false, DisclosureMissing, false, false},
		{of(), false, DisclosureNone, true, false},
		{of(Research), false, DisclosureOpen, false, true},
		{of(Research), true, DisclosureMitigated, true, true},
		{of(Research, Owner), true, DisclosureExcluded, false, false},
		{of(Employee), false, DisclosureExcluded, false, false},
	} {
		if got := tc.d.State(tc.mitigated); got != tc.want || got.Complete() != tc.complete {
			t.Errorf("%+v: %s", tc.d, got)
		}
		if err := tc.d.Mitigate(); (err == nil) != tc.mitigable || err != nil && !errors.Is(err, ErrConflict) {
			t.Errorf("%+v: mitigate %v", tc.d, err)
		}
	}
	if MustSee(CreditSettings{}, 0) || !MustSee(CreditSettings{Promised: true}, 0) || !MustSee(CreditSettings{}, 1) {
		t.Error("who must see it")
	}
}

func TestFacultyRolesGrant(t *testing.T) {
	for role, want := range map[FacultyRole]Role{Speaker: Presenter, Chair: Moderator, Planner: ""} {
		if got, ok := role.Grants(); got != want || ok != (want != "") {
			t.Errorf("%s: %s", role, got)
		}
		if parsed, err := ParseFacultyRole(string(role)); err != nil || parsed != role {
			t.Errorf("%s: %v", role, err)
		}
	}
	if _, err := ParseFacultyRole("admin"); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

func TestBoard(t *testing.T) {
	good := PathFacts{
		UDP: PathWorks, TCP: PathWorks, TURN: PathWorks, Socket: PathWorks, HTTPS: PathWorks, UpKbps: 5000, DownKbps: 5000,
		Camera: DeviceWorks, Microphone: DeviceWorks, Speaker: DeviceWorks,
	}
	with := func(change func(*PathFacts)) *PathFacts {
		f := good
		change(&f)
		return &f
	}
	for name, tc := range map[string]struct {
		p     Preparation
		want  Board
		ready bool
	}{
		"nothing": {Preparation{Disclosure: DisclosureMissing}, Board{Unknown, Unknown, NotReady, NotReady, NotReady}, false},
		"all":     {Preparation{&good, 1, DisclosureNone, time.Minute}, Board{Ready, Ready, Ready, Ready, Ready}, true},
		"a camera that is missing": {
			Preparation{with(func(f *PathFacts) { f.Camera = DeviceMissing }), 1, DisclosureMitigated, time.Minute}, Board{Partly, Ready, Ready, Ready, Ready}, true,
		},
		"a microphone that is denied": {
			Preparation{with(func(f *PathFacts) { f.Microphone = DeviceDenied }), 1, DisclosureNone, time.Minute}, Board{NotReady, Ready, Ready, Ready, Ready}, false,
		},
		"a slow line, a short try, an open disclosure": {
			Preparation{with(func(f *PathFacts) { f.UpKbps = 500 }), 0, DisclosureOpen, 19 * time.Second}, Board{Ready, NotReady, NotReady, Partly, NotReady}, false,
		},
		"devices not tried": {
			Preparation{with(func(f *PathFacts) { f.Camera, f.Microphone, f.UDP = DeviceSkipped, DeviceSkipped, PathFails }), 1, DisclosureExcluded, time.Hour},
			Board{Unknown, Partly, Ready, NotReady, Ready},
			false,
		},
	} {
		if got := tc.p.Board(); got != tc.want || got.Ready() != tc.ready {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
