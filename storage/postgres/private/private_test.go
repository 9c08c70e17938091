package private

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// parentEnv makes the test binary play the process that gets killed: it starts a server on the folder
// named there, says so and waits.
const parentEnv = "LECTERN_TEST_PRIVATE_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentEnv); dir != "" {
		s, err := Start(context.Background(), testConfig(dir))
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println("ready", s.cmd.Process.Pid)
		_, _ = io.Copy(io.Discard, os.Stdin) // until killed
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func testConfig(dir string) Config {
	return Config{Dir: dir, NoSync: true, Log: slog.New(slog.DiscardHandler), Settings: map[string]string{"shared_buffers": "8MB"}}
}

func start(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), testConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

// query runs one statement on a new connection and returns its only value.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var value string
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// waitGone waits until no process has the number: the test's deadline is the limit.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func TestSecondStartReusesTheData(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	query(t, s.URL(), `with t as (select 1) select 'connected' from t`)
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `create table kept as select 'here'::text as word`); err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
	pid := s.cmd.Process.Pid
	if err := s.Stop(); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	waitGone(t, pid)
	if err := s.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}

	again := start(t, dir)
	if got := query(t, again.URL(), `select word from kept`); got != "here" {
		t.Errorf("the second start found %q", got)
	}
}

func TestServerIsPrivate(t *testing.T) {
	s := start(t, t.TempDir())
	for setting, want := range map[string]string{"listen_addresses": "", "is_superuser": "off"} {
		if got := query(t, s.URL(), `show `+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	info, err := os.Stat(s.cluster.pgdata)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the cluster has the mode %v", info.Mode())
	}
	// A user that the map does not name has no role, whichever it asks for.
	if os.Geteuid() == 0 {
		stranger := s.URL() + "&user=nobody"
		if _, err := pgx.Connect(t.Context(), stranger); err == nil {
			t.Error("a role that is not in the map may connect")
		}
	}
}

func TestOnlyOneOwner(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, link} {
		_, err := Start(t.Context(), testConfig(path))
		if err == nil || !strings.Contains(err.Error(), "in use by another lectern (process "+strconv.Itoa(os.Getpid())) {
			t.Errorf("second owner by %s: %v", path, err)
		}
	}
}

func TestSurvivesTheKillOfItsParent(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		parent := exec.Command(os.Args[0])
		parent.Env = append(os.Environ(), parentEnv+"="+dir)
		stdin, err := parent.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		out, err := parent.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "ready ") {
			t.Fatalf("round %d: the parent said %q, %v", round, line, err)
		}
		postmaster, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "ready ")))
		if err != nil {
			t.Fatal(err)
		}
		url, err := Attach(t.Context(), dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		// An open transaction must not hold the shutdown up.
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), `begin; create table unfinished (x int)`); err != nil {
			t.Fatal(err)
		}
		if err := parent.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = parent.Wait()
		if round == 0 {
			waitGone(t, postmaster) // by itself, because the kernel told it
		}
		s := start(t, dir) // in the later rounds while the old one is still stopping
		waitGone(t, postmaster)
		if got := query(t, s.URL(), `select count(*)::text from pg_class where relname = 'unfinished'`); got != "0" {
			t.Errorf("round %d: the unfinished transaction is there", round)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		conn.Close(context.Background())
	}
}

func TestStalePostmasterPID(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	pgdata := s.cluster.pgdata
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"number now of another process": strconv.Itoa(os.Getpid()) + "\n" + pgdata + "\n",
		"nobody's number":               "4194303\n" + pgdata + "\n1\n5432\n/nowhere\n\n 1 1\nready   \n",
		"cut short":                     "",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(pgdata, "postmaster.pid")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.cluster.account.give(path); err != nil {
				t.Fatal(err)
			}
			if _, err := Attach(t.Context(), dir); !errors.Is(err, ErrNotRunning) {
				t.Errorf("Attach: %v, want ErrNotRunning", err)
			}
			if err := start(t, dir).Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusesAnotherVersion(t *testing.T) {
	dir := t.TempDir()
	pgdata := filepath.Join(dir, "pgdata")
	if err := os.MkdirAll(pgdata, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pgdata, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), testConfig(dir))
	if err == nil || !strings.Contains(err.Error(), "was made by PostgreSQL 9") || !strings.Contains(err.Error(), "postgresql-9") {
		t.Errorf("Start: %v", err)
	}
	if _, err := os.Stat(filepath.Join(pgdata, "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder was touched")
	}
}

func TestSaysWhatToInstall(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.BinDir = t.TempDir()
	if _, err := Start(t.Context(), cfg); !errors.Is(err, errNotInstalled) {
		t.Errorf("Start: %v", err)
	}
}

func TestLongPathGetsAShortSocket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	s := start(t, dir)
	query(t, s.URL(), `select 'x'::text`)
	if !strings.HasPrefix(s.cluster.socket, "/tmp/lectern-") {
		t.Errorf("socket in %s", s.cluster.socket)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.cluster.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the socket is left: %v", err)
	}
}

func TestHalfMadeClusterIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, "pgdata.new")
	if err := os.MkdirAll(filepath.Join(half, "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	query(t, start(t, dir).URL(), `select 'x'::text`)
}

func TestEndsWhenTheServerDies(t *testing.T) {
	s := start(t, t.TempDir())
	if err := s.Err(); err != nil {
		t.Errorf("Err of a running server: %v", err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-t.Context().Done():
		t.Fatal("Done is not closed")
	}
}

func TestLogWriterLevels(t *testing.T) {
	var out strings.Builder
	w := &logWriter{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	for _, part := range []string{
		"LOG:  read", "y\nFATAL:  no", " room\nERR", "OR:  duplicate\nFATAL:  the database system is starting up\n",
		"FATAL:  terminating connection due to administrator command\n", strings.Repeat("x", 2*maxLine),
	} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if got := out.String(); strings.Contains(got, "ready") || strings.Contains(got, "starting") || strings.Contains(got, "administrator") || !strings.Contains(got, `level=ERROR msg="postgres: no room"`) ||
		!strings.Contains(got, `level=WARN msg="postgres: duplicate"`) {
		t.Errorf("log:\n%s", got)
	}
	if len(w.rest) >= maxLine {
		t.Errorf("%d bytes are kept", len(w.rest))
	}
}

// TestVersionIsNamedOnce: the same server is found in its own place and by PATH.
func TestVersionIsNamedOnce(t *testing.T) {
	pgdata := t.TempDir()
	if err := os.WriteFile(filepath.Join(pgdata, "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := choose([]binaries{{"/a", 17}, {"/b", 15}, {"/c", 15}}, pgdata)
	if err == nil || !strings.Contains(err.Error(), "this machine has PostgreSQL 17, 15:") {
		t.Errorf("got %v", err)
	}
}
