package vod

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"slices"

	"lectern/media/hls"
	"lectern/media/hls/fmp4"
)

const (
	// thumbHeight is the height of a thumbnail in pixels; its width follows from the picture's shape.
	thumbHeight = 90
	// maxThumbs bounds how many there are: one a segment up to about 20 minutes, then every second one and so on.
	maxThumbs = 600
	// tileColumns and tileRows are what one sprite holds: about 200 kB.
	tileColumns, tileRows = 8, 8
	// posterWidth is the width of the still, if there is so much.
	posterWidth = 1280
	// spriteQuality is that of the JPEG.
	spriteQuality = 72
	// posterTries is among how many keyframes the still is chosen.
	posterTries = 40
)

// lowestUseful are the renditions of which thumbnails are made, the first that has thumbHeight lines.
var lowestUseful = []string{"low", "mid", "high"}

// keyframe is the first picture of a segment.
type keyframe struct {
	segment hls.Segment
	sample  fmp4.Sample
}

// MakePictures makes the storyboard of a whole recording, unless it is there, and a still of what is shown, unless the one that
// is there still is. It decodes one keyframe a segment and nothing else. What was there before goes only when its place
// is taken.
func MakePictures(ctx context.Context, dir, ffmpeg string, shown Shown) (Pictures, error) {
	o, err := hls.Open(dir)
	if err != nil {
		return Pictures{}, err
	}
	defer o.Close()
	m := &pictureMaker{origin: o, ffmpeg: ffmpeg}
	if m.root, err = openFolder(dir, true); err != nil {
		return Pictures{}, err
	}
	defer m.root.Close()
	before, err := readPictures(m.root)
	if err != nil {
		return Pictures{}, err
	}
	now := *before
	all := o.Segments(m.rendition())
	if len(all) == 0 {
		return Pictures{}, ErrNoPictures
	}
	// A lecture that went on air again has more segments than there are thumbnails for.
	if step := thumbStep(len(all)); !before.covers(len(all), step) {
		if err := m.storyboard(ctx, &now, all, step); err != nil {
			return Pictures{}, fmt.Errorf("make storyboard: %w", err)
		}
	}
	if before.Poster.Name == "" || !shown.has(before.Poster.Segment) {
		if err := m.poster(ctx, &now, shown); err != nil {
			return Pictures{}, fmt.Errorf("make poster: %w", err)
		}
	}
	return now, m.commit(before, &now)
}

// covers says whether there is a thumbnail of every step-th of so many segments.
func (p *Pictures) covers(segments, step int) bool {
	n := len(p.Thumbs)
	return n == (segments+step-1)/step && p.Thumbs[n-1].Segment == (n-1)*step
}

// thumbStep is how many segments share a thumbnail.
func thumbStep(segments int) int { return max(1, (segments+maxThumbs-1)/maxThumbs) }

// pictureMaker is one call of MakePictures.
type pictureMaker struct {
	origin *hls.Origin
	root   *os.Root
	ffmpeg string
}

// rendition is the least one that is good enough for thumbnails.
func (m *pictureMaker) rendition() string {
	for _, name := range lowestUseful {
		all := m.origin.Segments(name)
		if len(all) > 0 && m.origin.Init(all[0].Init).Height >= thumbHeight {
			return name
		}
	}
	return source
}

// first reads the picture with which a segment begins.
func (m *pictureMaker) first(s hls.Segment) (keyframe, error) {
	b, err := readFile(m.origin, s.Name)
	if err != nil {
		return keyframe{}, err
	}
	samples, err := fmp4.Read(b)
	if err == nil && (len(samples) == 0 || !samples[0].Sync) {
		err = fmp4.ErrDamaged
	}
	if err != nil {
		return keyframe{}, fmt.Errorf("segment %d: %w", s.Number, err)
	}
	return keyframe{s, fmp4.Sample{Data: bytes.Clone(samples[0].Data), Duration: fmp4.VideoTimescale, Sync: true}}, nil
}

// storyboard makes the thumbnails and the sprites that hold them.
func (m *pictureMaker) storyboard(ctx context.Context, p *Pictures, all []hls.Segment, step int) error {
	var frames []keyframe
	for i := 0; i < len(all); i += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := m.first(all[i])
		if err != nil {
			return err
		}
		frames = append(frames, f)
	}
	shape := m.origin.Init(all[0].Init)
	p.Height, p.Width = thumbHeight, even(thumbHeight*float64(shape.Width)/float64(max(1, shape.Height)))
	// One decoder for each initialisation section: it knows no other.
	small := make([]image.Image, len(frames))
	for from := range frames {
		if small[from] != nil {
			continue
		}
		var group []int
		for i := from; i < len(frames); i++ {
			if frames[i].segment.Init == frames[from].segment.Init {
				group = append(group, i)
			}
		}
		if err := m.shrink(ctx, p, frames, group, small); err != nil {
			return err
		}
	}
	return m.tile(p, frames, small)
}

// shrink decodes the keyframes of a group into thumbnails. One that cannot be decoded is shown by the one before it.
func (m *pictureMaker) shrink(ctx context.Context, p *Pictures, frames []keyframe, group []int, small []image.Image) error {
	input, err := readFile(m.origin, frames[group[0]].segment.Init)
	if err != nil {
		return err
	}
	for n, i := range group {
		input = fmp4.AppendFragment(input, uint32(n+1), uint64(n)*fmp4.VideoTimescale, []fmp4.Sample{frames[i].sample})
	}
	fit := fmt.Sprintf("scale=%[1]d:%[2]d:force_original_aspect_ratio=decrease,pad=%[1]d:%[2]d:(ow-iw)/2:(oh-ih)/2,setsar=1", p.Width, p.Height)
	out, err := runNiced(ctx, m.ffmpeg, input, "-v", "error", "-f", "mp4", "-i", "pipe:0", "-an", "-vf", fit, "-fps_mode", "passthrough",
		"-enc_time_base", "1:90000", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", "-video_track_timescale", "90000",
		"-movflags", "+empty_moov+default_base_moof+frag_keyframe", "-f", "mp4", "pipe:1")
	if err != nil {
		return err
	}
	pictures, err := fmp4.Read(out)
	if err != nil {
		return err
	}
	for _, s := range pictures {
		n := int((s.At + fmp4.VideoTimescale/2) / fmp4.VideoTimescale)
		if n >= len(group) {
			continue
		}
		if small[group[n]], err = jpeg.Decode(bytes.NewReader(s.Data)); err != nil {
			return err
		}
	}
	var last image.Image = image.NewUniform(color.Black)
	for _, i := range group {
		if small[i] == nil {
			small[i] = last
		}
		last = small[i]
	}
	return nil
}

// tile puts thumbnails side by side and writes the sprites.
func (m *pictureMaker) tile(p *Pictures, frames []keyframe, small []image.Image) error {
	p.Thumbs = nil
	for from := 0; from < len(small); from += tileColumns * tileRows {
		part := small[from:min(len(small), from+tileColumns*tileRows)]
		rows := (len(part) + tileColumns - 1) / tileColumns
		sprite := image.NewRGBA(image.Rect(0, 0, min(len(part), tileColumns)*p.Width, rows*p.Height))
		name := newName(".jpg")
		for n, picture := range part {
			x, y := n%tileColumns*p.Width, n/tileColumns*p.Height
			draw.Draw(sprite, image.Rect(x, y, x+p.Width, y+p.Height), picture, image.Point{}, draw.Src)
			s := frames[from+n].segment
			p.Thumbs = append(p.Thumbs, Thumb{Segment: s.Number, AtMS: s.StartMS, Sprite: name, X: x, Y: y})
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, sprite, &jpeg.Options{Quality: spriteQuality}); err != nil {
			return err
		}
		if err := put(m.root, name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// poster makes a still of the picture in the first half of what is shown whose keyframe is the largest for its size: that
// is one with something in it, and no black.
func (m *pictureMaker) poster(ctx context.Context, p *Pictures, shown Shown) error {
	var visible []hls.Segment
	for _, s := range m.origin.Segments(source) {
		if shown.has(s.Number) {
			visible = append(visible, s)
		}
	}
	p.Poster = Poster{}
	visible = visible[:(len(visible)+1)/2]
	step := max(1, len(visible)/posterTries)
	var best keyframe
	width := 0
	for i := 0; i < len(visible); i += step {
		f, err := m.first(visible[i])
		if err != nil {
			return err
		}
		if w := m.origin.Init(f.segment.Init).Width; w > width || w == width && len(f.sample.Data) > len(best.sample.Data) {
			best, width = f, w
		}
	}
	if width == 0 {
		return nil
	}
	input, err := readFile(m.origin, best.segment.Init)
	if err != nil {
		return err
	}
	out, err := runNiced(ctx, m.ffmpeg, fmp4.AppendFragment(input, 1, 0, []fmp4.Sample{best.sample}), "-v", "error", "-f", "mp4", "-i", "pipe:0",
		"-an", "-vf", fmt.Sprintf("scale='min(%d,iw)':-2,setsar=1", posterWidth), "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p",
		"-f", "image2pipe", "pipe:1")
	if err != nil {
		return err
	}
	p.Poster = Poster{Name: newName(".jpg"), Segment: best.segment.Number, AtMS: best.segment.StartMS}
	return put(m.root, p.Poster.Name, out)
}

// commit puts the list of the pictures in the place of the one before, and then deletes what only that one names.
func (m *pictureMaker) commit(before, now *Pictures) error {
	b, err := json.Marshal(now)
	if err != nil {
		return err
	}
	if err := errors.Join(put(m.root, picturesName, b), syncFolder(m.root)); err != nil {
		return err
	}
	kept := now.files()
	for _, name := range before.files() {
		if !slices.Contains(kept, name) {
			err = errors.Join(err, m.root.Remove(name))
		}
	}
	return err
}
