package link

import (
	"context"
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sync/errgroup"
)

// Config is how a link begins.
type Config struct {
	ToFar, ToNear Conditions // ToFar: what near sends and far receives
	Seed          uint64     // of all chance; each direction has its own stream
}

// Link joins two hosts. The zero value is nothing; see New.
type Link struct {
	near, far     *Host
	toFar, toNear *line
}

// The hosts see only each other, so the addresses clash with nothing.
var (
	nearAddr = netip.MustParsePrefix("10.99.0.1/24")
	farAddr  = netip.MustParsePrefix("10.99.0.2/24")
)

// New makes two namespaces with a device in each. Run carries packets between them, Close removes them; the death
// of the process does, too. It needs root.
func New(c Config) (*Link, error) {
	if err := errors.Join(c.ToFar.Validate(), c.ToNear.Validate()); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("a link between network namespaces needs root: run this with sudo")
	}
	near, err := newHost(nearAddr)
	if err != nil {
		return nil, err
	}
	far, err := newHost(farAddr)
	if err != nil {
		near.close()
		return nil, err
	}
	return &Link{
		near: near, far: far,
		toFar: newLine(newModel(c.ToFar, c.Seed, 1)), toNear: newLine(newModel(c.ToNear, c.Seed, 2)),
	}, nil
}

// Near is the host whose packets meet ToFar.
func (l *Link) Near() *Host { return l.near }

// Far is the other one.
func (l *Link) Far() *Host { return l.far }

// Run carries packets until ctx ends or the link is closed; it can run once.
func (l *Link) Run(ctx context.Context) error {
	all, running := errgroup.WithContext(ctx)
	closed := func(err error) bool { return errors.Is(err, os.ErrClosed) }
	for _, way := range []struct {
		line     *line
		from, to *os.File
	}{{l.toFar, l.near.tun, l.far.tun}, {l.toNear, l.far.tun, l.near.tun}} {
		all.Go(func() error { return way.line.read(way.from) })
		all.Go(func() error { return way.line.write(running, way.to, closed) })
	}
	all.Go(func() error {
		<-running.Done()
		return errors.Join(l.near.tun.Close(), l.far.tun.Close())
	})
	err := all.Wait()
	if ctx.Err() != nil || closed(err) {
		return nil
	}
	return err
}

// Set changes the conditions. What is under way arrives as it would have.
func (l *Link) Set(toFar, toNear Conditions) error {
	if err := errors.Join(toFar.Validate(), toNear.Validate()); err != nil {
		return err
	}
	l.toFar.change(func(m *model) { m.Conditions = toFar })
	l.toNear.change(func(m *model) { m.Conditions = toNear })
	return nil
}

// Pull pulls the cable, or puts it back: nothing passes in either direction, and nobody is told.
func (l *Link) Pull(pulled bool) {
	for _, line := range []*line{l.toFar, l.toNear} {
		line.change(func(m *model) { m.pulled = pulled })
	}
}

// Counts are the packets of both directions so far.
func (l *Link) Counts() (toFar, toNear Counts) { return l.toFar.count(), l.toNear.count() }

// Close kills what was started on the hosts and removes them; call it once, after Run has ended or without it.
func (l *Link) Close() {
	l.near.close()
	l.far.close()
}
