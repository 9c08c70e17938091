package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"lectern/lms"
	"lectern/loadtest"
	"lectern/storage/postgres"
)

// socketsResult is what came out; the names are those of issue and README.
type socketsResult struct {
	N               int     `json:"n"`
	Connected       int     `json:"connected"`
	KBPerConnection float64 `json:"kb_per_connection"` // resident memory of the servers beyond what they need without
	FrameP50        float64 `json:"frame_p50_ms"`      // from the server's sending to a client
	FrameP99        float64 `json:"frame_p99_ms"`
	AckP99          float64 `json:"ack_p99_ms"` // from a report's sending to its acknowledgement
	ServerCores     float64 `json:"server_cores"`
	Reconnects      int     `json:"reconnects"`
	LostEvents      int64   `json:"lost_events"`

	EventP50      float64 `json:"event_p50_ms"` // from the moderator's request to a client, the tick included
	EventP99      float64 `json:"event_p99_ms"`
	AckP50        float64 `json:"ack_p50_ms"`
	Events        int     `json:"events"`
	Frames        int64   `json:"frames"`
	Reports       int64   `json:"reports"`
	Unacked       int64   `json:"unacked"`
	Resumed       int     `json:"resumed"`
	Servers       int     `json:"servers"`
	Clients       int     `json:"clients"`
	RSSMB         float64 `json:"rss_mb"`
	IdleMB        float64 `json:"rss_idle_mb"`
	DatabaseCores float64 `json:"database_cores"`
	RedisCores    float64 `json:"redis_cores,omitempty"`
	ClientCores   float64 `json:"client_cores"`
	Seconds       float64 `json:"seconds"`
	Load          string  `json:"load"` // of the machine when it was over
	Errors        int64   `json:"errors"`
	FirstError    string  `json:"first_error,omitempty"`
}

// socketsPlan is what was asked for.
type socketsPlan struct {
	n, servers, clients, drop int
	duration, every, reports  time.Duration
	asJSON                    bool
	url, crowd                string
	pid                       int
	binary, profile           string
}

func socketsScenario(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("sockets", flag.ContinueOnError)
	var p socketsPlan
	f.IntVar(&p.n, "n", 13000, "attendees")
	f.DurationVar(&p.duration, "dur", 30*time.Second, "how long to measure")
	f.BoolVar(&p.asJSON, "json", false, "print one JSON object and nothing else")
	f.DurationVar(&p.every, "every", time.Second, "time between two events for everybody")
	f.DurationVar(&p.reports, "reports", 10*time.Second, "time between two reports of an attendee")
	f.IntVar(&p.servers, "servers", 1, "server processes to start; more than one share a Redis")
	f.IntVar(&p.clients, "clients", 1, "processes that play attendees")
	f.IntVar(&p.drop, "drop", 0, "sockets to break in mid-run, in each of them")
	f.StringVar(&p.url, "url", "", "a running server instead, with -crowd")
	f.StringVar(&p.crowd, "crowd", "", "file that `loadtest crowd` wrote for the running server")
	f.IntVar(&p.pid, "pid", 0, "process of the running server, for its CPU and memory")
	f.StringVar(&p.binary, "server", "", "lectern program to start; empty builds it")
	f.StringVar(&p.profile, "profile", "", "write the CPU profile of the first server we start to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	if p.n < 1 || p.servers < 1 || p.clients < 1 || p.every <= 0 || (p.url == "") != (p.crowd == "") {
		return errors.New("sockets: at least one of each; -url and -crowd go together")
	}
	result, err := p.run(ctx)
	if err != nil {
		return err
	}
	return printResult(result, p.asJSON)
}

func (p socketsPlan) say(format string, args ...any) {
	if !p.asJSON {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
}

func (p socketsPlan) run(ctx context.Context) (r socketsResult, err error) {
	house, err := p.open(ctx)
	if err != nil {
		return r, err
	}
	defer house.close()
	events := int(p.duration/p.every) + 2
	desk := &loadtest.Desk{Base: house.bases[0], Course: string(house.crowd.Course), Moderator: house.crowd.Moderator}
	if err := desk.Prepare(ctx, house.crowd.Attendees[:min(events, 40, p.n)]); err != nil {
		return r, err
	}
	idle := house.usage()
	people, err := startPeople(ctx, p.clients, loadtest.Hall{
		Bases: house.bases, Course: string(house.crowd.Course), Broadcast: string(house.crowd.Broadcast),
		Sessions: house.crowd.Attendees[:p.n], ReportMS: int(p.reports.Milliseconds()), Drop: p.drop,
	})
	if err != nil {
		return r, err
	}
	defer people.stop()
	if r.Connected, err = people.seated(); err != nil {
		return r, err
	}
	p.say("%d of %d connected", r.Connected, p.n)
	// Everybody has reported once before anything counts.
	if err := sleep(ctx, min(p.reports, 10*time.Second)); err != nil {
		return r, err
	}
	if err := people.tell("begin"); err != nil {
		return r, err
	}
	before, own, began := house.usage(), people.usage(), time.Now()
	house.profile(ctx, p.profile, p.duration)
	r.Events, err = drive(ctx, desk, p.duration, p.every)
	if err != nil {
		return r, err
	}
	after, ownAfter := house.usage(), people.usage()
	r.Seconds = time.Since(began).Seconds()
	seen, err := people.end(1, r.Events)
	if err != nil {
		return r, err
	}
	r.N, r.Servers, r.Clients = p.n, len(house.bases), p.clients
	r.KBPerConnection = float64(after.servers.RSS-idle.servers.RSS) / 1024 / float64(max(r.Connected, 1))
	r.RSSMB, r.IdleMB = float64(after.servers.RSS)/(1<<20), float64(idle.servers.RSS)/(1<<20)
	r.ServerCores = (after.servers.CPU - before.servers.CPU).Seconds() / r.Seconds
	r.DatabaseCores = (after.database.CPU - before.database.CPU).Seconds() / r.Seconds
	r.RedisCores = (after.redis.CPU - before.redis.CPU).Seconds() / r.Seconds
	r.ClientCores = (ownAfter - own).Seconds() / r.Seconds
	r.FrameP50, r.FrameP99 = seen.Frame.At(0.5), seen.Frame.At(0.99)
	r.EventP50, r.EventP99 = seen.Event.At(0.5), seen.Event.At(0.99)
	r.AckP50, r.AckP99 = seen.Ack.At(0.5), seen.Ack.At(0.99)
	r.Frames, r.Reports, r.Unacked, r.LostEvents = seen.Frames, seen.Reports, seen.Unacked, seen.Lost
	r.Reconnects, r.Resumed, r.Errors, r.FirstError = seen.Reconnects, seen.Resumed, seen.Errors, seen.First
	r.Load = loadtest.MachineLoad()
	return r, ctx.Err()
}

// drive makes an event every so often, and returns how many there were: 1, 2, 3 ...
func drive(ctx context.Context, desk *loadtest.Desk, duration, every time.Duration) (events int, err error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < duration; {
		events++
		if err := desk.Event(ctx, events); err != nil {
			return events, err
		}
		select {
		case <-ctx.Done():
			return events, ctx.Err()
		case <-tick.C:
		}
	}
	return events, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// crowdScenario signs a crowd in on the database of an installation, for -url.
func crowdScenario(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("crowd", flag.ContinueOnError)
	n := f.Int("n", 13000, "attendees")
	url := f.String("database-url", "", "PostgreSQL of the installation; its server takes the lecture up at its next start")
	secret := f.String("secret", "", "its LECTERN_SECRET")
	if err := f.Parse(args); err != nil {
		return err
	}
	crowd, err := gather(ctx, *url, *secret, *n)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(crowd)
}

// gather makes the crowd in the database.
func gather(ctx context.Context, url, secret string, n int) (postgres.Crowd, error) {
	pepper, err := lms.NewPepper([]byte(secret))
	if err != nil {
		return postgres.Crowd{}, err
	}
	db, err := postgres.Open(ctx, postgres.Config{URL: url, Pepper: pepper, Log: quietLog()})
	if err != nil {
		return postgres.Crowd{}, err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return postgres.Crowd{}, err
	}
	return db.Crowd(ctx, n)
}

func readCrowd(path string) (crowd postgres.Crowd, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return crowd, err
	}
	return crowd, json.Unmarshal(text, &crowd)
}

// peopleCommand plays attendees in a process of its own: it reads a Hall, and then one word a line.
const peopleCommand = "sockets-people"

func playPeople(ctx context.Context) error {
	in := bufio.NewReaderSize(os.Stdin, 1<<16)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var hall loadtest.Hall
	if err := json.Unmarshal(line, &hall); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var broken error
	word := func() (first, last int) {
		line, err := in.ReadString('\n')
		if err != nil { // our parent has gone
			broken = err
			cancel()
			return 0, -1
		}
		_, _ = fmt.Sscanf(line, "end %d %d", &first, &last)
		return first, last
	}
	result, err := hall.Sit(ctx, func(connected int) { fmt.Println(connected) }, func() { word() }, word)
	if err = errors.Join(broken, err); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(&result)
}
