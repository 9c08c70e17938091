package broadcast

import (
	"fmt"
	"slices"
	"testing"

	"lectern/media"
	"lectern/media/sfu"
)

// log is a sink that writes down what it is told.
type log []string

func (l *log) add(format string, args ...any)         { *l = append(*l, fmt.Sprintf(format, args...)) }
func (l *log) AddTrack(t media.TrackInfo)             { l.add("+%s", t.ID) }
func (l *log) RemoveTrack(id string)                  { l.add("-%s", id) }
func (l *log) WritePacket(p *media.Packet)            { l.add("%s %d", p.Track, p.Sequence) }
func (l *log) WriteSenderReport(r media.SenderReport) { l.add("%s report %d", r.Track, r.Timestamp) }
func (l *log) take() (said []string)                  { said, *l = *l, nil; return said }
func (l *log) wants(t *testing.T, what string, w ...string) {
	t.Helper()
	if got := l.take(); !slices.Equal(got, w) {
		t.Errorf("%s: %q, want %q", what, got, w)
	}
}

func TestStage(t *testing.T) {
	var to, speaker log
	var asked []string
	s := newStage(&to, &speaker, func(track string) { asked = append(asked, track) })
	info := func(id string, kind media.Kind) media.TrackInfo { return media.TrackInfo{ID: id, Kind: kind} }
	packet := func(id string, n uint64, key bool) *media.Packet {
		return &media.Packet{Track: id, Sequence: n, Keyframe: key}
	}
	s.requestKeyframe()
	s.AddTrack(info(sfu.Microphone, media.Audio))
	s.AddTrack(info(sfu.Camera, media.Video))
	s.WritePacket(packet(sfu.Camera, 1, true))
	s.WritePacket(packet(sfu.Microphone, 1, false))
	s.requestKeyframe()
	to.wants(t, "the camera", "+microphone", "+stage", "stage 1", "microphone 1")

	s.AddTrack(info(sfu.Sounds[1], media.Audio))
	s.AddTrack(info(sfu.Screen, media.Video))
	s.WritePacket(packet(sfu.Screen, 10, false))
	s.WritePacket(packet(sfu.Camera, 2, false))
	s.WritePacket(packet(sfu.Sounds[1], 2, false))
	s.requestKeyframe()
	s.requestSpeakerKeyframe()
	to.wants(t, "until the screen's keyframe", "+microphone-2", "stage 2", "microphone-2 2")
	speaker.wants(t, "while the camera is on stage")
	if want := []string{sfu.Camera, sfu.Screen, sfu.Screen}; !slices.Equal(asked, want) {
		t.Errorf("asked for keyframes of %q, want %q", asked, want)
	}

	key := packet(sfu.Screen, 11, true)
	s.WritePacket(key)
	s.WritePacket(packet(sfu.Camera, 3, true))
	s.WriteSenderReport(media.SenderReport{Track: sfu.Camera, Timestamp: 1})
	s.WriteSenderReport(media.SenderReport{Track: sfu.Screen, Timestamp: 2})
	s.WriteSenderReport(media.SenderReport{Track: sfu.Microphone, Timestamp: 3})
	to.wants(t, "the screen", "+stage", "stage 11", "stage report 2", "microphone report 3")
	speaker.wants(t, "the camera beside it", "+stage", "stage 3", "stage report 1")
	asked = nil
	s.requestSpeakerKeyframe()
	if want := []string{sfu.Camera}; !slices.Equal(asked, want) {
		t.Errorf("asked for keyframes of %q, want %q", asked, want)
	}
	s.RemoveTrack(sfu.Camera)
	s.AddTrack(info(sfu.Camera, media.Video))
	s.WritePacket(packet(sfu.Camera, 3, true))
	to.wants(t, "a camera that comes back beside the screen")
	speaker.wants(t, "the camera that comes back", "-stage", "+stage", "stage 3")
	if key.Track != sfu.Screen {
		t.Error("a shared packet was changed")
	}

	s.RemoveTrack(sfu.Screen)
	s.WritePacket(packet(sfu.Screen, 12, true))
	s.WritePacket(packet(sfu.Camera, 4, true))
	to.wants(t, "the camera again", "+stage", "stage 4")
	speaker.wants(t, "the camera on stage again", "-stage")

	s.RemoveTrack(sfu.Camera)
	s.WritePacket(packet(sfu.Camera, 5, true))
	s.RemoveTrack(sfu.Sounds[1])
	s.RemoveTrack(sfu.Microphone)
	to.wants(t, "nobody", "-stage", "-microphone-2", "-microphone")

	// A presenter who comes back sharing: the camera is on stage until the screen can be decoded.
	s.AddTrack(info(sfu.Screen, media.Video))
	s.WritePacket(packet(sfu.Screen, 13, false))
	to.wants(t, "a screen that cannot be decoded yet")
	s.AddTrack(info(sfu.Camera, media.Video))
	s.WritePacket(packet(sfu.Screen, 14, true))
	s.RemoveTrack(sfu.Camera)
	to.wants(t, "both", "+stage", "+stage", "stage 14")
	speaker.wants(t, "both", "+stage", "-stage")
}
