package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "lectern/"

// edges lists, for each of our packages, the packages of ours that it may import. A package that is not
// listed fails the test, so that a new one gets its row on purpose.
var edges = map[string]string{
	"lms":                         "",
	"lms/calendar":                "",
	"lms/certificate":             "lms lms/credential",
	"lms/credential":              "lms",
	"lms/locale":                  "",
	"lms/phone":                   "lms",
	"lms/roster":                  "lms lms/phone",
	"lms/notify":                  "lms lms/calendar lms/locale",
	"media":                       "",
	"media/forward":               "media",
	"media/relay":                 "",
	"media/sfu":                   "media media/forward",
	"media/egress":                "media media/forward",
	"media/hls":                   "media media/hls/fmp4 media/hls/h264 media/hls/playlist",
	"media/ladder":                "media media/hls/h264",
	"media/hls/fmp4":              "",
	"media/hls/h264":              "media",
	"media/hls/playlist":          "",
	"media/hls/verify":            "",
	"media/access":                "",
	"media/vod":                   "media/hls media/hls/fmp4 media/hls/h264 media/hls/playlist",
	"media/edge":                  "media/access",
	"media/transcribe":            "",
	"media/document":              "",
	"media/broadcast":             "media media/ladder media/sfu media/hls media/vod",
	"signaling/protocol":          "",
	"signaling":                   "signaling/protocol lms",
	"signaling/brokertest":        "signaling",
	"storage/redis":               "",
	"storage/object":              "",
	"storage/object/objecttest":   "storage/object",
	"storage/postgres":            "lms lms/roster lms/credential storage/postgres/migrations",
	"storage/postgres/migrations": "",
	"storage/postgres/private":    "",
	"storage/postgres/pgtest":     "storage/postgres storage/postgres/private lms",
	"web":                         "lms lms/calendar lms/certificate lms/credential lms/locale lms/phone lms/roster media media/access media/broadcast media/egress media/hls media/hls/playlist media/relay media/sfu media/vod signaling signaling/protocol storage/postgres media/document storage/object",
	"loadtest":                    "media/hls/verify signaling/protocol",
	"loadtest/link":               "",
	"cmd/loadtest":                "lms loadtest media media/access media/edge media/hls media/hls/h264 loadtest/link media/egress media/sfu storage/postgres storage/postgres/private",
	"cmd/lectern":                 "lms lms/certificate lms/credential lms/notify media/access media/broadcast media/edge media/egress media/hls media/hls/verify media/relay media/sfu media/transcribe media/vod signaling storage/object storage/postgres storage/postgres/private storage/redis web media/document",
}

// TestImportEdges holds the dependency rules: edges point one way, and a new edge is a decision.
func TestImportEdges(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], module)
		seen[pkg] = true
		may, listed := edges[pkg]
		if !listed {
			t.Errorf("package %s has no row in edges", pkg)
			continue
		}
		for _, dep := range words[1:] {
			dep, ours := strings.CutPrefix(dep, module)
			if ours && !slices.Contains(strings.Fields(may), dep) {
				t.Errorf("%s must not import %s", pkg, dep)
			}
		}
	}
	for pkg := range edges {
		if !seen[pkg] {
			t.Errorf("edges has a row for %s, which does not exist", pkg)
		}
	}
}

// TestLeavesNeedNothing holds that the rules build on the standard library alone, and that media knows nothing
// of courses.
func TestLeavesNeedNothing(t *testing.T) {
	for _, pkg := range []string{"lms", "media"} {
		out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		if got := strings.Fields(string(out)); !slices.Equal(got, []string{module + pkg}) {
			t.Errorf("%s must import only the standard library, but it needs %v", pkg, got)
		}
	}
}

// TestOnlyConfigReadsTheEnvironment keeps settings in one file.
func TestOnlyConfigReadsTheEnvironment(t *testing.T) {
	out, _ := exec.Command("git", "-C", "../..", "grep", "-nE", `os\.(Getenv|LookupEnv|Environ)\(`, "--", "*.go", ":!*_test.go").Output()
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "cmd/lectern/main.go:") && !strings.HasPrefix(line, "storage/postgres/pgtest/") {
			t.Errorf("reads the environment outside cmd/lectern: %s", strings.TrimSpace(line))
		}
	}
}
