package lms

import "slices"

// PathState is how one way between a browser and the server did in a path test.
type PathState string

// The states of a way.
const (
	PathWorks   PathState = "works"
	PathFails   PathState = "fails"
	PathAbsent  PathState = "absent"  // the server does not offer it
	PathSkipped PathState = "skipped" // it was not tried
)

// DeviceState is how a camera, a microphone or a speaker did.
type DeviceState string

// The states of a device.
const (
	DeviceWorks   DeviceState = "works"
	DeviceDenied  DeviceState = "denied"  // the browser or its user forbids it
	DeviceMissing DeviceState = "missing" // there is none, or nothing comes from it
	DeviceBusy    DeviceState = "busy"    // another program holds it
	DeviceSkipped DeviceState = "skipped" // it was not tried
)

// PathFacts are what a browser measured before the day: the ways to the server, the line, and the devices.
type PathFacts struct {
	UDP    PathState `json:"udp"`
	TCP    PathState `json:"tcp"`  // ICE-TCP
	TURN   PathState `json:"turn"` // through the port of the pages
	Socket PathState `json:"socket"`
	HTTPS  PathState `json:"https"` // as HLS uses it

	RTTMS    int     `json:"rtt_ms"`    // over the best way for media, 0 without one
	JitterMS int     `json:"jitter_ms"` // mean change of it
	Loss     float64 `json:"loss"`      // 0 to 1
	DownKbps int     `json:"down_kbps"` // 0 when it was not measured
	UpKbps   int     `json:"up_kbps"`

	Camera     DeviceState `json:"camera"`
	Microphone DeviceState `json:"microphone"`
	Speaker    DeviceState `json:"speaker"`
}

// PathFinding is one thing that a path test found wrong, for a page to say in words.
type PathFinding string

// PathVerdict sums a path test up.
type PathVerdict string

// The verdicts.
const (
	PathReady    PathVerdict = "ready"     // nothing was found
	PathUsable   PathVerdict = "usable"    // it works, less well than it could
	PathNotReady PathVerdict = "not_ready" // something has to be done before the day
)

// What a lecture needs, in kbit/s: the three layers of a presenter's picture with sound, the middle and the lowest one;
// and from where on delay and loss are felt.
const (
	pathUpGood, pathUpLeast     = 2450, 750
	pathDownGood, pathDownLeast = 750, 200
	pathLossFelt                = 0.05
	pathRTTFelt                 = 400 // ms, there and back: talk wants less than 150 one way (ITU-T G.114), and we add to it
)

// pathRules are the findings in the order in which they matter. grave ones have to be mended before the day.
var pathRules = []struct {
	finding PathFinding
	grave   func(presents bool) bool
	holds   func(f PathFacts, presents bool) bool
}{
	{"no_https", always, func(f PathFacts, _ bool) bool { return f.HTTPS == PathFails }},
	{"no_media", presenting, func(f PathFacts, _ bool) bool { return !f.media() && f.triedMedia() }},
	{"no_microphone", always, func(f PathFacts, p bool) bool { return p && f.Microphone.wanting() }},
	{"slow_up", always, func(f PathFacts, p bool) bool { return p && 0 < f.UpKbps && f.UpKbps < pathUpLeast }},
	{"slow_down", always, func(f PathFacts, p bool) bool { return !p && 0 < f.DownKbps && f.DownKbps < pathDownLeast }},
	{"no_camera", never, func(f PathFacts, p bool) bool { return p && f.Camera.wanting() }},
	{"no_socket", never, func(f PathFacts, _ bool) bool { return f.Socket == PathFails }},
	{"no_udp", never, func(f PathFacts, _ bool) bool { return f.UDP == PathFails && f.media() }},
	{"lossy", never, func(f PathFacts, _ bool) bool { return f.Loss > pathLossFelt }},
	{"far", never, func(f PathFacts, p bool) bool { return p && f.RTTMS > pathRTTFelt }},
	{"tight_up", never, func(f PathFacts, p bool) bool { return p && pathUpLeast <= f.UpKbps && f.UpKbps < pathUpGood }},
	{"tight_down", never, func(f PathFacts, p bool) bool { return !p && pathDownLeast <= f.DownKbps && f.DownKbps < pathDownGood }},
	{"no_speaker", never, func(f PathFacts, _ bool) bool { return f.Speaker.wanting() }},
}

func always(bool) bool              { return true }
func never(bool) bool               { return false }
func presenting(presents bool) bool { return presents } // who only watches has HLS

// media reports whether any way for live media works.
func (f PathFacts) media() bool {
	return f.UDP == PathWorks || f.TCP == PathWorks || f.TURN == PathWorks
}

func (f PathFacts) triedMedia() bool {
	return f.UDP == PathFails || f.TCP == PathFails || f.TURN == PathFails
}

func (d DeviceState) wanting() bool {
	return d == DeviceDenied || d == DeviceMissing || d == DeviceBusy
}

// Judge sums up what was measured for somebody who presents, or who only watches: everything that is wrong, the gravest
// first. It is never nil.
func (f PathFacts) Judge(presents bool) (PathVerdict, []PathFinding) {
	verdict, findings := PathReady, []PathFinding{}
	for _, rule := range pathRules {
		if !rule.holds(f, presents) {
			continue
		}
		findings = append(findings, rule.finding)
		if rule.grave(presents) {
			verdict = PathNotReady
		} else if verdict == PathReady {
			verdict = PathUsable
		}
	}
	return verdict, findings
}

// Check refuses what no browser can have measured: it comes from outside and is shown to others.
func (f PathFacts) Check() error {
	for name, s := range map[string]PathState{"udp": f.UDP, "tcp": f.TCP, "turn": f.TURN, "socket": f.Socket, "https": f.HTTPS} {
		if !slices.Contains([]PathState{PathWorks, PathFails, PathAbsent, PathSkipped}, s) {
			return invalid(name, "This way must be one of works, fails, absent and skipped.")
		}
	}
	for name, d := range map[string]DeviceState{"camera": f.Camera, "microphone": f.Microphone, "speaker": f.Speaker} {
		if !slices.Contains([]DeviceState{DeviceWorks, DeviceDenied, DeviceMissing, DeviceBusy, DeviceSkipped}, d) {
			return invalid(name, "This device must be one of works, denied, missing, busy and skipped.")
		}
	}
	for name, n := range map[string]int{"rtt_ms": f.RTTMS, "jitter_ms": f.JitterMS} {
		if n < 0 || n > 60_000 {
			return invalid(name, "This time must be between 0 and 60,000 ms.")
		}
	}
	for name, n := range map[string]int{"down_kbps": f.DownKbps, "up_kbps": f.UpKbps} {
		if n < 0 || n > 100_000_000 {
			return invalid(name, "This rate must be between 0 and 100,000,000 kbit/s.")
		}
	}
	if !(f.Loss >= 0 && f.Loss <= 1) {
		return invalid("loss", "The loss must be between 0 and 1.")
	}
	return nil
}
