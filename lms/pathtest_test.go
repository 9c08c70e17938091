package lms

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// fine is a test in which nothing is wrong.
func fine() PathFacts {
	return PathFacts{
		UDP: PathWorks, TCP: PathAbsent, TURN: PathWorks, Socket: PathWorks, HTTPS: PathWorks,
		RTTMS: 40, JitterMS: 3, DownKbps: 20_000, UpKbps: 5_000,
		Camera: DeviceWorks, Microphone: DeviceWorks, Speaker: DeviceWorks,
	}
}

func TestJudgePath(t *testing.T) {
	for _, tc := range []struct {
		name             string
		change           func(*PathFacts)
		presents, watch  PathVerdict
		finding, instead PathFinding // of the presenter and of who watches; "" for none
	}{
		{"all is well", func(*PathFacts) {}, PathReady, PathReady, "", ""},
		{"UDP blocked", func(f *PathFacts) { f.UDP = PathFails }, PathUsable, PathUsable, "no_udp", "no_udp"},
		{"UDP and TCP blocked", func(f *PathFacts) { f.UDP, f.TCP = PathFails, PathFails }, PathUsable, PathUsable, "no_udp", "no_udp"},
		{"no way for media", func(f *PathFacts) { f.UDP, f.TURN = PathFails, PathFails }, PathNotReady, PathUsable, "no_media", "no_media"},
		{"UDP blocked, no TURN offered", func(f *PathFacts) { f.UDP, f.TURN = PathFails, PathAbsent }, PathNotReady, PathUsable, "no_media", "no_media"},
		{"media not tried", func(f *PathFacts) { f.UDP, f.TURN = PathSkipped, PathSkipped }, PathReady, PathReady, "", ""},
		{"socket cut", func(f *PathFacts) { f.Socket = PathFails }, PathUsable, PathUsable, "no_socket", "no_socket"},
		{"downloads fail", func(f *PathFacts) { f.HTTPS = PathFails }, PathNotReady, PathNotReady, "no_https", "no_https"},
		{"microphone denied", func(f *PathFacts) { f.Microphone = DeviceDenied }, PathNotReady, PathReady, "no_microphone", ""},
		{"microphone not tried", func(f *PathFacts) { f.Microphone = DeviceSkipped }, PathReady, PathReady, "", ""},
		{"no camera", func(f *PathFacts) { f.Camera = DeviceMissing }, PathUsable, PathReady, "no_camera", ""},
		{"camera taken", func(f *PathFacts) { f.Camera = DeviceBusy }, PathUsable, PathReady, "no_camera", ""},
		{"no speaker", func(f *PathFacts) { f.Speaker = DeviceMissing }, PathUsable, PathUsable, "no_speaker", "no_speaker"},
		{"upload 749", func(f *PathFacts) { f.UpKbps = 749 }, PathNotReady, PathReady, "slow_up", ""},
		{"upload 750", func(f *PathFacts) { f.UpKbps = 750 }, PathUsable, PathReady, "tight_up", ""},
		{"upload 2450", func(f *PathFacts) { f.UpKbps = 2450 }, PathReady, PathReady, "", ""},
		{"upload not measured", func(f *PathFacts) { f.UpKbps = 0 }, PathReady, PathReady, "", ""},
		{"download 199", func(f *PathFacts) { f.DownKbps = 199 }, PathReady, PathNotReady, "", "slow_down"},
		{"download 200", func(f *PathFacts) { f.DownKbps = 200 }, PathReady, PathUsable, "", "tight_down"},
		{"download 750", func(f *PathFacts) { f.DownKbps = 750 }, PathReady, PathReady, "", ""},
		{"loss of 6 %", func(f *PathFacts) { f.Loss = 0.06 }, PathUsable, PathUsable, "lossy", "lossy"},
		{"half a second away", func(f *PathFacts) { f.RTTMS = 500 }, PathUsable, PathReady, "far", ""},
	} {
		f := fine()
		tc.change(&f)
		for _, as := range []struct {
			presents bool
			verdict  PathVerdict
			finding  PathFinding
		}{{true, tc.presents, tc.finding}, {false, tc.watch, tc.instead}} {
			want := []PathFinding{as.finding}
			if as.finding == "" {
				want = want[:0]
			}
			if verdict, findings := f.Judge(as.presents); verdict != as.verdict || !slices.Equal(findings, want) || findings == nil {
				t.Errorf("%s, presents %v: got %s %v, want %s %v", tc.name, as.presents, verdict, findings, as.verdict, want)
			}
		}
	}
}

func TestGravestFindingFirst(t *testing.T) {
	f := fine()
	f.UDP, f.Camera, f.Microphone = PathFails, DeviceDenied, DeviceDenied
	if verdict, findings := f.Judge(true); verdict != PathNotReady || !slices.Equal(findings, []PathFinding{"no_microphone", "no_camera", "no_udp"}) {
		t.Errorf("got %s %v", verdict, findings)
	}
}

func TestCheckPathFacts(t *testing.T) {
	if err := fine().Check(); err != nil {
		t.Error(err)
	}
	for field, change := range map[string]func(*PathFacts){
		"udp": func(f *PathFacts) { f.UDP = "<b>" }, "tcp": func(f *PathFacts) { f.TCP = "" }, "turn": func(f *PathFacts) { f.TURN = "ok" },
		"socket": func(f *PathFacts) { f.Socket = "?" }, "https": func(f *PathFacts) { f.HTTPS = "?" },
		"camera": func(f *PathFacts) { f.Camera = "" }, "microphone": func(f *PathFacts) { f.Microphone = "?" }, "speaker": func(f *PathFacts) { f.Speaker = "?" },
		"rtt_ms": func(f *PathFacts) { f.RTTMS = -1 }, "jitter_ms": func(f *PathFacts) { f.JitterMS = 60_001 },
		"down_kbps": func(f *PathFacts) { f.DownKbps = -1 }, "up_kbps": func(f *PathFacts) { f.UpKbps = 100_000_001 },
		"loss": func(f *PathFacts) { f.Loss = math.NaN() },
	} {
		f := fine()
		change(&f)
		var problem *Problem
		if err := f.Check(); !errors.As(err, &problem) || problem.Field != field || !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
