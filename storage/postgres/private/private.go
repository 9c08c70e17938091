// Package private runs a PostgreSQL server of Lectern's own in a data folder, so that one binary on one
// machine needs no database administrator.
//
// The server listens on a unix socket only and knows its callers by peer authentication: there is no
// password and no port. It ends with the process that started it, even when that one is killed, and a
// second process may use it through Attach for as long as it runs. Linux only.
package private

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Role is the database role, and Database the database, that Lectern works with. The role is no superuser,
// so that a hole in our SQL is not a hole in the machine.
const (
	Role     = "lectern"
	Database = "lectern"

	superuser = "postgres" // the role made by initdb; used here only, to create the two above
)

// How long a server may take to stop: first a fast shutdown, which rolls open transactions back and writes
// a checkpoint; then an immediate one, after which the next start replays the log. Nothing committed is
// lost either way.
const (
	fastStop      = 20 * time.Second
	immediateStop = 10 * time.Second
	startWait     = 60 * time.Second // crash recovery after a long lecture takes seconds, not minutes
)

// Config says where the server lives.
type Config struct {
	Dir      string            // the data folder; the cluster is Dir/pgdata. Made when missing
	BinDir   string            // folder of initdb and postgres; empty looks in the usual places
	Settings map[string]string // further server settings, such as max_connections
	NoSync   bool              // for tests only: trades safety on power loss for speed
	Log      *slog.Logger      // nil discards
}

// Server is a running private server.
type Server struct {
	cfg     Config
	cluster cluster
	lock    *os.File
	cmd     *exec.Cmd
	output  *logWriter
	done    chan struct{}
	exit    error // what Wait said; read after done is closed
}

// Start makes the cluster in cfg.Dir unless there is one, starts its server and returns when that accepts
// connections. It fails when another process owns the folder, when the cluster was made by another major
// version of PostgreSQL, or when no server is installed, and says what to do about it.
//
// What a killed owner left behind, a running server or a stale postmaster.pid, is cleared away first.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o711); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	dir, err := canonical(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	cfg.Dir = dir
	lock, err := own(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, lock: lock, done: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		s.cluster.tidy()
		lock.Close()
		return nil, fmt.Errorf("private PostgreSQL in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	var err error
	if s.cluster, err = prepare(ctx, s.cfg); err != nil {
		return err
	}
	if err := reap(ctx, s.cluster.pgdata, s.cfg.Log); err != nil {
		return err
	}
	if err := s.spawn(); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return errors.Join(err, s.halt())
	}
	return nil
}

// spawn starts the postmaster as a child in a process group of its own, so that a Ctrl-C in the terminal
// does not stop the database before those who write to it.
func (s *Server) spawn() error {
	s.output = &logWriter{log: s.cfg.Log}
	s.cmd = exec.Command(filepath.Join(s.cluster.bin.dir, "postgres"), s.cluster.args(s.cfg)...)
	s.cmd.Dir = "/"
	s.cmd.Env = environment
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.SysProcAttr = s.cluster.account.attributes()
	s.cmd.SysProcAttr.Setpgid = true
	s.cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	started := make(chan error, 1)
	go func() {
		// The kernel sends Pdeathsig when the thread that forked ends, not the process (prctl(2)), and the
		// Go runtime ends threads: this one is kept for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.exit = s.cmd.Wait()
			close(s.done)
		}
	}()
	return <-started
}

// ready waits until the server accepts connections, then sees to the role and the database.
func (s *Server) ready(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.dsn(superuser, "postgres"))
		if err == nil {
			defer conn.Close(context.WithoutCancel(ctx))
			return bootstrap(ctx, conn)
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("the server ended at once (%w); the lines logged before say why", s.exit)
		case <-ctx.Done():
			return fmt.Errorf("the server does not accept connections: %w", err)
		}
	}
}

// canonical is the one path of a folder, so that two processes that name it differently compare equal.
func canonical(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// bootstrap creates the role and the database of Lectern in a new cluster. A crash between the two
// statements is made good by the next start.
func bootstrap(ctx context.Context, conn *pgx.Conn) error {
	for _, step := range []struct{ exists, create string }{
		{`select exists (select from pg_roles where rolname = '` + Role + `')`, `create role ` + Role + ` login createdb`},
		// The roles as which Lectern works (storage/postgres/wall.go); it may become them, and make no others.
		{`select exists (select from pg_roles where rolname = 'lectern_service')`, `create role lectern_service nologin`},
		{`select exists (select from pg_roles where rolname = 'lectern_person')`, `create role lectern_person nologin`},
		{`select pg_has_role('` + Role + `', 'lectern_service', 'member')`, `grant lectern_service, lectern_person to ` + Role},
		{`select exists (select from pg_database where datname = '` + Database + `')`, `create database ` + Database + ` owner ` + Role},
	} {
		var exists bool
		if err := conn.QueryRow(ctx, step.exists).Scan(&exists); err != nil {
			return fmt.Errorf("look into the new cluster: %w", err)
		}
		if exists {
			continue
		}
		if _, err := conn.Exec(ctx, step.create); err != nil {
			return fmt.Errorf("%s: %w", step.create, err)
		}
	}
	return nil
}

// PID is the process of the server, whose children work for it.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// URL is the connection string of Lectern's database, for pgx. It holds no secret.
func (s *Server) URL() string { return s.dsn(Role, Database) }

func (s *Server) dsn(role, database string) string { return dsn(s.cluster.socket, role, database) }

// dsn names a database behind a unix socket. The connect timeout keeps a start from hanging on a server
// that has its socket but does not answer yet.
func dsn(socket, role, database string) string {
	return "postgres:///" + database + "?host=" + url.QueryEscape(socket) + "&user=" + role + "&connect_timeout=5"
}

// Done is closed when the server has ended, whoever ended it. A server that ends without Stop is a failure
// of the node: its owner should end too and let its supervisor start both again.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err says how the server ended; nil while it runs and after an orderly end.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.exit
	default:
		return nil
	}
}

// Stop shuts the server down, waits for its end and gives the data folder free. Close connections first:
// those still open are cut. It may be called more than once.
func (s *Server) Stop() error {
	err := s.halt()
	s.cluster.tidy()
	s.lock.Close() // closing the descriptor frees the flock
	return err
}

func (s *Server) halt() error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, fastStop}, {syscall.SIGQUIT, immediateStop}, {syscall.SIGKILL, immediateStop}} {
		if err := s.cmd.Process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop PostgreSQL: %w", err)
		}
		select {
		case <-s.done:
			return s.exit
		case <-time.After(step.wait):
			s.cfg.Log.Warn("PostgreSQL is slow to stop", "signal", step.signal.String(), "waited", step.wait)
		}
	}
	return errors.New("PostgreSQL did not stop")
}
