package loadtest

import (
	"testing"
	"time"
)

func TestFlowCountsEachPacketOnce(t *testing.T) {
	f := flow{}
	for _, seq := range []uint16{65534, 65535, 0, 3, 1, 3, 1, 5} {
		f.arrive(seq)
	}
	if f.received != 6 || f.lost() != 2 {
		t.Errorf("%d received, %d lost; want 6 and 2 (numbers 2 and 4)", f.received, f.lost())
	}
	if got := f.missing; len(got) != 3 || got[0] != 1 || got[1] != 2 || got[2] != 4 {
		t.Errorf("asks for %v", got)
	}
	if r := f.report(); r.FractionLost != 2*256/8 {
		t.Errorf("reports a loss of %d/256", r.FractionLost)
	}
	for range 3 * flowWindow {
		f.arrive(uint16(f.highest + 1))
	}
	if f.lost() != 2 {
		t.Errorf("%d lost once the window has passed; want 2", f.lost())
	}
	if f.arrive(uint16(f.highest - flowWindow)) {
		t.Error("took a packet from before the window")
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for i := range 100 {
		h.add(time.Duration(i) * time.Millisecond)
	}
	h.add(-time.Second)
	h.add(time.Minute)
	if p50, p99 := h.at(0.5), h.at(0.99); p50 != 49 && p50 != 50 || p99 < 98 {
		t.Errorf("p50 %g, p99 %g", p50, p99)
	}
}

func TestParseAnswer(t *testing.T) {
	const answer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AA\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=ssrc-group:FID 5 6\r\na=ssrc:5 cname:x\r\na=ssrc:6 cname:x\r\n" +
		"a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host\r\n" +
		"a=candidate:2 1 tcp 1 127.0.0.1 5001 typ host tcptype passive\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ssrc:7 cname:x\r\n"
	a, err := parseAnswer(answer)
	if err != nil {
		t.Fatal(err)
	}
	if a.addr.String() != "127.0.0.1:5000" || a.ssrc != [2]uint32{5, 7} || a.rtx != [2]uint32{6, 0} || a.ufrag != "abcd" {
		t.Errorf("%+v", a)
	}
	if _, err := parseAnswer("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"); err == nil {
		t.Error("took an answer without anything")
	}
}
