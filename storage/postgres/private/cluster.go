package private

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
)

// environment is all that the server sees of ours: no TMPDIR, no PG variables, no secrets.
var environment = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}

const (
	socketName = ".s.PGSQL.5432"
	socketMax  = 107 // sun_path of unix(7) without its final zero
)

// cluster is a data folder that is ready to be served.
type cluster struct {
	bin     binaries
	account account
	pgdata  string
	socket  string // folder of the socket
}

// prepare makes the cluster unless it is there, and writes who may connect, anew at each start, because the
// data may have come from elsewhere.
func prepare(ctx context.Context, cfg Config) (cluster, error) {
	c := cluster{pgdata: filepath.Join(cfg.Dir, "pgdata")}
	servers, err := installed(ctx, cfg.BinDir)
	if err != nil {
		return c, err
	}
	if c.bin, err = choose(servers, c.pgdata); err != nil {
		return c, err
	}
	if c.account, err = accountFor(c.pgdata); err != nil {
		return c, err
	}
	if _, err := os.Stat(c.pgdata); errors.Is(err, os.ErrNotExist) {
		if err := c.create(ctx, cfg); err != nil {
			return c, err
		}
	} else if err != nil {
		return c, fmt.Errorf("%w: the cluster belongs to another user; start lectern as that one or as root", err)
	}
	if err := c.admit(); err != nil {
		return c, err
	}
	c.socket = socketFolder(cfg.Dir)
	return c, c.makeSocketFolder()
}

// create runs initdb beside the final place and renames, so that a cluster that is there is a whole one,
// also after a kill in the middle.
func (c cluster) create(ctx context.Context, cfg Config) error {
	cfg.Log.Info("making a new PostgreSQL cluster", "folder", c.pgdata, "version", c.bin.major)
	half := c.pgdata + ".new"
	if err := os.RemoveAll(half); err != nil {
		return err
	}
	if err := os.Mkdir(half, 0o700); err != nil {
		return err
	}
	if err := c.account.give(half); err != nil {
		return err
	}
	args := []string{
		"-D", half, "-U", superuser, "--auth=peer", "--encoding=UTF8", "--locale=C",
		"--no-instructions", "--data-checksums",
	}
	if cfg.NoSync {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin.dir, "initdb"), args...)
	cmd.Dir = "/"
	cmd.Env = environment
	cmd.SysProcAttr = c.account.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return os.Rename(half, c.pgdata)
}

// admit writes the two files of client authentication: peers on the socket, mapped from the operating
// system's user to our roles, and nobody else.
func (c cluster) admit() error {
	names := []string{"root", c.account.name}
	if me, err := user.Current(); err == nil {
		names = append(names, me.Username)
	}
	slices.Sort(names)
	var ident bytes.Buffer
	for _, name := range slices.Compact(names) {
		for _, role := range []string{superuser, Role} {
			fmt.Fprintf(&ident, "lectern %s %s\n", strconv.Quote(name), role)
		}
	}
	files := map[string][]byte{
		"pg_hba.conf":   []byte("local all all peer map=lectern\n"),
		"pg_ident.conf": ident.Bytes(),
	}
	for name, content := range files {
		path := filepath.Join(c.pgdata, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return fmt.Errorf("%w: the cluster belongs to user of id %d; start lectern as that one or as root", err, c.account.uid)
		}
		if err := c.account.give(path); err != nil {
			return err
		}
	}
	return nil
}

// socketFolder is the folder "socket" in the data folder, or, where that path is too long for a unix
// socket, a folder of the same user in /tmp.
func socketFolder(dir string) string {
	folder := filepath.Join(dir, "socket")
	if len(filepath.Join(folder, socketName)) <= socketMax {
		return folder
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join("/tmp", fmt.Sprintf("lectern-%x", sum[:8]))
}

// makeSocketFolder makes the folder, or takes an existing one after making sure that nobody else put it
// there.
func (c cluster) makeSocketFolder() error {
	err := os.Mkdir(c.socket, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the folder of the socket: %w", err)
	}
	info, err := os.Lstat(c.socket)
	if err != nil {
		return err
	}
	if by := owner(info); !info.IsDir() || by != os.Geteuid() && by != c.account.uid {
		return fmt.Errorf("%s belongs to somebody else (user of id %d): remove it", c.socket, by)
	}
	return c.account.give(c.socket)
}

// tidy removes the empty folder of the socket; a start makes it again.
func (c cluster) tidy() {
	if c.socket != "" {
		_ = os.Remove(c.socket)
	}
}

// args are the server's settings. Statements and key values stay out of the log, because they carry names
// and addresses of persons.
func (c cluster) args(cfg Config) []string {
	settings := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": c.socket,
		"unix_socket_permissions": "0700",
		"max_connections":         "100",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_statement":           "none",
		"log_min_error_statement": "panic",
		"log_error_verbosity":     "terse",
		"log_line_prefix":         "",
		"logging_collector":       "off",
	}
	if cfg.NoSync {
		settings["fsync"], settings["synchronous_commit"], settings["full_page_writes"] = "off", "off", "off"
	}
	maps.Copy(settings, cfg.Settings)
	args := []string{"-D", c.pgdata}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}
