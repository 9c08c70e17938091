package transcribe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// run is one run of a program: niced, bounded, and gone when we are.
type run struct {
	memory int64     // bytes of address space
	in     io.Reader // nil for none
	words  *words    // hears its standard error
}

// run starts the program and waits for it. When ctx ends it is killed with all that it has started.
func (r run) run(ctx context.Context, program string, args ...string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", strconv.Itoa(niceness), path}, args...)...)
	cmd.Stdin, cmd.Stderr, cmd.WaitDelay = r.in, r.words, stopWithin
	ownGroup(cmd)
	// On Linux the child dies with the thread that started it, which therefore must not end before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := limitMemory(cmd.Process.Pid, r.memory); err != nil {
		_ = cmd.Cancel()
		_ = cmd.Wait()
		return fmt.Errorf("bound its memory: %w", err)
	}
	err = cmd.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) && r.words.last != "" {
		return fmt.Errorf("%w (%s)", err, r.words.last)
	}
	return err
}

// What whisper-cli says on its standard error.
var (
	saysProgress = regexp.MustCompile(`progress = +([0-9]{1,3})%`)
	saysLanguage = regexp.MustCompile(`auto-detected language: ([a-z]{2,3})\b`)
)

// maxWords bounds a line: what comes after that is not looked at.
const maxWords = 500

// words reads what a program says, line by line.
type words struct {
	progress func(percent int) // nil for nobody
	language string            // that was detected
	last     string            // line that was not empty
	line     []byte
}

// Write implements io.Writer; it never fails.
func (w *words) Write(b []byte) (int, error) {
	for _, c := range b {
		if c == '\n' || c == '\r' {
			w.hear()
		} else if len(w.line) < maxWords {
			w.line = append(w.line, c)
		}
	}
	return len(b), nil
}

func (w *words) hear() {
	line := strings.TrimSpace(strings.ToValidUTF8(string(w.line), ""))
	w.line = w.line[:0]
	if m := saysProgress.FindStringSubmatch(line); m != nil {
		if percent, err := strconv.Atoi(m[1]); err == nil && w.progress != nil {
			w.progress(min(percent, 100))
		}
		return
	}
	if m := saysLanguage.FindStringSubmatch(line); m != nil {
		w.language = m[1]
	}
	if line != "" {
		w.last = line
	}
}
