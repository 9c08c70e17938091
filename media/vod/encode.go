package vod

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lectern/media/hls"
	"lectern/media/hls/fmp4"
)

const (
	// source is the rendition that the ladder is made of: the best layer that was sent at each moment.
	source = "high"
	// chunkSegments is how much one run of ffmpeg encodes: about a minute, which is what a crash loses.
	chunkSegments = 30
	// work is the folder of what is being encoded.
	work = "work"
	// same is how far apart two places in time may be that mean the same, in ticks: 2 ms.
	same = 180
	// complaint is how much of what ffmpeg complains about is kept.
	complaint = 400
)

// chunk is a run of segments that one decoder can take: one initialisation section, no discontinuity inside.
type chunk struct {
	segments []hls.Segment
	starts   []uint64 // decode time of each, in ticks
	end      uint64
	input    []byte
}

// nextChunk returns the chunk that begins with a segment.
func nextChunk(o *hls.Origin, all []hls.Segment, from int) (chunk, error) {
	c := chunk{}
	first := all[from]
	for i := from; i < len(all) && len(c.segments) < chunkSegments; i++ {
		if i > from && (all[i].Init != first.Init || all[i].Discontinuity) {
			break
		}
		b, err := readFile(o, all[i].Name)
		if err != nil {
			return c, err
		}
		samples, err := fmp4.Read(b)
		if err == nil && len(samples) == 0 {
			err = fmp4.ErrDamaged
		}
		if err != nil {
			return c, fmt.Errorf("segment %d: %w", all[i].Number, err)
		}
		if i == from {
			if c.input, err = readFile(o, first.Init); err != nil {
				return c, err
			}
		}
		last := samples[len(samples)-1]
		c.segments, c.starts = append(c.segments, all[i]), append(c.starts, samples[0].At)
		c.end = last.At + uint64(last.Duration)
		c.input = append(c.input, b...)
	}
	return c, nil
}

func readFile(o *hls.Origin, name string) ([]byte, error) {
	f, err := o.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	defer f.Close()
	return io.ReadAll(f)
}

// encode makes the rungs of a chunk, each a file in folder, and returns what they hold.
func (c chunk) encode(ctx context.Context, ffmpeg, folder string, rungs []rung) ([][]byte, error) {
	var graph, keys strings.Builder
	fmt.Fprintf(&graph, "[0:v]split=%d", len(rungs))
	for i := range rungs {
		fmt.Fprintf(&graph, "[s%d]", i)
	}
	for i, r := range rungs {
		// A picture of another shape than the ladder's gets borders, so that a rung never changes its size.
		fmt.Fprintf(&graph, ";[s%d]scale=%[2]d:%[3]d:force_original_aspect_ratio=decrease,pad=%[2]d:%[3]d:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p[o%[1]d]", i, r.Width, r.Height)
	}
	for i, at := range c.starts {
		if i > 0 {
			keys.WriteByte(',')
		}
		fmt.Fprintf(&keys, "%.6f", max(0, float64(at-c.starts[0])/fmp4.VideoTimescale-0.002))
	}
	args := []string{"-v", "error", "-f", "mp4", "-i", "pipe:0", "-an", "-filter_complex", graph.String()}
	for i, r := range rungs {
		args = append(args, "-map", fmt.Sprintf("[o%d]", i), "-fps_mode", "passthrough", "-enc_time_base", "1:90000",
			"-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-crf", "22",
			"-maxrate", strconv.Itoa(r.Kbps)+"k", "-bufsize", strconv.Itoa(2*r.Kbps)+"k",
			"-bf", "0", "-g", "9999", "-sc_threshold", "0", "-force_key_frames", keys.String(), // a group of pictures is a segment
			"-video_track_timescale", "90000", "-movflags", "+empty_moov+default_base_moof+frag_keyframe", "-map_metadata", "-1",
			"-f", "mp4", "-y", filepath.Join(folder, r.Name+".mp4"))
	}
	if _, err := runNiced(ctx, ffmpeg, c.input, args...); err != nil {
		return nil, fmt.Errorf("encode segments %d to %d: %w", c.segments[0].Number, c.segments[len(c.segments)-1].Number, err)
	}
	out := make([][]byte, len(rungs))
	for i, r := range rungs {
		var err error
		if out[i], err = os.ReadFile(filepath.Join(folder, r.Name+".mp4")); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// runNiced runs ffmpeg behind everything else on the machine, and returns what it wrote to its output.
func runNiced(ctx context.Context, ffmpeg string, input []byte, args ...string) ([]byte, error) {
	name := ffmpeg
	if nice, err := exec.LookPath("nice"); err == nil {
		name, args = nice, append([]string{"-n", "19", ffmpeg}, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = 2 * time.Second // nice has become ffmpeg, so the kill reaches it
	cmd.Stdin = bytes.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		text := said.String()
		return nil, fmt.Errorf("ffmpeg: %w: %s", err, text[max(0, len(text)-complaint):])
	}
	return out.Bytes(), nil
}

// errPictures says that ffmpeg gave back other pictures than were asked for.
var errPictures = errors.New("the encoder lost the beginning of a segment")

// cut takes what ffmpeg made of a chunk apart into its segments. Places and lengths are those of the recording to the tick: a
// picture that could not be decoded is covered by the one before it.
func (c chunk) cut(encoded []byte) ([][]fmp4.Sample, error) {
	pictures, err := fmp4.Read(encoded)
	if err != nil {
		return nil, err
	}
	out := make([][]fmp4.Sample, len(c.segments))
	zero := c.starts[0]
	for i := range c.segments {
		end := c.end
		if i+1 < len(c.starts) {
			end = c.starts[i+1]
		}
		at := c.starts[i]
		for len(pictures) > 0 && (i+1 == len(c.segments) || zero+pictures[0].At+same < end) {
			s, next := pictures[0].Sample, end
			pictures = pictures[1:]
			if len(pictures) > 0 && zero+pictures[0].At+same < end {
				next = zero + pictures[0].At
			}
			if len(out[i]) == 0 && !s.Sync || next <= at {
				return nil, fmt.Errorf("segment %d: %w", c.segments[i].Number, errPictures)
			}
			s.Duration = uint32(next - at)
			out[i], at = append(out[i], s), next
		}
		if len(out[i]) == 0 {
			return nil, fmt.Errorf("segment %d: %w", c.segments[i].Number, errPictures)
		}
	}
	return out, nil
}

// codecOf reads the codec of an initialisation section, as RFC 6381 writes it, out of its decoder configuration
// (ISO/IEC 14496-15, 5.3.3.1).
func codecOf(section []byte) (string, error) {
	at := bytes.Index(section, []byte("avcC"))
	if at < 0 || at+8 > len(section) {
		return "", fmt.Errorf("initialisation section: %w", fmp4.ErrDamaged)
	}
	return fmt.Sprintf("avc1.%02x%02x%02x", section[at+5], section[at+6], section[at+7]), nil
}

// newName returns an unguessable name (128 random bits).
func newName(end string) string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:]) + end
}

// store writes the segments of a rung, and returns their rows as lines.
func (c chunk) store(root *os.Root, r rung, encoded []byte, known map[string]string) ([]byte, error) {
	section, err := fmp4.Section(encoded)
	if err != nil {
		return nil, err
	}
	codec, err := codecOf(section)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(section)
	init := hex.EncodeToString(sum[:16]) + ".mp4"
	var rows []byte
	if known[init] == "" {
		if err := put(root, init, section); err != nil {
			return nil, err
		}
		rows = appendRow(rows, "init", initRow{Name: init, Codec: codec})
	}
	segments, err := c.cut(encoded)
	if err != nil {
		return nil, err
	}
	for i, samples := range segments {
		b := fmp4.AppendFragment(nil, uint32(c.segments[i].Number+1), c.starts[i], samples)
		sum := sha256.Sum256(b)
		row := segmentRow{
			Rung: r.Name, Number: c.segments[i].Number, Name: newName(".m4s"), Init: init,
			Frames: len(samples), Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:]),
		}
		if err := put(root, row.Name, b); err != nil {
			return nil, err
		}
		rows = appendRow(rows, "segment", row)
	}
	return rows, nil
}
