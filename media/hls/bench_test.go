package hls

import (
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time of this process and of its children that have ended.
func cpu(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

// BenchmarkRecord records three layers and sound, and reports the share of one core that a lecture takes at
// the speed of life, with its encoder.
func BenchmarkRecord(b *testing.B) {
	sc := loadScene(b, 1280)
	var lecture time.Duration
	before := cpu(b)
	for b.Loop() {
		s := newStage(b, b.TempDir())
		s.play(take{scene: sc, to: sceneLength})
		s.finish()
		lecture += sceneLength
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(lecture), "cores")
}
