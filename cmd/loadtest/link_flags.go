package main

import (
	"errors"
	"flag"
	"io"
	"net/netip"
	"strings"
	"time"

	"lectern/loadtest/link"
)

// linkSettings are what the command line of `loadtest link` says, and what a PUT to its control address says later.
type linkSettings struct {
	toFar, toNear link.Conditions
	pulled        bool
	seed          uint64
	farAddress    netip.Addr // of the far host from now on; the zero Addr is as it is
	command       []string
}

// parseLink reads flags. What they do not name is perfect.
func parseLink(args []string, help io.Writer) (s linkSettings, err error) {
	var c link.Conditions
	f := flag.NewFlagSet("link", flag.ContinueOnError)
	f.SetOutput(help)
	percent := func(to *float64, name, usage string) { f.Float64Var(to, name, 0, usage+", in %") }
	percent(&c.Loss, "loss", "packets lost one by one")
	percent(&c.BurstLoss, "burst", "packets lost in bursts")
	f.Float64Var(&c.BurstLength, "burst-length", 0, "mean packets of a burst (default 4)")
	percent(&c.Duplicate, "duplicate", "packets that arrive twice")
	f.DurationVar(&c.Delay, "delay", 0, "delay one way")
	f.DurationVar(&c.Jitter, "jitter", 0, "packets come up to this much earlier or later")
	rate := f.Float64("rate", 0, "kbit/s, 0 is no limit")
	f.DurationVar(&c.Queue, "queue", 0, "what may wait in front of -rate (default 300ms)")
	block := f.String("block", "", "what a firewall drops, such as udp or udp,tcp/8443")
	to := f.String("to", "both", "the direction that all of this is for: both, far or near")
	f.BoolVar(&s.pulled, "pulled", false, "nothing passes; SIGUSR1 pulls the cable and puts it back, too")
	f.TextVar(&s.farAddress, "far-address", netip.Addr{}, "the far host gets this address in the place of its own, such as 10.99.0.77")
	f.Uint64Var(&s.seed, "seed", 1, "of all chance")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	for _, share := range []*float64{&c.Loss, &c.BurstLoss, &c.Duplicate} {
		*share /= 100
	}
	c.Rate = int64(*rate * 1000)
	c.Block = strings.FieldsFunc(*block, func(r rune) bool { return r == ',' })
	switch *to {
	case "both":
		s.toFar, s.toNear = c, c
	case "far":
		s.toFar = c
	case "near":
		s.toNear = c
	default:
		return s, errors.New("-to: both, far or near")
	}
	s.command = f.Args()
	return s, c.Validate()
}

// linkGrace is what a command gets to end by itself.
const linkGrace = 5 * time.Second

// initCommand is this program as process 1 of a process namespace: when it ends, the kernel kills all others.
const initCommand = "link-init"
