package egress

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"lectern/media"
)

const (
	// inboxReports is how many reports may wait for a worker; more are dropped and counted. Attendees repeat
	// what matters.
	inboxReports = 8192
	// upkeepEvery is how often a worker looks after each of its attendees.
	upkeepEvery = 250 * time.Millisecond
)

// worker sends to the attendees that are pinned to it. It owns their state: others post to it.
type worker struct {
	server *Server
	number int
	wake   chan struct{} // one place: there is something to do
	load   atomic.Int32  // attendees

	mu    sync.Mutex
	inbox []event

	// What follows belongs to the worker's goroutine.
	now       time.Time
	out       *outbox
	stations  map[*Room]*station
	cared     time.Time // when upkeep was last done
	spare     []event
	packets   int // sent in this round
	bytes     int
	resent    int
	rungs     []rung // scratch
	rates     []float64
	congested int
}

// event is something that a worker is told.
type event struct {
	kind     eventKind
	viewer   *viewer
	feedback feedback
	layer    media.Layer
}

type eventKind uint8

const (
	joins eventKind = iota
	leaves
	reports
	chooses
	returns
)

// station is a room as one worker has it.
type station struct {
	room    *Room
	feeds   *map[string]*feed // as the intakes know them
	intakes map[string]*intake
	viewers []*viewer
}

func newWorker(s *Server, number int) *worker {
	return &worker{server: s, number: number, wake: make(chan struct{}, 1), out: newOutbox(s.meters), stations: map[*Room]*station{}}
}

// rouse wakes the worker unless it is about to wake already.
func (w *worker) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// post tells the worker something. Reports are dropped when too many wait.
func (w *worker) post(e event) {
	w.mu.Lock()
	if e.kind == reports && len(w.inbox) >= inboxReports {
		w.mu.Unlock()
		w.server.meters.dropped.WithLabelValues("report").Inc()
		return
	}
	w.inbox = append(w.inbox, e)
	w.mu.Unlock()
	if e.kind != reports || e.feedback.urgent() {
		w.rouse()
	}
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) {
	upkeep := time.NewTicker(upkeepEvery)
	defer upkeep.Stop()
	pause := time.NewTimer(gather)
	defer pause.Stop()
	for held := false; ; {
		if !held {
			select {
			case <-w.wake:
			case <-upkeep.C:
			case <-ctx.Done():
				return
			}
		}
		pause.Reset(gather)
		<-pause.C
		w.now = time.Now()
		w.listen()
		held = w.round()
		if w.now.Sub(w.cared) >= upkeepEvery {
			w.cared = w.now
			w.upkeep()
		}
		w.out.flush()
		w.account()
	}
}

// listen follows what was posted.
func (w *worker) listen() {
	w.mu.Lock()
	w.inbox, w.spare = w.spare[:0], w.inbox
	w.mu.Unlock()
	for i := range w.spare {
		e := &w.spare[i]
		switch e.kind {
		case joins:
			w.join(e.viewer)
		case leaves:
			w.leave(e.viewer)
		case reports:
			if e.viewer.station != nil {
				e.viewer.hear(w, &e.feedback)
			}
		case chooses:
			e.viewer.choose(e.layer, w.now)
		case returns:
			e.viewer.silent = false
		}
		*e = event{}
	}
}

func (w *worker) join(v *viewer) {
	st := w.stations[v.room]
	if st == nil {
		st = &station{room: v.room, intakes: map[string]*intake{}}
		w.stations[v.room] = st
		st.follow()
	}
	v.station, v.place = st, len(st.viewers)
	st.viewers = append(st.viewers, v)
	v.room.watchers[w.number].Add(1)
	v.choose(media.Layer(v.a.wanted.Load()), w.now) // perhaps during the handshake
	st.attach(v)
}

func (w *worker) leave(v *viewer) {
	st := v.station
	if st == nil {
		return
	}
	last := st.viewers[len(st.viewers)-1]
	st.viewers[v.place], last.place = last, v.place
	st.viewers[len(st.viewers)-1] = nil
	st.viewers = st.viewers[:len(st.viewers)-1]
	v.station = nil
	v.room.watchers[w.number].Add(-1)
	if len(st.viewers) == 0 {
		delete(w.stations, v.room)
	}
}

// follow sees which tracks the room has.
func (st *station) follow() {
	feeds := st.room.feeds.Load()
	if feeds == st.feeds {
		return
	}
	st.feeds = feeds
	for id, in := range st.intakes {
		if (*feeds)[id] != in.feed {
			delete(st.intakes, id)
		}
	}
	for id, f := range *feeds {
		if st.intakes[id] == nil {
			st.intakes[id] = newIntake(f)
		}
	}
	for _, v := range st.viewers {
		st.attach(v)
	}
}

func (st *station) attach(v *viewer) {
	for i := range v.streams {
		v.streams[i].follow(v.streams[i].source(st.intakes))
	}
}

// round sends what is new to everybody; true when packets wait for the end of their picture.
func (w *worker) round() (held bool) {
	m := w.server.meters
	for _, st := range w.stations {
		st.follow()
		taken := 0
		oldest := w.now
		for _, in := range st.intakes {
			n, dropped, waits := in.collect(w.now)
			taken += n
			held = held || waits
			if dropped > 0 {
				m.dropped.WithLabelValues("queue").Add(float64(dropped * len(st.viewers)))
			}
			oldest = in.oldest(oldest)
		}
		if taken == 0 {
			continue
		}
		for _, v := range st.viewers {
			v.advance(w)
		}
		w.out.flush()
		m.latency.Observe(time.Since(oldest).Seconds())
	}
	return held
}

// oldest returns the arrival of the oldest packet of this round if it is before t.
func (in *intake) oldest(t time.Time) time.Time {
	for l := range in.lanes {
		if items := in.lanes[l].items; len(items) > 0 && items[0].Arrival.Before(t) {
			t = items[0].Arrival
		}
	}
	return t
}

func (w *worker) upkeep() {
	for _, st := range w.stations {
		for _, v := range st.viewers {
			v.upkeep(w)
		}
	}
}

// account adds the round to the metrics.
func (w *worker) account() {
	m := w.server.meters
	if w.packets > 0 {
		m.packets.Add(float64(w.packets))
		m.bytes.Add(float64(w.bytes))
	}
	if w.resent > 0 {
		m.resent.Add(float64(w.resent))
	}
	if w.congested > 0 {
		m.dropped.WithLabelValues("tcp").Add(float64(w.congested))
	}
	w.packets, w.bytes, w.resent, w.congested = 0, 0, 0, 0
}
