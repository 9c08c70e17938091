package hls

import (
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"lectern/media/hls/playlist"
)

// TargetDuration is EXT-X-TARGETDURATION of every playlist of a recording.
const TargetDuration = targetDuration

// Audio is the rendition of the sound; the others are pictures.
const Audio = "audio"

// Segment is one segment of a rendition. The renditions of a recording agree in number, place and length.
type Segment struct {
	Number        int
	StartMS       int64 // place on the session timeline
	DurationMS    int64
	Name, Init    string // files
	Discontinuity bool
	Frames        int
	Size          int64 // bytes
	SHA256        string
	At            time.Time // what the clock on the wall said at its start
}

// Init is what an initialisation section describes. Width and Height are zero for sound.
type Init struct {
	Codec         string
	Width, Height int
}

// Renditions names what a recording has, the best picture last and then the sound.
func Renditions() []string { return slices.Clone(feedNames[:renditions]) }

// Segments lists a rendition from the start on, nil when there is none of that name.
func (o *Origin) Segments(rendition string) []Segment {
	k := o.catalog
	k.mu.RLock()
	defer k.mu.RUnlock()
	f := slices.Index(feedNames[:renditions], rendition)
	if f < 0 {
		return nil
	}
	all := make([]Segment, 0, len(k.contents.segments[f]))
	for _, r := range k.contents.segments[f] {
		all = append(all, Segment{
			Number: r.Number, StartMS: r.StartMS, DurationMS: r.DurationMS, Name: r.Name, Init: r.Init,
			Discontinuity: r.Discontinuity, Frames: r.Frames, Size: r.Size, SHA256: r.SHA256, At: k.contents.wall(r.StartMS),
		})
	}
	return all
}

// Init describes an initialisation section.
func (o *Origin) Init(name string) Init {
	k := o.catalog
	k.mu.RLock()
	defer k.mu.RUnlock()
	r := k.contents.inits[name]
	return Init{Codec: r.Codec, Width: r.Width, Height: r.Height}
}

// Master is the master playlist that leads to everything from the start, false while there is no segment.
func (o *Origin) Master() (playlist.Master, bool) { return o.catalog.master(true) }

// Open opens a file that a playlist lists; the caller closes it. Its error is fs.ErrNotExist for all others.
func (o *Origin) Open(name string) (io.ReadSeekCloser, error) {
	if _, listed := o.catalog.file(name); !listed {
		return nil, os.ErrNotExist
	}
	return o.local(name)
}

// ServeFile answers with an initialisation section or a segment, and nothing else.
func (o *Origin) ServeFile(w http.ResponseWriter, r *http.Request, name string) {
	if _, listed := o.catalog.file(name); !listed {
		missing(w)
		return
	}
	o.serveFile(w, r, name)
}

// Cuts lists the segments of a recording as an edit list has them: that is where it can be cut.
func (o *Origin) Cuts() []Edit { return o.catalog.cuts() }

// Segments lists what is recorded so far as an edit list has it, by segments.
func (r *Recorder) Segments() []Edit { return r.archive.catalog.cuts() }

func (k *catalog) cuts() []Edit {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var at int64
	cuts := make([]Edit, 0, len(k.contents.segments[sound]))
	for _, s := range k.contents.segments[sound] {
		cuts = append(cuts, Edit{TimelineMS: s.StartMS, RecordingMS: at, LengthMS: s.DurationMS})
		at += s.DurationMS
	}
	return cuts
}
