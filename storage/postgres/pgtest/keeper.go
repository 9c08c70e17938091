package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"lectern/storage/postgres/private"
)

// keeperEnv turns a test binary into the keeper. Its value is the folder that the processes share.
const keeperEnv = "LECTERN_PGTEST_KEEPER"

// The keeper is this very binary, so that it needs no build of its own: this runs before main, in test
// binaries only, because only tests import this package.
func init() {
	if dir := os.Getenv(keeperEnv); dir != "" {
		keep(dir)
		os.Exit(0)
	}
}

// folder is where test processes of one user meet.
func folder() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("lectern-pgtest-%d", os.Getuid()))
}

// Locks, all of the kernel and gone with the process that holds them: every test process holds "users"
// shared, and the keeper waits until it gets it for itself, which is when the last user has ended. "start"
// is held while somebody looks for the server or starts it.
func attachOrStart(ctx context.Context) (string, error) {
	dir := folder()
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	if _, err := flock(filepath.Join(dir, "users"), syscall.LOCK_SH); err != nil {
		return "", err // held until the process ends; waits while a keeper is clearing up
	}
	start, err := flock(filepath.Join(dir, "start"), syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer start.Close()
	if url, err := private.Attach(ctx, filepath.Join(dir, "data")); err == nil {
		return url, nil
	}
	return startKeeper(dir)
}

// held keeps the descriptors of locks from being collected, and so closed.
var held []*os.File

func flock(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		held = append(held, file)
		return file, nil
	}
}

// startKeeper returns when the server of the new keeper accepts connections.
func startKeeper(dir string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	said, says, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer said.Close()
	keeper := exec.Command(exe)
	keeper.Env = append(os.Environ(), keeperEnv+"="+dir)
	keeper.ExtraFiles = []*os.File{says} // descriptor 3
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = keeper.Start()
	says.Close()
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(said) // until the keeper closes it, at the latest by ending
	if err != nil {
		return "", err
	}
	url, ok := strings.CutPrefix(string(answer), "url ")
	if !ok {
		return "", fmt.Errorf("start a server for tests: %s", answer)
	}
	return url, keeper.Process.Release()
}

// keep is the life of the keeper.
func keep(dir string) {
	syscall.CloseOnExec(3) // or the server would hold it open
	says := os.NewFile(3, "parent")
	data := filepath.Join(dir, "data")
	_ = os.RemoveAll(data) // of a keeper that was killed
	server, err := private.Start(context.Background(), private.Config{
		Dir: data, NoSync: true,
		Settings: map[string]string{"max_connections": "400", "shared_buffers": "64MB", "jit": "off", "autovacuum": "off"},
	})
	if err != nil {
		fmt.Fprint(says, err)
		return
	}
	fmt.Fprint(says, "url ", server.URL())
	says.Close()
	if _, err := flock(filepath.Join(dir, "users"), syscall.LOCK_EX); err == nil {
		_ = server.Stop()
		_ = os.RemoveAll(data)
	}
}
