package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Limits of one run of a program.
const (
	memory   = 2 << 30   // bytes of address space
	fileSize = 100 << 20 // bytes of each file that it writes
	cpuTime  = 30 * time.Second
	wallTime = 60 * time.Second
	maxWords = 1 << 20 // bytes of its standard output; of an error the first 2 KiB are looked at
	niceness = 15
)

// jail runs programs that read files nobody vouches for.
type jail struct {
	bwrap     string
	cpu, wall time.Duration // cpuTime and wallTime, shorter in tests
}

// look is what a run sees: one file to read, one folder to write.
type look struct {
	file string // becomes /in/file; "" for none
	out  string // becomes /out, which is empty before; "" for none
}

// args are those of bubblewrap. Nothing of the machine is seen but programs and what they need to start; there is no
// network, no other process, no capability, and nothing to write but /out and a /tmp in memory.
func (j *jail) args(see look, program string, args ...string) []string {
	a := []string{
		"--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
		"--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8",
		"--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--size", strconv.Itoa(fileSize), "--tmpfs", "/tmp",
	}
	for _, name := range []string{"/bin", "/sbin", "/lib", "/lib64"} {
		if to, err := os.Readlink(name); err == nil {
			a = append(a, "--symlink", to, name)
		} else {
			a = append(a, "--ro-bind-try", name, name)
		}
	}
	for _, name := range []string{"/etc/alternatives", "/etc/ld.so.cache", "/etc/fonts", "/etc/libreoffice"} {
		a = append(a, "--ro-bind-try", name, name)
	}
	if see.file != "" {
		a = append(a, "--ro-bind", see.file, "/in/file")
	}
	if see.out != "" {
		a = append(a, "--bind", see.out, "/out", "--chdir", "/out")
	}
	return append(append(a, "--", "prlimit", "--as="+strconv.Itoa(memory), "--cpu="+strconv.Itoa(int(j.cpu.Seconds())), "--fsize="+strconv.Itoa(fileSize),
		"--core=0", "--nofile=256", "--", program), args...)
}

// run runs a program to its end and returns what it says. Errors: ErrTooHard when it was stopped, ErrBroken when it failed,
// the context's when that ended.
func (j *jail) run(ctx context.Context, see look, program string, args ...string) ([]byte, error) {
	within, cancel := context.WithTimeout(ctx, j.wall)
	defer cancel()
	said, complained := &short{most: maxWords}, &short{most: 2 << 10}
	cmd := exec.CommandContext(within, "nice", append([]string{"-n", strconv.Itoa(niceness), j.bwrap}, j.args(see, program, args...)...)...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = said, complained, 5*time.Second
	ownGroup(cmd)
	// On Linux the child dies with the thread that started it, which therefore must not end before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	words := complained.String()
	switch {
	case err == nil:
		return said.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case within.Err() != nil:
		return nil, ErrTooHard
	case strings.Contains(words, "bwrap:"):
		return nil, fmt.Errorf("%w: %s", ErrUnable, strings.TrimSpace(words))
	case strings.Contains(words, "Incorrect password"):
		return nil, ErrLocked
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() >= 128 || exit.ExitCode() < 0) || strings.Contains(strings.ToLower(words), "memory") {
		return nil, ErrTooHard // by a signal: CPU, or an allocation that failed
	}
	return nil, ErrBroken
}

// short keeps the beginning of what is written.
type short struct {
	bytes.Buffer
	most int
}

// Write implements io.Writer; it never fails.
func (s *short) Write(b []byte) (int, error) {
	s.Buffer.Write(b[:min(len(b), s.most-s.Len())])
	return len(b), nil
}
