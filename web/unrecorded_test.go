package web

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lectern/media/hls"
	"lectern/signaling/protocol"
	"lectern/storage/postgres/pgtest"
)

// smallDisk mounts a disk of some megabytes, and skips the test where that is not permitted.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) {
		t.Skipf("a disk that is full needs a mount, which is not permitted here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// exhaust leaves no space on a disk, until the file it returns is removed.
func exhaust(t *testing.T, dir string) (file string) {
	t.Helper()
	f := must(os.Create(filepath.Join(dir, "full")))(t)
	defer f.Close()
	zeros, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zeros.Close()
	if _, err := io.Copy(f, zeros); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	return f.Name()
}

// TestDiskFull fills the disk of the recordings in the middle of a lecture: it goes on, moderators and presenters are
// warned, and when there is space again it is recorded again. What was recorded can be played.
func TestDiskFull(t *testing.T) {
	disk := smallDisk(t)
	s := startSite(t, pgtest.New(t), disk)
	d := s.demo()
	presenter, attendee, moderator := s.joined(d.Studio), s.joined(d.Attend[0]), s.joined(d.Console)
	api := coursePath(d, "/api/courses/%s")
	at := moderator.socket(d.Course)
	_ = at.conn.SetReadDeadline(time.Now().Add(2 * time.Minute)) // a limit for a machine that is busy; the times are logged
	hears := func(state protocol.RecordingState) *protocol.Recording {
		for {
			if r, ok := at.next().(*protocol.Recording); ok && r.State == state {
				return r
			}
		}
	}
	s.publish(presenter, d)
	presenter.call("POST", api+"/air", nil).want(t, http.StatusOK)
	recorded := func() (ms int64) {
		status, _ := s.web.desk.OnAir(string(d.Course))
		for _, e := range status.Edits {
			ms += e.LengthMS
		}
		return ms
	}
	eventually(t, recorded, func(ms int64) bool { return ms > 3000 })

	full := exhaust(t, disk)
	began := time.Now()
	if r := hears(protocol.Failing); r.Reason != "disk_full" {
		t.Errorf("the reason is %q", r.Reason)
	}
	t.Logf("moderators were warned %.1f s after the disk was full", time.Since(began).Seconds())
	if room := s.web.sfu.Room(string(d.Course)); !room.Publishing() {
		t.Error("the lecture does not go on")
	}
	before := recorded()
	if before < 3000 {
		t.Errorf("%d ms are left of what was recorded", before)
	}

	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	hears(protocol.Recorded)
	eventually(t, recorded, func(ms int64) bool { return ms > before })
	t.Logf("recorded again %.1f s after there was space", time.Since(began).Seconds())
	presenter.call("POST", api+"/end", nil).want(t, http.StatusOK)
	var resume resumeView
	attendee.get(api+"/resume").want(t, http.StatusOK).json(t, &resume)
	if len(resume.Edits) != 2 {
		t.Errorf("edit list %+v", resume.Edits)
	}
	checkFolder(t, disk)
}

// checkFolder decodes the sound of each recording in a folder as a program does that is not ours.
func checkFolder(t *testing.T, folder string) {
	t.Helper()
	indexes := must(filepath.Glob(filepath.Join(folder, "*", "recording.index")))(t)
	if len(indexes) != 1 {
		t.Fatalf("recordings: %v", indexes)
	}
	origin := must(hls.Open(filepath.Dir(indexes[0])))(t)
	defer origin.Close()
	var stream []byte
	for i, s := range origin.Segments(hls.Audio) {
		names := []string{s.Name}
		if i == 0 {
			names = []string{s.Init, s.Name}
		}
		for _, name := range names {
			stream = append(stream, must(os.ReadFile(filepath.Join(filepath.Dir(indexes[0]), name)))(t)...)
		}
	}
	cmd := exec.Command("ffmpeg", "-v", "warning", "-f", "mp4", "-i", "pipe:0", "-f", "null", "-")
	cmd.Stdin = strings.NewReader(string(stream))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
