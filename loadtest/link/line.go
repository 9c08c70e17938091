package link

import (
	"container/heap"
	"context"
	"io"
	"sync"
	"time"
)

// Counts are the packets of one direction so far.
type Counts struct {
	Received, Delivered, Lost, Overflowed, Blocked uint64
}

// maxPacket is more than the devices' MTU of 1,500.
const maxPacket = 2048

// maxUnderway bounds the packets of one direction that are under way: a second of 300 Mbit/s. More are dropped and
// counted as overflowed.
const maxUnderway = 32 << 10

// line carries the packets of one direction. One goroutine reads, one writes.
type line struct {
	mu       sync.Mutex
	model    *model
	underway packets
	arrived  uint64
	counts   Counts
	wake     chan struct{} // holds one: the earliest departure may have changed
}

func newLine(m *model) *line { return &line{model: m, wake: make(chan struct{}, 1)} }

// read takes packets from a device until that fails.
func (l *line) read(from io.Reader) error {
	buffer := make([]byte, maxPacket)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return err
		}
		l.take(buffer[:n], time.Now())
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func (l *line) take(packet []byte, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Received++
	what, at, copies := l.model.take(packet, now)
	switch {
	case what == lost:
		l.counts.Lost++
	case what == blocked:
		l.counts.Blocked++
	case what == overflowed || len(l.underway)+copies > maxUnderway:
		l.counts.Overflowed++
	default:
		data := append([]byte(nil), packet...)
		for range copies {
			l.arrived++
			heap.Push(&l.underway, departure{at: at, order: l.arrived, data: data})
		}
	}
}

// write hands packets to a device when their time has come, until ctx ends or the device is closed.
func (l *line) write(ctx context.Context, to io.Writer, closed func(error) bool) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		packet, wait := l.next(time.Now())
		if packet != nil {
			// A device that refuses a packet, because it is down or full, has lost it.
			if _, err := to.Write(packet); err != nil && closed(err) {
				return err
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-l.wake:
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next is the packet that is due, or how long to wait for it.
func (l *line) next(now time.Time) (packet []byte, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.underway) == 0 {
		return nil, time.Hour
	}
	if wait = l.underway[0].at.Sub(now); wait > 0 {
		return nil, wait
	}
	l.counts.Delivered++
	return heap.Pop(&l.underway).(departure).data, 0
}

func (l *line) change(change func(*model)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l.model)
}

func (l *line) count() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// departure is a packet on its way.
type departure struct {
	at    time.Time
	order uint64 // of arrival, so that packets of one moment keep theirs
	data  []byte
}

// packets is a heap, the earliest departure first.
type packets []departure

func (p packets) Len() int { return len(p) }
func (p packets) Less(i, j int) bool {
	if p[i].at.Equal(p[j].at) {
		return p[i].order < p[j].order
	}
	return p[i].at.Before(p[j].at)
}
func (p packets) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *packets) Push(x any)   { *p = append(*p, x.(departure)) }
func (p *packets) Pop() any {
	old := *p
	last := old[len(old)-1]
	old[len(old)-1] = departure{}
	*p = old[:len(old)-1]
	return last
}
