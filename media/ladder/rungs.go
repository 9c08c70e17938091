package ladder

import (
	"runtime"
	"sync"

	"lectern/media"
)

// rung is one layer that is made.
type rung struct {
	layer         media.Layer
	width, height int
	kbps          int
}

// maxHeight bounds the best rung of a picture that has to be encoded anyway.
const maxHeight = 720

// choices are the ladders for a picture of a size, the best first. Of VP8 every rendition has to be made, of H.264 all but the
// best one.
func choices(width, height int, all bool) [][]rung {
	if all && height > maxHeight {
		width, height = width*maxHeight/height, maxHeight
	}
	at := func(l media.Layer) rung {
		by := 1 << (media.High - l)
		w, h := max(width/by/2*2, 16), max(height/by/2*2, 16)
		return rung{layer: l, width: w, height: h, kbps: rate(w * h)}
	}
	if !all {
		return [][]rung{{at(media.Low), at(media.Mid)}}
	}
	one := at(media.Mid) // a size that every line carries, with the name of an only layer
	one.layer = media.High
	return [][]rung{{at(media.Low), at(media.Mid), at(media.High)}, {one}}
}

// rate is what ultrafast needs for a lecture, in kbit/s: 1,800 for 1280 by 720, and 150 at least.
func rate(pixels int) int { return max(pixels*1800/(1280*720), 150) }

// costOf estimates the cores that rungs take, until they are measured: 0.24 for three from 1280 by 720, so much for
// each pixel that comes out, at 30 pictures a second.
func costOf(rungs []rung) float64 {
	pixels := 0
	for _, r := range rungs {
		pixels += r.width * r.height
	}
	return 0.24 * float64(pixels) / (1280 * 720 * (1 + 1./4 + 1./16))
}

// Budget is what all ladders of a machine may take together.
type Budget struct {
	mu    sync.Mutex
	cores float64
	used  map[*share]float64
}

type share struct{ _ byte } // not empty, so that two have two addresses

// NewBudget returns a budget of so many cores; half of the machine's when that is zero.
func NewBudget(cores float64) *Budget {
	if cores <= 0 {
		cores = float64(runtime.NumCPU()) / 2
	}
	return &Budget{cores: cores, used: map[*share]float64{}}
}

// Used is how many cores are taken, as measured, or as estimated before that.
func (b *Budget) Used() (sum float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, cores := range b.used {
		sum += cores
	}
	return sum
}

// grant is an admitted share of a budget.
type grant struct {
	budget *Budget
	share  *share
}

// admit takes a share, if there is room for it.
func (b *Budget) admit(cores float64) (grant, bool) {
	if b == nil || b.Used()+cores > b.cores {
		return grant{}, false
	}
	g := grant{b, &share{}}
	g.measured(cores)
	return g, true
}

// measured replaces an estimate.
func (g grant) measured(cores float64) {
	g.budget.mu.Lock()
	defer g.budget.mu.Unlock()
	g.budget.used[g.share] = cores
}

func (g grant) giveBack() {
	g.budget.mu.Lock()
	defer g.budget.mu.Unlock()
	delete(g.budget.used, g.share)
}
