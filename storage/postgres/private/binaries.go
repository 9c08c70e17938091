package private

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// binaries is an installed PostgreSQL server.
type binaries struct {
	dir   string // holds initdb and postgres
	major int    // 15 of 15.14: clusters of one major version are exchangeable
}

// places are where distributions put the server, which is rarely in PATH: Debian and Ubuntu, the
// PostgreSQL project's RPMs, Alpine.
var places = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/usr/local/pgsql/bin"}

// oldest is the first major version whose SQL we use: multiranges are of 14.
const oldest = 14

var (
	errNotInstalled = errors.New("no PostgreSQL server is installed: run `apt-get install postgresql`, or set DATABASE_URL to a server elsewhere")
	versionPattern  = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)
)

// installed lists the servers of this machine, the newest first. dir limits the search to one folder.
func installed(ctx context.Context, dir string) ([]binaries, error) {
	dirs := []string{dir}
	if dir == "" {
		dirs = nil
		for _, place := range places {
			found, _ := filepath.Glob(place) // fails on a malformed pattern only
			dirs = append(dirs, found...)
		}
		if path, err := exec.LookPath("initdb"); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	var all []binaries
	for _, d := range dirs {
		out, err := exec.CommandContext(ctx, filepath.Join(d, "postgres"), "--version").Output()
		match := versionPattern.FindSubmatch(out)
		if err != nil || match == nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(d, "initdb")); err != nil {
			continue
		}
		major, err := strconv.Atoi(string(match[1]))
		if err == nil && major >= oldest {
			all = append(all, binaries{dir: d, major: major})
		}
	}
	if len(all) == 0 {
		return nil, errNotInstalled
	}
	slices.SortFunc(all, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
	return all, nil
}

// choose returns the newest server for a new cluster, and for an existing one the server of its version: a
// server does not read the cluster of another major version.
func choose(servers []binaries, pgdata string) (binaries, error) {
	content, err := os.ReadFile(filepath.Join(pgdata, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return servers[0], nil
	}
	if err != nil {
		return binaries{}, fmt.Errorf("read the version of the cluster: %w", err)
	}
	version := strings.TrimSpace(string(content))
	var have []string
	for _, s := range servers {
		if strconv.Itoa(s.major) == version {
			return s, nil
		}
		have = append(have, strconv.Itoa(s.major))
	}
	return binaries{}, fmt.Errorf("the data folder was made by PostgreSQL %s, but this machine has PostgreSQL %s: "+
		"install postgresql-%s, or move the data with pg_upgrade, or choose another data folder (LECTERN_DATA)",
		version, strings.Join(slices.Compact(have), ", "), version)
}
