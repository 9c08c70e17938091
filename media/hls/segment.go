package hls

import (
	_ "embed"
	"time"

	"lectern/media/hls/fmp4"
	"lectern/media/hls/h264"
)

// segment is the one being written.
type segment struct {
	openRow
	start   time.Duration
	slate   bool // no picture: sound alone, under the slate
	forced  bool // begins in the middle of a group of pictures
	layers  layers
	outputs [slate + 1]*output
	heard   int64         // grid place up to which its sound stands in parts
	shown   time.Duration // place up to which the slate does
}

// least is how long a segment is before a keyframe ends it: one that not everybody can decode as short as a part.
func (s *segment) least() time.Duration {
	if s.forced {
		return partTarget
	}
	return segmentMin
}

// slateStream is the slate: one dark H.264 picture, 640 by 360, as
//
//	ffmpeg -f lavfi -i color=0x1a2230:s=640x360 -frames:v 1 -c:v libx264 -profile:v baseline
//
// makes it.
//
//go:embed slate.h264
var slateStream []byte

// slateParams and slatePicture are the slate taken apart.
var slateParams, slatePicture = func() (*h264.Params, []byte) {
	nals := h264.SplitAnnexB(slateStream)
	sps, err := h264.ParseSPS(nals[0])
	if err != nil {
		panic(err) // it is built in
	}
	return &h264.Params{SPS: sps, RawSPS: nals[0], RawPPS: nals[1]}, h264.AppendLengthPrefixed(nil, nals)
}()

// open opens a segment at a cut with the layers that can begin there, and says whether the disk let it.
func (p *packager) open(c *cut) bool {
	s := &segment{start: c.at, forced: c.forced, heard: slot(c.at), shown: c.at}
	p.segment = s
	from := p.layers
	if c.leader != nil && c.leader.ended {
		from = p.retired
	}
	for i, l := range from {
		if k := p.joinAt(l, c); k >= 0 {
			l.drop(k)
			l.joined, s.layers[i] = true, l
		} else if l.joined { // it had part, has none now, and waits for a keyframe
			l.skip(c.at)
		}
	}
	s.slate = s.layers == layers{}
	if err := p.openOutputs(s); err != nil {
		p.fail(err)
		return false
	}
	return true
}

// openOutputs makes the files of a segment and announces it in the index.
func (p *packager) openOutputs(s *segment) error {
	add := func(f feed, data []byte, row initRow) error {
		name, err := p.archive.addInit(data, row)
		if err != nil {
			return err
		}
		p.broken = p.broken || p.last.maps[f] != "" && p.last.maps[f] != name
		p.last.maps[f] = name
		if s.outputs[f], err = p.archive.begin(f, name); err != nil {
			return err
		}
		s.Files = append(s.Files, s.outputs[f].fileRow)
		return nil
	}
	pictures := map[feed]*h264.Params{}
	publication := p.last.publication
	for i, l := range s.layers {
		if l != nil {
			pictures[feed(i)], publication = l.frames[0].params, l.publication
		}
	}
	if s.slate || s.forced { // there may be renditions for which no layer can be decoded
		pictures[slate] = slateParams
	}
	for f, params := range pictures {
		v := fmp4.Video{Width: params.Width, Height: params.Height, SPS: params.RawSPS, PPS: params.RawPPS, Repeat: params.Repeat}
		data, err := v.Init()
		if err != nil {
			return err
		}
		if err := add(f, data, initRow{Codec: params.Codec, Width: v.Width, Height: v.Height}); err != nil {
			return err
		}
		s.outputs[f].depends = f != slate && !s.layers[f].frames[0].key
	}
	if err := add(sound, fmp4.Audio{Config: aacConfig}.Init(), initRow{Codec: aacCodec}); err != nil {
		return err
	}
	contents := p.archive.catalog.contents
	s.Number, s.StartMS = contents.next(), s.start.Milliseconds()
	s.Discontinuity = s.Number > 0 && (p.broken || s.slate != p.last.slate ||
		publication != p.last.publication || s.start != contents.end())
	p.broken, p.last.slate, p.last.publication = false, s.slate, publication
	if err := p.archive.announce(s.openRow); err != nil {
		return err
	}
	p.archive.catalog.begin(s.growing(p.archive.catalog.shownLive()))
	return nil
}

// growing is what readers, who saw something of each rendition before, get to know of the segment. Each lists parts of what it
// would show if all went well from here on.
func (s *segment) growing(before [renditions]feed) *growing {
	g := &growing{openRow: s.openRow}
	var outputs []*output
	for _, o := range s.outputs {
		if o != nil {
			outputs = append(outputs, o)
		}
	}
	for r, o := range lend(outputs, before) {
		g.shown[r] = o.Feed
	}
	return g
}

// closeSegment writes what is left of the open segment before a cut, and commits it.
func (p *packager) closeSegment(c *cut) error {
	s := p.segment
	var outputs []*output
	for f, l := range s.layers {
		if l == nil {
			continue
		}
		o := s.outputs[f]
		if err := p.closeLayer(o, l, c); err != nil {
			return err
		}
		if o.frames == 0 {
			p.archive.discard(o)
			continue
		}
		outputs = append(outputs, o)
	}
	if o := s.outputs[slate]; o != nil {
		if err := p.writeSlate(c.at); err != nil {
			return err
		}
		outputs = append(outputs, o)
	}
	if err := p.writeSound(slot(c.at)); err != nil {
		return err
	}
	if err := p.archive.commit(s.openRow, append(outputs, s.outputs[sound]), c.at-s.start); err != nil {
		return err
	}
	p.segment, p.failure = nil, nil
	p.metrics.segments.Inc()
	return nil
}

// closeLayer writes the pictures of one layer before a cut.
func (p *packager) closeLayer(o *output, l *layer, c *cut) error {
	next := p.joinAt(l, c)
	to := next
	if to < 0 {
		to = l.first(c.at)
	}
	to = l.uniform(to)
	if to == 0 { // it was given up for its length, and holds nothing any more
		o.gap = true
		return nil
	}
	last, lost := l.lastReal(to), next >= 0 && l.frames[next].gap // writing may insert pictures
	if err := p.writeParts(o, l, to, c.at, true); err != nil {
		return err
	}
	o.gap = l.gap || c.at-last > freezeLimit || lost
	return nil
}

// flush writes the parts that are complete, and shows them to readers.
func (p *packager) flush() error {
	s := p.segment
	if s == nil {
		p.sound.forget(slot(p.now - segmentTarget - soundGrace))
		return nil
	}
	until := s.start
	for f, l := range s.layers {
		if l == nil {
			continue
		}
		p.hold(l)
		if to := p.settledFrames(l); to > l.written {
			if err := p.writeParts(s.outputs[f], l, to, l.frames[to].at, false); err != nil {
				return err
			}
		}
		until = p.writtenTo(l) // of the best layer, in the end
	}
	if s.outputs[slate] != nil {
		for p.now-soundGrace >= s.shown+partTarget && s.shown+partTarget < s.start+segmentTarget {
			if err := p.writeSlate(s.shown + partTarget); err != nil {
				return err
			}
		}
	}
	if s.slate {
		until = s.shown
	}
	if to := slot(until); p.sound.complete(to) {
		if err := p.writeSound(to); err != nil {
			return err
		}
	}
	var fresh []*part
	for _, o := range s.outputs {
		if o != nil {
			fresh, o.fresh = append(fresh, o.fresh...), nil
		}
	}
	if len(fresh) > 0 {
		p.archive.catalog.grow(fresh)
	}
	return nil
}

// partMin is from when on a part is long enough; one must not be shorter than partShort unless it is the last
// (rfc8216bis section 4.4.3.7): 85 % of the limit, and a frame of sound, by which its part may be shorter.
const (
	partMin   = partTarget - 20*time.Millisecond
	partShort = partLimit*85/100 + aacFrame*time.Second/48000
)

// hold shows the last picture of a layer again where a part has to end, when none has come there for so long that
// none will: of a screen that nothing moves on, browsers send one or no picture a second.
func (p *packager) hold(l *layer) {
	_, heard := p.lastPicture()
	if p.cut != nil || l.ended || len(l.frames) == 0 || p.now-heard >= stalled {
		return
	}
	start, forced := p.writtenTo(l), p.segment.start+segmentForced
	at := min(start+partTarget, forced)
	if start < forced && l.last() < at-partTarget+partMin && p.now >= at+soundGrace {
		l.repeat(len(l.frames), at)
	}
}

// writeParts writes the full parts among the pictures before an index, which end at a place, and when all is
// true what is left then, too. Where pictures are so far apart that a part would be too long or too short, one is
// repeated. Only a stream whose pictures cannot be has such parts, which players of Media Source take as they are.
func (p *packager) writeParts(o *output, l *layer, to int, end time.Duration, all bool) error {
	until := func(i int) time.Duration { // where the picture before i ends
		if i < to {
			return min(l.frames[i].at, end)
		}
		return end
	}
	for l.written < to {
		start, cut := p.writtenTo(l), l.written+1
		for cut < to && until(cut)-start < partMin {
			cut++
		}
		switch length := until(cut) - start; {
		case length > partLimit && cut > l.written+1 && until(cut-1)-start >= partShort:
			cut-- // without the last picture it is a little short
		case length > partLimit && l.repeat(cut, start+partTarget):
			to++
		case length > partLimit && cut > l.written+1:
			cut--
		case length < partMin && !all:
			return nil
		}
		if err := p.writePictures(o, l, cut, until(cut)); err != nil {
			return err
		}
	}
	return nil
}

// writtenTo is the place up to which the pictures of a layer stand in parts.
func (p *packager) writtenTo(l *layer) time.Duration {
	switch {
	case l.written == 0:
		return p.segment.start
	case l.written < len(l.frames):
		return l.frames[l.written].at
	}
	return l.last()
}

// settledFrames is how many pictures of a layer belong to the open segment for certain: those before the
// cut, or before a keyframe that may become one. The last picture is never among them, because its
// length is known only by the next.
func (p *packager) settledFrames(l *layer) int {
	n := l.uniform(len(l.frames)) - 1
	for i := max(l.written, 1); i < n; i++ {
		f := l.frames[i]
		if p.cut != nil && f.at >= p.cut.at-nearReported {
			return i
		}
		if f.key && f.at-p.segment.start >= p.segment.least() && !p.passed(f.at) {
			return i
		}
	}
	return max(n, 0)
}

// passed says whether the leader is so far past a keyframe of another layer that it is no cut.
func (p *packager) passed(at time.Duration) bool {
	l := p.leader()
	return l != nil && l.past(at+cutWait)
}

// writePictures writes the pictures of a layer up to an index, which end at a place, as one part.
func (p *packager) writePictures(o *output, l *layer, to int, end time.Duration) error {
	from := l.written
	for i := max(from, 1); i < to; i++ {
		l.gap = l.gap || l.frames[i].gap
	}
	if err := o.write(p.segment.Number, ticks(p.writtenTo(l)), l.samples(from, to, p.writtenTo(l), end)); err != nil {
		return err
	}
	l.written = to
	return nil
}

// soundPart is how many frames of sound partLimit is.
const soundPart = 24

// writeSound writes the sound before a grid place: as one part if it is no longer than that.
func (p *packager) writeSound(to int64) error {
	s := p.segment
	for s.heard < to {
		end := min(to, s.heard+soundPart)
		samples := soundSamples(p.sound.take(s.heard, end))
		if err := s.outputs[sound].write(s.Number, uint64(s.heard*aacFrame), samples); err != nil {
			return err
		}
		s.heard = end
	}
	return nil
}

// writeSlate shows the slate up to a place: as one part if it is no longer than that.
func (p *packager) writeSlate(to time.Duration) error {
	for s := p.segment; s.shown < to; {
		until := to
		if to-s.shown > partLimit {
			until = s.shown + partTarget
		}
		if err := p.writeSlatePart(until); err != nil {
			return err
		}
	}
	return nil
}

func (p *packager) writeSlatePart(to time.Duration) error {
	s := p.segment
	sample := fmp4.Sample{Data: slatePicture, Duration: uint32(ticks(to) - ticks(s.shown)), Sync: true}
	err := s.outputs[slate].write(s.Number, ticks(s.shown), []fmp4.Sample{sample})
	s.shown = to
	return err
}
