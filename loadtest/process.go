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
	cpu time.Duration // user and system
	rss int64         // bytes
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
	for _, i := range []int{11, 12} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return p, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		p.cpu += time.Duration(n) * ticks
	}
	pages, err := strconv.ParseInt(fields[21], 10, 64)
	if err != nil {
		return p, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	p.rss = pages * int64(os.Getpagesize())
	return p, nil
}
