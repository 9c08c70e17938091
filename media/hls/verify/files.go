package verify

import (
	"context"
	"net/http"
	"time"
)

// files looks once at each file that a media playlist lists. One goroutine uses it.
type files struct {
	run   *run
	found faults
	base  string
	known map[string]span
	ends  map[int]time.Duration // where segments end in their track's time
	track track
	init  string
}

// look gets what is new in a playlist.
func (f *files) look(ctx context.Context, p *Playlist) {
	first := p.First + p.Skipped
	for i, s := range p.Segments {
		f.follow(ctx, first+i, s)
	}
	f.parts(ctx, first+len(p.Segments), p.Open)
}

// follow looks at a segment and its parts.
func (f *files) follow(ctx context.Context, number int, s Segment) {
	if _, known := f.known[s.URI]; known || !f.section(ctx, s.Map) {
		return
	}
	f.parts(ctx, number, s.Parts)
	is, ok := f.media(ctx, s.URI)
	if !ok {
		return
	}
	f.ends[number] = is.end
	delete(f.ends, number-1000)
	if before, there := f.ends[number-1]; there && !s.Discontinuity && (is.start-before).Abs() > tolerance {
		f.found(RuleDecodeTime, "segment %d begins at %v, the one before ends at %v", number, is.start, before)
	}
	if length := is.end - is.start; (length - s.Duration).Abs() > 2*tolerance {
		f.found(RuleDecodeTime, "segment %d holds %v, and is said to last %v", number, length, s.Duration)
	}
}

// parts looks at the parts of a segment, which must follow each other.
func (f *files) parts(ctx context.Context, number int, parts []Part) {
	for i, part := range parts {
		if _, known := f.known[part.URI]; known || f.track.scale == 0 {
			continue
		}
		is, ok := f.media(ctx, part.URI)
		if !ok || i == 0 {
			continue
		}
		if before, known := f.known[parts[i-1].URI]; known && (is.start-before.end).Abs() > tolerance {
			f.found(RuleDecodeTime, "part %d of segment %d begins at %v, the one before ends at %v", i, number, is.start, before.end)
		}
	}
}

// section gets an initialisation section, once.
func (f *files) section(ctx context.Context, uri string) bool {
	if uri == "" || uri == f.init {
		return f.track.scale > 0
	}
	body, ok := f.get(ctx, uri)
	if !ok {
		return false
	}
	t, err := readInit(body)
	if err != nil {
		f.found(RuleContents, "%s: %v", uri, err)
		return false
	}
	f.track, f.init = t, uri
	return true
}

func (f *files) media(ctx context.Context, uri string) (span, bool) {
	body, ok := f.get(ctx, uri)
	if !ok {
		f.known[uri] = span{}
		return span{}, false
	}
	s, err := readMedia(body, f.track)
	if err != nil {
		f.found(RuleContents, "%s: %v", uri, err)
	}
	f.known[uri] = s
	return s, err == nil
}

func (f *files) get(ctx context.Context, uri string) ([]byte, bool) {
	at, err := resolve(f.base, uri)
	if err != nil {
		f.found(RuleParse, "%q is no address", uri)
		return nil, false
	}
	status, body, err := f.run.get(ctx, at)
	if ctx.Err() != nil {
		return nil, false
	}
	if err != nil || status != http.StatusOK {
		f.found(RuleMissing, "%s is %d", uri, status)
		return nil, false
	}
	f.run.mu.Lock()
	f.run.summary.Files++
	f.run.mu.Unlock()
	return body, true
}
