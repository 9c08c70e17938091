package hls

import (
	"net/url"
	"strconv"
)

// kind is one of the playlists that an Origin has.
type kind struct {
	feed  feed // of a media playlist
	list  bool // a media playlist, else a master
	live  bool // the window at the live edge, else all from the start
	delta bool // without the segments that a player has
}

// kinds are the playlists by name.
var kinds = func() map[string]kind {
	all := map[string]kind{MasterName: {live: true}, DVRName: {}}
	for f := range feed(renditions) {
		all[playlistName(f)] = kind{feed: f, list: true}
		all[liveName(f)] = kind{feed: f, list: true, live: true}
	}
	return all
}()

// directives are what a player asks of a live playlist (rfc8216bis section 6.2.5).
type directives struct {
	blocks bool // wait for
	msn    int  // this segment,
	part   int  // or this part of it unless negative
}

// parseDirectives reads them: a part needs its segment, and both are whole numbers.
func parseDirectives(q url.Values) (d directives, err error) {
	d.part = -1
	msn, part := q.Get("_HLS_msn"), q.Get("_HLS_part")
	if msn == "" && part == "" {
		return d, nil
	}
	d.blocks = true
	n, err := strconv.ParseUint(msn, 10, 31)
	if err != nil {
		return d, errDirective
	}
	d.msn = int(n)
	if part != "" {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return d, errDirective
		}
		d.part = int(n)
	}
	return d, nil
}

// wantsDelta says whether a delta update is asked for. We have no date ranges that a v2 could leave out.
func wantsDelta(q url.Values) bool {
	skip := q.Get("_HLS_skip")
	return skip == "YES" || skip == "v2"
}

// version counts the changes of a playlist.
func (k *catalog) version(of kind) uint64 {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if of.list && of.live {
		return k.live.version[of.feed]
	}
	return k.revision
}

// playlist returns a playlist as it is now, nil when it is empty. It is made once for all who ask.
func (o *Origin) playlist(k kind) *snapshot {
	version := o.catalog.version(k)
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.cached[k]; s != nil && s.version >= version {
		return s
	}
	plain := o.encode(k)
	if plain == nil {
		return nil
	}
	s := &snapshot{version, NewText("application/vnd.apple.mpegurl", plain)}
	o.cached[k] = s
	return s
}

// encode writes a playlist, nil when it is empty. There is no error to expect: a segment beyond the target,
// which the segment clock never makes, would be one.
func (o *Origin) encode(k kind) (b []byte) {
	switch {
	case !k.list:
		if m, ok := o.catalog.master(!k.live); ok {
			return m.Encode()
		}
	case k.live:
		if m, ok := o.catalog.window(k.feed); ok {
			b, _ = m.Encode(k.delta)
		}
	default:
		if m, ok := o.catalog.media(k.feed); ok {
			b, _ = m.Encode(k.delta)
		}
	}
	return b
}
