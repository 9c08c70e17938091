package lms

import "time"

// RehearsalKept is how long the recording of a rehearsal is kept after it began.
const RehearsalKept = 24 * time.Hour

// RehearsalLimit ends a rehearsal that somebody forgot.
const RehearsalLimit = 2 * time.Hour

// rehearsedLeast is how long a rehearsal must be to count as one: long enough to hear oneself.
const rehearsedLeast = 20 * time.Second

// Readiness is how far one thing on the board of preparations is.
type Readiness string

// The four answers of a cell.
const (
	Ready    Readiness = "ready"
	Partly   Readiness = "partly" // it works, less well than it could
	NotReady Readiness = "not_ready"
	Unknown  Readiness = "unknown" // nobody has tried
)

// Preparation is what is known of one presenter of one course before the day.
type Preparation struct {
	Test       *PathFacts // nil when nobody has tried computer and network
	Materials  int        // slides and handouts of the course
	Disclosure DisclosureState
	Rehearsed  time.Duration // the longest rehearsal of the course by this presenter
}

// Board are the cells of one line.
type Board struct {
	Devices, Network, Slides, Disclosure, Rehearsed Readiness
}

// Ready reports whether nothing is left to do.
func (b Board) Ready() bool {
	for _, r := range []Readiness{b.Devices, b.Network, b.Slides, b.Rehearsed} {
		if r != Ready && r != Partly {
			return false
		}
	}
	return b.Disclosure == Ready // half of it does not allow the role
}

// Board judges a preparation.
func (p Preparation) Board() Board {
	b := Board{Devices: Unknown, Network: Unknown, Slides: NotReady, Disclosure: NotReady, Rehearsed: NotReady}
	if p.Test != nil {
		b.Devices, b.Network = p.Test.devices(), p.Test.network()
	}
	if p.Materials > 0 {
		b.Slides = Ready
	}
	if p.Disclosure.Complete() {
		b.Disclosure = Ready
	} else if p.Disclosure == DisclosureOpen {
		b.Disclosure = Partly
	}
	if p.Rehearsed >= rehearsedLeast {
		b.Rehearsed = Ready
	}
	return b
}

// devices judges camera, microphone and speaker of somebody who presents.
func (f PathFacts) devices() Readiness {
	switch {
	case f.Microphone.wanting():
		return NotReady
	case f.Camera.wanting() || f.Speaker.wanting():
		return Partly
	case f.Microphone == DeviceSkipped || f.Camera == DeviceSkipped:
		return Unknown
	}
	return Ready
}

// network judges the ways to the server and the line of somebody who presents.
func (f PathFacts) network() Readiness {
	works := f
	works.Camera, works.Microphone, works.Speaker = DeviceWorks, DeviceWorks, DeviceWorks
	switch verdict, _ := works.Judge(true); verdict {
	case PathReady:
		return Ready
	case PathUsable:
		return Partly
	case PathNotReady:
	}
	return NotReady
}
