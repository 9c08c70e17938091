package hls

import (
	"context"
	"errors"
	"time"
)

// Bounds of requests that wait for what is not there yet (rfc8216bis section 6.2.5.2).
const (
	blockLimit = 3 * targetDuration // then there is no answer
	blockAhead = 2                  // segments after the last one that may be asked for
)

// Why a request gets nothing.
var (
	errTooFar    = errors.New("that segment is too far ahead: ask for the next one")
	errDirective = errors.New("_HLS_msn and _HLS_part must be whole numbers, and a part needs its segment")
	errTimeout   = errors.New("nothing new for three target durations: ask again")
	errGone      = errors.New("not found")
	errCrowded   = errors.New("too many requests of yours are waiting: ask again when one of them has been answered")
)

// Gate is asked before a request begins to wait, and says whether it may; then leave is called when the wait is over.
type Gate func() (leave func(), may bool)

type gateKey struct{}

// WithGate bounds how many requests wait for one viewer: an Origin asks the gate of a request's context.
func WithGate(ctx context.Context, g Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

// wait returns when the playlist of a rendition has a segment, or a part of it unless part is negative. The
// part after the last one of a segment is the first of the next.
func (k *catalog) wait(ctx context.Context, f feed, msn, part int) error {
	return k.await(ctx, f, func() (bool, error) {
		last, _ := k.edge(f)
		switch whole := k.contents.next(); {
		case k.contents.ended:
			return true, nil // there is no more to come
		case !k.live.on:
			return false, ErrStopped
		case msn > last+blockAhead:
			return false, errTooFar
		case msn < whole-1:
			return true, nil
		case msn == whole-1:
			if listed := k.partsOf(msn, f); part < listed || listed == 0 {
				return true, nil
			}
			return last > msn, nil
		case msn == whole && part >= 0 && k.live.open != nil:
			return part < len(k.live.open.parts[k.live.open.shown[f]]), nil
		}
		return false, nil
	})
}

// part returns a part, for which it waits when it is the next one of its file, or errGone.
func (k *catalog) part(ctx context.Context, uri string) (p *part, err error) {
	k.mu.RLock()
	p = k.live.parts[uri]
	f, hinted := k.hinted(uri)
	k.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	if !hinted {
		return nil, errGone
	}
	err = k.await(ctx, f, func() (bool, error) {
		if p = k.live.parts[uri]; p != nil {
			return true, nil
		}
		if _, hinted := k.hinted(uri); !hinted {
			return false, errGone // its segment ended without it
		}
		return false, nil
	})
	return p, err
}

// hinted says whether a playlist hints at a part, and of which rendition.
func (k *catalog) hinted(uri string) (feed, bool) {
	if g := k.live.open; g != nil {
		for r, f := range g.shown {
			if uri == g.hint(f) {
				return feed(r), true
			}
		}
	}
	return 0, false
}

// await asks again whenever a rendition has something new, until that is enough or an error, time is up or
// ctx ends.
func (k *catalog) await(ctx context.Context, f feed, enough func() (bool, error)) error {
	var limit <-chan time.Time
	for {
		k.mu.RLock()
		done, err := enough()
		changed := k.live.changed[f]
		k.mu.RUnlock()
		if done || err != nil {
			return err
		}
		if limit == nil {
			if gate, ok := ctx.Value(gateKey{}).(Gate); ok {
				leave, may := gate()
				if !may {
					return errCrowded
				}
				defer leave()
			}
			t := time.NewTimer(blockLimit)
			defer t.Stop()
			limit = t.C
		}
		select {
		case <-changed:
		case <-limit:
			return errTimeout
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
