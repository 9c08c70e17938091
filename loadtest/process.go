package loadtest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// process is what a process has used so far.
type process struct {
	cpu    time.Duration // user and system
	ended  time.Duration // the same of its children that have ended
	rss    int64         // bytes
	parent int
}

// ticks is the unit of times in /proc/[pid]/stat, which Linux shows as 1/100 s on all machines.
const ticks = 10 * time.Millisecond

// usage reads /proc; without a pid it is all zero.
func usage(pid int) (p process, err error) {
	if pid == 0 {
		return p, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, fmt.Errorf("the server has ended: %w", err)
	}
	// The name in parentheses may hold anything; what follows the last one does not (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 22 {
		return p, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	p.parent, _ = strconv.Atoi(fields[1])
	for i, sum := range map[int]*time.Duration{11: &p.cpu, 12: &p.cpu, 13: &p.ended, 14: &p.ended} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return p, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		*sum += time.Duration(n) * ticks
	}
	pages, err := strconv.ParseInt(fields[21], 10, 64)
	if err != nil {
		return p, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	p.rss = pages * int64(os.Getpagesize())
	return p, nil
}

// treeCPU is what a process and its children have used, those that ended among them: a PostgreSQL works in a
// process for each connection.
func treeCPU(pid int) (time.Duration, error) {
	top, err := usage(pid)
	if err != nil {
		return 0, err
	}
	sum := top.cpu + top.ended
	all, err := os.ReadDir("/proc")
	if err != nil {
		return 0, fmt.Errorf("list the processes: %w", err)
	}
	for _, entry := range all {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, err := usage(child); err == nil && p.parent == pid { // one that has just ended is in top.ended next time
			sum += p.cpu + p.ended
		}
	}
	return sum, nil
}

// tree is what a process and its children have used so far. A server's private database is its child.
type tree struct {
	cpu      time.Duration // of all
	children time.Duration // of the children among them, those that have ended included
}

// usageOfAll reads /proc for a process and everything below it; without a pid it is all zero.
func usageOfAll(pid int) (t tree, err error) {
	if pid == 0 {
		return t, nil
	}
	own, err := usage(pid)
	if err != nil {
		return t, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return t, fmt.Errorf("list the processes: %w", err)
	}
	all := map[int]process{}
	for _, entry := range entries {
		if id, err := strconv.Atoi(entry.Name()); err == nil {
			if p, err := usage(id); err == nil { // else it has ended meanwhile, and its parent has its times
				all[id] = p
			}
		}
	}
	for _, p := range all {
		for above := p.parent; above > 1; above = all[above].parent {
			if above == pid {
				t.children += p.cpu + p.ended
				break
			}
		}
	}
	t.cpu = own.cpu + t.children
	return t, nil
}
