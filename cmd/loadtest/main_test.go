package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"lectern/loadtest"
)

// TestMain lets the tests' binary be the program, too: it starts itself, as the program does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a command of this program, not started.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self, args...)
	command.Stderr = os.Stderr
	return command
}

// TestFiveReceivers measures both ways to serve attendees for a moment. It says nothing about speed.
func TestFiveReceivers(t *testing.T) {
	for _, via := range []string{viaLight, viaPeer} {
		t.Run(via, func(t *testing.T) {
			out, err := program(t, "sfu", "-via", via, "-n", "5", "-dur", "1s", "-json").Output()
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(out, &got); err != nil || strings.Count(string(out), "\n") != 1 {
				t.Fatalf("want one line of JSON, got %q: %v", out, err)
			}
			for _, figure := range []string{"us_per_packet", "join_cpu_ms", "rss_per_attendee_kb", "delay_ms_p50", "delay_ms_p99", "seq_lost", "n", "connected", "delivered_ratio"} {
				if _, is := got[figure].(float64); !is {
					t.Errorf("%s is %v", figure, got[figure])
				}
			}
			if got["n"] != 5.0 || got["connected"] != 5.0 || got["delivered_ratio"].(float64) < 0.9 || got["us_per_packet"].(float64) <= 0 ||
				got["cipher"] != "SRTP_AEAD_AES_128_GCM" {
				t.Errorf("%s", out)
			}
		})
	}
}

// TestThreeViewers measures HLS for a moment, from the origin and through an edge. It says nothing about speed.
func TestThreeViewers(t *testing.T) {
	for name, args := range map[string][]string{"origin": nil, "edge": {"-edge"}} {
		t.Run(name, func(t *testing.T) {
			out, err := program(t, append([]string{"hls", "-n", "3", "-dur", "2s", "-json"}, args...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(out, &got); err != nil || strings.Count(string(out), "\n") != 1 {
				t.Fatalf("want one line of JSON, got %q: %v", out, err)
			}
			for _, figure := range []string{"n", "availability_lag_ms_p50", "availability_lag_ms_p99", "errors", "origin_cores_per_1000", "rss_mb"} {
				if _, is := got[figure].(float64); !is {
					t.Errorf("%s is %v", figure, got[figure])
				}
			}
			if got["n"] != 3.0 || got["errors"].(float64) > got["requests"].(float64)/10 || got["parts_per_viewer_s"].(float64) <= 0 {
				t.Errorf("%s", out)
			}
			if _, is := got["edge_rss_mb"]; is != (name == "edge") {
				t.Errorf("figures of an edge: %v", got["edge_rss_mb"])
			}
		})
	}
}

func TestWhatCannotBeAsked(t *testing.T) {
	for _, args := range [][]string{
		{"all"},
		{"sfu", "-n", "0"},
		{"sfu", "-via", "pigeon"},
		{"hls", "-n", "0"},
		{"hls", "-edge", "-dur", "1h"},
		{"sfu", "-whip", "http://127.0.0.1:1/whip"},
	} {
		command := program(t, args...)
		command.Stderr = nil
		var end *exec.ExitError
		if _, err := command.Output(); err == nil {
			t.Errorf("%q was done", args)
		} else if !errors.As(err, &end) || !slices.ContainsFunc([]string{"usage", "-n:", "-via:", "go together", "-dur:"}, func(s string) bool { return strings.Contains(string(end.Stderr), s) }) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestSixtyWatch reports for sixty people while the server and PostgreSQL are killed once each. It says nothing about speed.
func TestSixtyWatch(t *testing.T) {
	out, err := program(t, "watch", "-n", "60", "-rate", "30", "-dur", "3s", "-kills", "2", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Fatalf("want one line of JSON, got %q: %v", out, err)
	}
	for _, figure := range []string{"ack_p50_ms", "ack_p99_ms"} {
		if v, is := got[figure].(float64); !is || v <= 0 {
			t.Errorf("%s is %v", figure, got[figure])
		}
	}
	// Everybody reports 2 s once in 2 s, and 90 reports are due in 3 s.
	want := map[string]float64{"n": 60, "sent": 90, "acked": 90, "lost": 0, "doubled": 0, "watched_s": 180, "kills": 2}
	for figure, value := range want {
		if got[figure] != value {
			t.Errorf("%s is %v, want %v", figure, got[figure], value)
		}
	}
}

// TestRush lets a few doctors register with the whole program, all at once.
func TestRush(t *testing.T) {
	server, err := startLectern(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	test := loadtest.Rush{URL: server.url, Admin: server.admin, PID: server.process.Process.Pid, N: 30}
	result, err := test.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The page of the player is there only when it was built.
	if result.Completed != test.N && result.Statuses["503"] != test.N || result.RegisterP99 <= 0 || result.VerifyP99 <= 0 || result.CPU == nil {
		t.Errorf("%+v", result)
	}
}
