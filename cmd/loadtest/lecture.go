package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/pion/rtp/codecs"

	"lectern/media"
	"lectern/media/hls/h264"
)

// lecture is what a presenter's browser sends, as RTP payloads: a film in three layers with a keyframe every two
// seconds, and sound. It is played again and again.
type lecture struct {
	pictures [media.Layers][][][]byte // by layer and picture
	sound    [][]byte
}

const (
	lectureLength = 10 * time.Second
	pictureEvery  = time.Second / 30
	soundEvery    = 20 * time.Millisecond
)

// newLecture films a test picture: 720p at 1.7 Mbit/s, half and a quarter of it.
func newLecture(ctx context.Context) (*lecture, error) {
	l := &lecture{}
	for layer, rate := range map[media.Layer]string{media.High: "1200k", media.Mid: "380k", media.Low: "120k"} {
		width := 1280 >> (media.High - layer)
		source := fmt.Sprintf("testsrc2=s=%dx%d:r=30:d=%d", width, width*9/16/2*2, int(lectureLength.Seconds()))
		out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p",
			"-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency",
			"-x264-params", "keyint=60:min-keyint=60:scenecut=0:slices=1:sliced-threads=0", "-b:v", rate, "-f", "h264", "pipe:1").Output()
		if err != nil {
			return nil, fmt.Errorf("film a lecture: %w", err)
		}
		payloader := &codecs.H264Payloader{}
		var unit []byte
		for _, nal := range h264.SplitAnnexB(out) {
			unit = append(append(unit, 0, 0, 0, 1), nal...)
			if t := nal[0] & 0x1f; t == 1 || t == 5 {
				l.pictures[layer] = append(l.pictures[layer], payloader.Payload(1180, unit))
				unit = nil
			}
		}
		if want := int(lectureLength / pictureEvery); len(l.pictures[layer]) != want {
			return nil, fmt.Errorf("film a lecture: ffmpeg made %d pictures, not %d", len(l.pictures[layer]), want)
		}
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("sine=f=330:r=48000:d=%d", int(lectureLength.Seconds())),
		"-ac", "2", "-c:a", "libopus", "-b:a", "32k", "-f", "ogg", "pipe:1").Output()
	if err != nil {
		return nil, fmt.Errorf("speak a lecture: %w", err)
	}
	l.sound = oggPackets(out)[2:]
	return l, nil
}

// oggPackets takes a stream of one page after the other apart (RFC 3533 section 6).
func oggPackets(b []byte) (packets [][]byte) {
	var packet []byte
	for len(b) > 27 && bytes.HasPrefix(b, []byte("OggS")) {
		table := b[27 : 27+int(b[26])]
		b = b[27+int(b[26]):]
		for _, n := range table {
			packet = append(packet, b[:n]...)
			b = b[n:]
			if n < 255 {
				packets, packet = append(packets, packet), nil
			}
		}
	}
	return packets
}

// hold gives the lecture to a sink until ctx ends, at the speed of life.
func (l *lecture) hold(ctx context.Context, sink media.Sink) {
	sink.AddTrack(media.TrackInfo{ID: "microphone", Kind: media.Audio, MimeType: "audio/opus", ClockRate: 48000, Channels: 2})
	sink.AddTrack(media.TrackInfo{ID: "camera", Kind: media.Video, MimeType: "video/H264", ClockRate: 90000})
	start := time.Now()
	var sequence [media.Layers + 1]uint64
	tick := time.NewTicker(soundEvery / 4)
	defer tick.Stop()
	send := func(track string, layer media.Layer, counter *uint64, timestamp uint32, payloads ...[]byte) {
		for i, payload := range payloads {
			*counter++
			sink.WritePacket(&media.Packet{
				Track: track, Layer: layer, Sequence: *counter, Timestamp: timestamp, Marker: i == len(payloads)-1,
				Arrival: time.Now(), Payload: payload,
			})
		}
	}
	for picture, packet := 0, 0; ; {
		for ; time.Since(start) >= time.Duration(picture)*pictureEvery; picture++ {
			for layer := range media.Layers {
				send("camera", layer, &sequence[layer], uint32(picture)*3000, l.pictures[layer][picture%len(l.pictures[layer])]...)
			}
		}
		for ; time.Since(start) >= time.Duration(packet)*soundEvery; packet++ {
			send("microphone", media.High, &sequence[media.Layers], uint32(packet)*960, l.sound[packet%len(l.sound)])
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
