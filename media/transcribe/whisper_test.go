package transcribe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sound is two seconds of a tone in AAC, made by the real ffmpeg.
func sound(t *testing.T) Sound {
	t.Helper()
	tone, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:d=2", "-ac", "2", "-c:a", "aac", "-f", "adts", "-").Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	return Sound{Length: 2 * time.Second, Language: "und", Write: func(w io.Writer) error {
		_, err := w.Write(tone)
		return err
	}}
}

// double is a Whisper whose program is the test double, told what to do by its model.
func double(t *testing.T, does string) Whisper {
	t.Helper()
	w := Whisper{Program: "testdata/whisper-double", Model: filepath.Join(t.TempDir(), "model.bin"), Dir: t.TempDir()}
	if err := os.WriteFile(w.Model, []byte(does+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, _ := os.ReadDir(w.Dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return w
}

func TestWhisperHears(t *testing.T) {
	w := double(t, "hears pt")
	if err := w.Check(); err != nil {
		t.Fatal(err)
	}
	var told []int
	heard, err := w.Recognize(t.Context(), sound(t), func(percent int) { told = append(told, percent) })
	if err != nil || heard.Language != "pt" || !slices.Equal(told, []int{25, 50, 75, 100}) {
		t.Fatalf("%+v, %v, %v", heard, told, err)
	}
	text := string(heard.WebVTT)
	var niceness, size int
	if _, err := fmt.Sscanf(text[strings.Index(text, "auto niceness"):], "auto niceness %d bytes %d", &niceness, &size); err != nil || niceness != 19 {
		t.Errorf("%q: %v", text, err)
	}
	// Two seconds of 16 kHz in 16 bits, the head, and what AAC adds at its ends.
	if want := 2*16000*2 + 44; size < want || size > want+16000 {
		t.Errorf("the sound has %d bytes, want about %d", size, want)
	}
	s := sound(t)
	s.Language = "pt-BR"
	if heard, err = w.Recognize(t.Context(), s, nil); err != nil || heard.Language != "pt-BR" || !strings.Contains(string(heard.WebVTT), " pt niceness") {
		t.Errorf("%+v, %v", heard, err)
	}
}

// TestWhisperFails: whatever the program does, there is an error that says what, and nothing is left behind.
func TestWhisperFails(t *testing.T) {
	for _, c := range []struct{ does, want string }{
		{"nothing", "there is no .vtt file"},
		{"huge", "larger than 2 MiB"},
		{"link", "no file"},
		{"crash", "out of luck"},
		{"chatter", "exit status 3"},
	} {
		_, err := double(t, c.does).Recognize(t.Context(), sound(t), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 1000 {
			t.Errorf("%s: %v, want %q", c.does, err, c.want)
		}
	}
	// Garbage is for the caller to refuse, who knows what captions are.
	if heard, err := double(t, "garbage").Recognize(t.Context(), sound(t), nil); err != nil || len(heard.WebVTT) != 10000 {
		t.Errorf("garbage: %d bytes, %v", len(heard.WebVTT), err)
	}
	w := double(t, "hears en")
	w.Program = "/nowhere/whisper-cli"
	if err := w.Check(); err == nil {
		t.Error("a program that is not there passes")
	}
	if _, err := w.Recognize(t.Context(), sound(t), nil); err == nil {
		t.Error("a program that is not there hears")
	}
	w = double(t, "hears en")
	if _, err := w.Recognize(t.Context(), Sound{Write: func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte("no sound"), 1000)); return err }}, nil); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("what is no sound: %v", err)
	}
	broken := errors.New("the disk is gone")
	if _, err := w.Recognize(t.Context(), Sound{Write: func(io.Writer) error { return broken }}, nil); err == nil {
		t.Error("a recording that cannot be read is heard")
	}
	w.Model = "/nowhere/model"
	if err := w.Check(); err == nil {
		t.Error("a model that is not there passes")
	}
}

// TestWhisperIsBounded in memory: a program that wants more than it may have ends, and not the machine.
func TestWhisperIsBounded(t *testing.T) {
	w := double(t, "memory")
	w.Memory = 200 << 20
	if _, err := w.Recognize(t.Context(), sound(t), nil); err == nil {
		t.Error("it took 400 MB of 200")
	}
}

// TestWhisperIsStopped by time and by whoever asked, with what it has started.
func TestWhisperIsStopped(t *testing.T) {
	for name, stop := range map[string]func(*Whisper, context.CancelCauseFunc){
		"too slow":  func(w *Whisper, _ context.CancelCauseFunc) { w.Limit = time.Second },
		"cancelled": func(_ *Whisper, cancel context.CancelCauseFunc) { cancel(errors.New("nobody wants it")) },
	} {
		child := filepath.Join(t.TempDir(), "child")
		w := double(t, "hangs "+child)
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		if name == "too slow" {
			stop(&w, cancel)
		}
		go func() { _, err := w.Recognize(ctx, sound(t), nil); done <- err }()
		if name == "cancelled" {
			for { // until it is at work
				if b, _ := os.ReadFile(child); bytes.HasSuffix(b, []byte("\n")) {
					break
				}
				select {
				case err := <-done:
					t.Fatalf("%s: ended before it began: %v", name, err)
				case <-time.After(10 * time.Millisecond):
				}
			}
			stop(&w, cancel)
		}
		err := <-done
		if want := map[string]string{"too slow": "longer than 1s", "cancelled": "nobody wants it"}[name]; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		cancel(nil)
		b, err := os.ReadFile(child)
		if err != nil {
			continue // stopped before it had a child
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		for alive(pid) { // the kernel takes a moment
			time.Sleep(time.Millisecond)
		}
	}
}

// alive reports whether a process runs; one that nobody has waited for yet does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
