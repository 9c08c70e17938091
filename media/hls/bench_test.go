package hls

import (
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time of this process, or of its children that have ended.
func cpu(b *testing.B, who int) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRecord records three layers and sound, and reports the share of one core that a lecture takes at the speed
// of life: of ours, the packets of the test included, and of its encoder of sound.
func BenchmarkRecord(b *testing.B) {
	sc := loadScene(b, 1280)
	var lecture time.Duration
	ours, child := cpu(b, syscall.RUSAGE_SELF), cpu(b, syscall.RUSAGE_CHILDREN)
	for b.Loop() {
		s := newStage(b, b.TempDir())
		s.play(take{scene: sc, to: sceneLength})
		s.finish()
		lecture += sceneLength
	}
	b.ReportMetric(float64(cpu(b, syscall.RUSAGE_SELF)-ours)/float64(lecture), "cores")
	b.ReportMetric(float64(cpu(b, syscall.RUSAGE_CHILDREN)-child)/float64(lecture), "encoder-cores")
}

// BenchmarkPackage is the packager alone: what is sent is made before, and there is no sound to encode.
func BenchmarkPackage(b *testing.B) {
	sc := loadScene(b, 1280)
	var lecture, used time.Duration
	for b.Loop() {
		b.StopTimer()
		s := newBench(b)
		s.addTrack(camera)
		all := s.arrivals(take{scene: sc, to: sceneLength, silent: true})
		before := cpu(b, syscall.RUSAGE_SELF)
		b.StartTimer()
		for _, h := range all {
			h.do()
			s.recorder.handle(s.p, s.recorder.inbox.take(nil))
			s.p.advance()
		}
		s.p.finish()
		used += cpu(b, syscall.RUSAGE_SELF) - before
		lecture += sceneLength
	}
	b.ReportMetric(float64(used)/float64(lecture), "cores")
}
