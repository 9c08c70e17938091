package private

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotRunning is Attach's answer when no server runs on the data folder.
var ErrNotRunning = errors.New("no server runs on this data folder: start `lectern serve` first")

// own takes the data folder for this process. The lock is of the kernel (flock), so that it ends with the
// process however that ends, and a left-over lock file means nothing.
func own(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path) // only for the message
		file.Close()
		return nil, fmt.Errorf("the data folder %s is in use by another lectern (process %s): stop that one, or choose another "+
			"data folder (LECTERN_DATA): %w", dir, strings.TrimSpace(string(holder)), err)
	}
	if err := errors.Join(file.Truncate(0), writePID(file)); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	return file, nil
}

func writePID(file *os.File) error {
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// postmaster is what a server writes of itself into postmaster.pid.
type postmaster struct {
	pid    int
	socket string // folder of the socket
	ready  bool   // accepts connections
}

// readPostmaster reads the lines of miscadmin.h: process, data folder, start time, port, socket folder,
// address, shared memory, status. A file that is cut short has the first of them only.
func readPostmaster(pgdata string) (postmaster, error) {
	content, err := os.ReadFile(filepath.Join(pgdata, "postmaster.pid"))
	if err != nil {
		return postmaster{}, err
	}
	lines := strings.Split(string(content), "\n")
	var p postmaster
	p.pid, _ = strconv.Atoi(strings.TrimSpace(lines[0])) // zero: nobody
	if len(lines) > 4 {
		p.socket = lines[4]
	}
	if len(lines) > 7 {
		p.ready = strings.TrimSpace(lines[7]) == "ready"
	}
	return p, nil
}

// serves tells whether the process really is a server, and whether it is the one on pgdata. Process numbers
// come round again, in containers soon: the one in the file may be anybody's by now.
func (p postmaster) serves(pgdata string) (server, here bool) {
	if p.pid <= 1 {
		return false, false
	}
	// The command line, and not the working folder, because root in a container may not read the latter of
	// another user's process.
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	if err != nil {
		return false, false
	}
	args := strings.Split(string(content), "\x00")
	return filepath.Base(args[0]) == "postgres", slices.Contains(args[1:], pgdata)
}

// reap clears away what a killed owner left on the cluster: a server that is still stopping is told again
// and waited for, and the pid file of one that is gone is removed, because PostgreSQL itself refuses to
// start when the number in it is by now another process of the same user. The caller holds the lock, so
// nobody else starts a server meanwhile.
func reap(ctx context.Context, pgdata string, log *slog.Logger) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	// A fast shutdown first; a server that is stuck in it is then told to drop everything.
	patience, cancel := context.WithTimeout(ctx, fastStop)
	defer cancel()
	for told := false; ; {
		p, err := readPostmaster(pgdata)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for a left-over server: %w", err)
		}
		switch server, here := p.serves(pgdata); {
		case !server:
			return os.Remove(filepath.Join(pgdata, "postmaster.pid"))
		case !here:
			return nil // a server on other data has the number; PostgreSQL looks at its shared memory and decides
		}
		if !told {
			told = true
			log.Warn("stopping the PostgreSQL server that a killed lectern left behind", "pid", p.pid)
			if err := syscall.Kill(p.pid, syscall.SIGINT); err != nil {
				return fmt.Errorf("stop the left-over server %d: %w", p.pid, err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the left-over server %d does not stop: %w", p.pid, ctx.Err())
		case <-patience.Done():
			_ = syscall.Kill(p.pid, syscall.SIGQUIT) // gone already is as good
			<-tick.C
		}
	}
}

// Attach returns the connection string of the server that a living `lectern serve` runs on the data folder,
// for a command beside it. The error is ErrNotRunning when there is none.
func Attach(ctx context.Context, dir string) (string, error) {
	dir, err := canonical(dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	p, err := readPostmaster(filepath.Join(dir, "pgdata"))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return "", fmt.Errorf("attach to the server of %s (as the user who started it, or as root): %w", dir, err)
	}
	if server, here := p.serves(filepath.Join(dir, "pgdata")); !p.ready || !server || !here {
		return "", fmt.Errorf("%s: %w", dir, ErrNotRunning)
	}
	url := dsn(p.socket, Role, Database)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", fmt.Errorf("attach to the server of %s: %w", dir, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// An older version may have started it, whose program knew fewer roles.
	var whole bool
	if err := conn.QueryRow(ctx, `select count(*) = 2 from pg_roles where rolname in ('lectern_service', 'lectern_person')`).Scan(&whole); err != nil || whole {
		return url, err
	}
	super, err := pgx.Connect(ctx, dsn(p.socket, superuser, "postgres"))
	if err != nil {
		return "", fmt.Errorf("attach to the server of %s: %w", dir, err)
	}
	defer super.Close(context.WithoutCancel(ctx))
	return url, bootstrap(ctx, super)
}
