package loadtest

import (
	"os"
	"strings"
	"time"
)

// Usage is what processes have used so far.
type Usage struct {
	CPU time.Duration // user and system
	RSS int64         // bytes, resident now
}

// Add sums.
func (u *Usage) Add(o Usage) { u.CPU, u.RSS = u.CPU+o.CPU, u.RSS+o.RSS }

// UsageOf reads /proc; of a process that has ended it is zero.
func UsageOf(pid int) Usage {
	p := mustUsage(pid)
	return Usage{CPU: p.cpu, RSS: p.rss}
}

// UsageOfFamily is the CPU of a process and its children.
func UsageOfFamily(pid int) Usage {
	cpu, _ := treeCPU(pid)
	return Usage{CPU: cpu}
}

// MachineLoad is the load averages of the machine, without which figures of a shared one say little.
func MachineLoad() string {
	text, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// Merge adds what another process saw.
func (r *HallResult) Merge(o *HallResult) {
	r.Connected, r.Reconnects, r.Resumed = r.Connected+o.Connected, r.Reconnects+o.Reconnects, r.Resumed+o.Resumed
	r.Frames, r.Reports, r.Unacked = r.Frames+o.Frames, r.Reports+o.Reports, r.Unacked+o.Unacked
	r.Lost, r.Errors = r.Lost+o.Lost, r.Errors+o.Errors
	r.Frame.merge(&o.Frame)
	r.Event.merge(&o.Event)
	r.Ack.merge(&o.Ack)
	if r.First == "" {
		r.First = o.First
	}
}

// At returns the delay in milliseconds below which a share of them is.
func (h *histogram) At(share float64) float64 { return h.at(share) }
