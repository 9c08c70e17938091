package vod

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lectern/media/hls"
	"lectern/media/hls/playlist"
)

// Names of what a version of a recording begins with. Versioned puts the version into them.
const (
	MasterName     = hls.MasterName
	StoryboardName = "storyboard.vtt"
)

// Versioned is the name of a playlist or of the storyboard of one version: index.m3u8 of version 3 is index.3.m3u8. Version 0 is
// whichever is shown, without a number.
func Versioned(name string, version int) string {
	if version == 0 {
		return name
	}
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + strconv.Itoa(version) + ext
}

// ParseName takes apart what Versioned has put together. Listed says that it is a text that depends on the version, and no
// file.
func ParseName(name string) (base string, version int, listed bool) {
	ext := path.Ext(name)
	if ext != ".m3u8" && ext != ".vtt" {
		return name, 0, false
	}
	stem := strings.TrimSuffix(name, ext)
	if dot := strings.LastIndexByte(stem, '.'); dot >= 0 {
		n, err := strconv.ParseUint(stem[dot+1:], 10, 31)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != stem[dot+1:] {
			return name, 0, true
		}
		return stem[:dot] + ext, int(n), true
	}
	return name, 0, true
}

// View is a version of a recording.
type View struct {
	Version  int // for the names in its playlists; 0 for no number
	Segments Shown
}

// Replay is a recording that nobody adds to, with what was made of it.
type Replay struct {
	*hls.Origin
	root     *os.Root // of our folder, nil when there is none
	stored   bool     // what is not in the folder may be in the store
	ladder   *ladder  // nil unless it is whole
	pictures *Pictures
	files    map[string]string // media type by name, of what is ours

	sound     map[string]bool // files that the ladder does not replace
	layerRead atomic.Int64    // unix time at which a file that the ladder replaces was last asked for

	mu     sync.Mutex
	cached map[string]*hls.Text
}

// Open opens the recording in a folder. It changes nothing there.
func Open(dir string) (*Replay, error) {
	origin, err := hls.Open(dir)
	if err != nil {
		return nil, err
	}
	r := Bare(origin)
	if err := r.open(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open what was made of a recording: %w", err), r.Close())
	}
	return r, nil
}

// Bare is a recording of which nothing was made, or nothing that is here.
func Bare(origin *hls.Origin) *Replay {
	return &Replay{Origin: origin, pictures: &Pictures{}, files: map[string]string{}, cached: map[string]*hls.Text{}}
}

func (r *Replay) open(dir string) (err error) {
	if r.root, err = openFolder(dir, false); err != nil || r.root == nil {
		return err
	}
	if r.pictures, err = readPictures(r.root); err != nil {
		return err
	}
	r.listPictures()
	l, err := readLadder(r.root)
	r.show(l)
	return err
}

func (r *Replay) listPictures() {
	for _, name := range r.pictures.files() {
		r.files[name] = "image/jpeg"
	}
}

// show lets a ladder take the place of the layers, if it is whole.
func (r *Replay) show(l *ladder) {
	if l == nil || !l.whole(len(r.Segments(hls.Audio))) {
		return
	}
	r.ladder, r.sound = l, map[string]bool{}
	for _, s := range r.Segments(hls.Audio) {
		r.sound[s.Name], r.sound[s.Init] = true, true
	}
	for _, name := range l.files() {
		r.files[name] = "video/mp4"
	}
}

// ReadThrough lets the recording fetch what is no longer in its folder from the store of a hls.Mirror. Call it before the
// first request.
func (r *Replay) ReadThrough(from hls.Uploader, recording string) {
	r.stored = true
	r.Origin.ReadThrough(from, recording)
}

// Close gives the folder back.
func (r *Replay) Close() error {
	err := r.Origin.Close()
	if r.root != nil {
		err = errors.Join(err, r.root.Close())
	}
	return err
}

// LadderReady says whether the polished renditions have taken the place of the recorded ones.
func (r *Replay) LadderReady() bool { return r.ladder != nil }

// Cache-Control of what is served. What leads to a version may lead elsewhere tomorrow, because the ladder takes the place of the
// layers; what a version is made of stays so.
const (
	cacheRevalidate = "no-cache"
	cacheVersion    = "max-age=3600"
	cacheForever    = "max-age=31536000, immutable"
	cacheMissing    = "max-age=1"
)

// Serve answers with a version of the recording, or a file of it. It looks at the last element of the path only. Who may see
// it is decided before.
func (r *Replay) Serve(w http.ResponseWriter, req *http.Request, v View) {
	name := path.Base(req.URL.Path)
	base, version, listed := ParseName(name)
	if !listed {
		r.serveFile(w, req, name)
		return
	}
	var text *hls.Text
	if version == v.Version || version == 0 {
		text = r.text(base, v)
	}
	if text == nil && v.Segments == nil {
		r.Origin.ServeHTTP(w, req) // a player that was at the live edge reads the end of its playlist
		return
	}
	if text == nil {
		w.Header().Set("Cache-Control", cacheMissing)
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	cache := cacheVersion
	if version == 0 || base == MasterName || base == hls.DVRName {
		cache = cacheRevalidate
	}
	text.Serve(w, req, cache)
}

// ServeHTTP answers with what is recorded, nothing cut out, in names without a version.
func (r *Replay) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.Serve(w, req, View{}) }

// serveFile answers with a file of ours, else of the recording.
func (r *Replay) serveFile(w http.ResponseWriter, req *http.Request, name string) {
	kind, ours := r.files[name]
	if !ours {
		if r.ladder != nil && !r.heard(name) {
			r.layerRead.Store(time.Now().Unix())
		}
		r.ServeFile(w, req, name)
		return
	}
	f, err := r.openFile(req.Context(), name)
	switch {
	case err == nil:
		defer f.Close()
	case errors.Is(err, fs.ErrNotExist):
		w.Header().Set("Cache-Control", cacheMissing)
		http.Error(w, "not found", http.StatusNotFound)
		return
	default:
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the store does not give it now: ask again", http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cacheForever)
	h.Set("ETag", `"`+strings.TrimSuffix(name, path.Ext(name))+`"`)
	http.ServeContent(w, req, name, time.Time{}, f)
}

// openFile opens a file of ours, wherever it is.
func (r *Replay) openFile(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	err := error(fs.ErrNotExist)
	if r.root != nil {
		var f *os.File
		if f, err = r.root.Open(name); err == nil {
			return f, nil
		}
	}
	if !errors.Is(err, fs.ErrNotExist) || !r.stored {
		return nil, err
	}
	b, err := r.FetchCopy(ctx, Folder+"/"+name)
	if err == nil && !r.ladder.proves(name, b) {
		err = fmt.Errorf("%s is damaged in the store", name)
	}
	return fetched{bytes.NewReader(b)}, err
}

// fetched is a file that was read whole.
type fetched struct{ *bytes.Reader }

func (fetched) Close() error { return nil }

// heard says whether a file is of the sound, which the ladder does not replace.
func (r *Replay) heard(name string) bool { return r.sound[name] }

// LayersRead is when a file that the ladder replaces was last asked for; the zero time when nobody has.
func (r *Replay) LayersRead() time.Time {
	if at := r.layerRead.Load(); at > 0 {
		return time.Unix(at, 0)
	}
	return time.Time{}
}

// maxCached bounds how many texts of one recording are kept: some versions with their renditions.
const maxCached = 64

// text returns a playlist or storyboard as a version has it, nil when there is none.
func (r *Replay) text(base string, v View) *hls.Text {
	key := fmt.Sprint(base, v.Version, v.Segments)
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.cached[key]; t != nil {
		return t
	}
	kind, plain := "application/vnd.apple.mpegurl", []byte(nil)
	switch base {
	case MasterName, hls.DVRName:
		plain = r.master(v)
	case StoryboardName:
		kind, plain = "text/vtt; charset=utf-8", r.pictures.storyboard(v.Segments, r.Segments(hls.Audio))
	default:
		plain = r.media(strings.TrimSuffix(base, ".m3u8"), v)
	}
	if plain == nil {
		return nil
	}
	if len(r.cached) >= maxCached {
		clear(r.cached)
	}
	t := hls.NewText(kind, plain)
	r.cached[key] = t
	return t
}

// master leads to the renditions of a version: those of the ladder once it is whole.
func (r *Replay) master(v View) []byte {
	m, ok := r.Master()
	if !ok {
		return nil
	}
	if r.ladder != nil {
		m = r.ladder.master(r.Origin, m)
	}
	if m.Sound != "" {
		m.Sound = Versioned(m.Sound, v.Version)
	}
	for i := range m.Variants {
		m.Variants[i].URI = Versioned(m.Variants[i].URI, v.Version)
	}
	return m.Encode()
}

// media lists what a version shows of a rendition, nil when there is no such rendition.
func (r *Replay) media(rendition string, v View) []byte {
	all := r.Segments(rendition)
	if m, _ := r.Master(); rendition == hls.Audio && m.Sound == "" {
		return nil // the sound is in another recording
	}
	if r.ladder != nil && all == nil {
		all = r.ladder.segments(r.Origin, rendition)
	}
	m := playlist.Media{Target: hls.TargetDuration, Ended: true, Segments: v.list(all), Marks: v.marks(all, r.Marks())}
	if len(m.Segments) == 0 {
		return nil
	}
	b, err := m.Encode(false)
	if err != nil { // a segment beyond the target, which the segment clock never makes
		return nil
	}
	return b
}

// SetMarks replaces the chapters of the recording.
func (r *Replay) SetMarks(marks []hls.Mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Origin.SetMarks(marks)
	clear(r.cached)
}

// storyboard writes the thumbnails of what is shown as WebVTT, on the session timeline; nil when there are none.
func (p *Pictures) storyboard(shown Shown, all []hls.Segment) []byte {
	if len(p.Thumbs) == 0 || len(all) == 0 {
		return nil
	}
	last := all[len(all)-1]
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	for i, thumb := range p.Thumbs {
		if !shown.has(thumb.Segment) {
			continue
		}
		end := last.StartMS + last.DurationMS
		if i+1 < len(p.Thumbs) {
			end = p.Thumbs[i+1].AtMS
		}
		fmt.Fprintf(&b, "\n%s --> %s\n%s#xywh=%d,%d,%d,%d\n", cueTime(thumb.AtMS), cueTime(end), thumb.Sprite, thumb.X, thumb.Y, p.Width, p.Height)
	}
	return []byte(b.String())
}

// cueTime writes a moment as WebVTT has it (section 4.1), in ms.
func cueTime(ms int64) string {
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
