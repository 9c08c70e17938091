package private

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Capabilities of capabilities(7) that let a process enter folders it has no right to.
const (
	capDACOverride   = 1
	capDACReadSearch = 2
)

// account is the operating system user that the server runs as. PostgreSQL refuses to run as root, so root
// lends it another one.
type account struct {
	name     string
	uid, gid int
	switched bool      // the account is not ours: the process that starts the server is root
	caps     []uintptr // what the server needs besides, to reach a folder that only root may enter
}

// accountFor chooses the account. Under root that is the owner of an existing cluster, else postgres, else
// nobody; otherwise it is the user we are.
func accountFor(pgdata string) (account, error) {
	if os.Geteuid() != 0 {
		return accountOf(user.LookupId(strconv.Itoa(os.Geteuid())))
	}
	var chosen account
	if info, err := os.Stat(pgdata); err == nil && owner(info) != 0 {
		chosen, err = accountOf(user.LookupId(strconv.Itoa(owner(info))))
		if err != nil {
			return account{}, err
		}
	} else if chosen, err = accountOf(user.Lookup("postgres")); err != nil {
		if chosen, err = accountOf(user.Lookup("nobody")); err != nil {
			return account{}, fmt.Errorf("PostgreSQL does not run as root and there is no user postgres or nobody to lend it: %w", err)
		}
	}
	chosen.switched = true
	var err error
	chosen.caps, err = chosen.reach(filepath.Dir(pgdata))
	return chosen, err
}

func accountOf(u *user.User, err error) (account, error) {
	if err != nil {
		return account{}, fmt.Errorf("PostgreSQL needs a user with a name in /etc/passwd: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return account{name: u.Username, uid: uid, gid: gid}, err
}

func owner(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// reach finds out whether the account may enter dir through all its parents. A data folder below /root or
// below a folder of mktemp is closed to it; the server is then given the one capability to search folders,
// rather than rights being changed on folders that are not ours.
func (a account) reach(dir string) ([]uintptr, error) {
	for {
		info, err := os.Stat(dir)
		if err != nil {
			return nil, err
		}
		if !a.enters(info) {
			break
		}
		if dir == "/" {
			return nil, nil
		}
		dir = filepath.Dir(dir)
	}
	ours := effectiveCapabilities()
	for _, c := range []uintptr{capDACReadSearch, capDACOverride} {
		if ours&(1<<c) != 0 {
			return []uintptr{c}, nil
		}
	}
	return nil, fmt.Errorf("the server runs as user %s, who may not enter %s: run `chmod o+x %s`, or choose a data folder "+
		"that others may enter (LECTERN_DATA), such as /var/lib/lectern", a.name, dir, dir)
}

func (a account) enters(info os.FileInfo) bool {
	stat := info.Sys().(*syscall.Stat_t)
	switch {
	case int(stat.Uid) == a.uid:
		return info.Mode()&0o100 != 0
	case int(stat.Gid) == a.gid:
		return info.Mode()&0o010 != 0
	}
	return info.Mode()&0o001 != 0
}

// effectiveCapabilities is the CapEff line of proc(5); zero when it cannot be read.
func effectiveCapabilities() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, _ := strconv.ParseUint(strings.TrimSpace(hex), 16, 64) // malformed: as if there were none
			return caps
		}
	}
	return 0
}

// attributes makes a child run as the account.
func (a account) attributes() *syscall.SysProcAttr {
	if !a.switched {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)},
		AmbientCaps: a.caps,
	}
}

// give hands a file or folder to the account.
func (a account) give(path string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}
