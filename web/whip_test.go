package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"lectern/lms"
	"lectern/signaling/protocol"
)

func TestWHIPOptions(t *testing.T) {
	st := newStudio(t)
	for _, path := range []string{"/whip/", "/whep/"} {
		a := st.nobody().do("OPTIONS", path+string(st.demo.Course), "", "Origin", "https://elsewhere.example")
		if a.status != http.StatusNoContent || a.header.Get("Accept-Post") != sdpType || a.header.Get("Access-Control-Allow-Origin") != "*" ||
			a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		if a := st.nobody().do("GET", path+string(st.demo.Course), ""); a.status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, a.status)
		}
	}
}

// TestWHIPRefusals holds who may not publish or watch, and what cannot be an offer (trust S-16).
func TestWHIPRefusals(t *testing.T) {
	st := newStudio(t)
	other := st.site.demo()
	here := "/whip/" + string(st.demo.Course)
	presenter := st.person(st.demo.Studio)
	offer := newPeer(t).sends().offer(nil)
	for _, row := range []struct {
		name   string
		caller caller
		path   string
		offer  string
		kind   string
		status int
	}{
		{"nobody", st.nobody(), here, offer, sdpType, 401},
		{"nobody to watch", st.nobody(), "/whep/" + string(st.demo.Course), offer, sdpType, 401},
		{"a token that never was", caller{st: st, token: "no-such-token"}, here, offer, sdpType, 401},
		{"an attendee's token", st.bearer(st.demo.Course, lms.Attendee), here, offer, sdpType, 403},
		{"another lecture's token", st.bearer(other.Course, lms.Presenter), here, offer, sdpType, 403},
		{"an attendee", st.person(st.demo.Attend[0]), here, offer, sdpType, 403},
		{"another programme's presenter", st.person(other.Studio), here, offer, sdpType, 404},
		{"no such lecture", presenter, "/whip/0197b3a2-5c1e-7c55-9f00-000000000000", offer, sdpType, 404},
		{"JSON", presenter, here, offer, "application/json", 415},
		{"no type", presenter, here, offer, "", 415},
		{"nothing", presenter, here, "", sdpType, 400},
		{"no SDP", presenter, here, "hello", sdpType, 400},
		{"too long", presenter, here, strings.Repeat("a", bodySDP+1), sdpType, 413},
		{"a codec nobody has", presenter, here, strings.NewReplacer("H264", "H999", "VP8", "VP0", "VP9", "VP0", "AV1", "AV0").Replace(offer), sdpType, 422},
	} {
		if a := row.caller.do("POST", row.path, row.offer, "Content-Type", row.kind); a.status != row.status {
			t.Errorf("%s: %d, want %d: %s", row.name, a.status, row.status, a.body)
		}
	}
}

// TestWHIPForgery holds that another site cannot use a presenter's cookie, but its own token.
func TestWHIPForgery(t *testing.T) {
	st := newStudio(t)
	offer := newPeer(t).sends().offer(nil)
	path := "/whip/" + string(st.demo.Course) + "?backstage=1"
	if a := st.person(st.demo.Studio).do("POST", path, offer, "Content-Type", sdpType, "Origin", "https://elsewhere.example"); a.status != http.StatusForbidden {
		t.Errorf("cookie from elsewhere: %d", a.status)
	}
	a := st.bearer(st.demo.Course, lms.Presenter).do("POST", path, offer, "Content-Type", sdpType, "Origin", "https://elsewhere.example")
	if a.status != http.StatusCreated || a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Location") {
		t.Errorf("token from elsewhere: %d %v", a.status, a.header)
	}
}

func TestWHIPSession(t *testing.T) {
	st := newStudio(t)
	mine, same := st.bearer(st.demo.Course, lms.Presenter), st.bearer(st.demo.Course, lms.Presenter)
	presenter := st.person(st.demo.Studio)
	p := newPeer(t).sends()
	a := mine.post("/whip/"+string(st.demo.Course)+"?backstage=1", p.offer(nil))
	location, etag := a.header.Get("Location"), a.header.Get("ETag")
	if a.status != http.StatusCreated || a.header.Get("Content-Type") != sdpType || etag == "" ||
		!regexp.MustCompile(`^/whip/[0-9a-f-]{36}/[0-9a-f]{32,}\?backstage=1$`).MatchString(location) {
		t.Fatalf("%d %v", a.status, a.header)
	}
	p.accept(a.body)
	connected := make(chan struct{})
	p.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		if s == webrtc.ICEConnectionStateConnected {
			select {
			case connected <- struct{}{}:
			case <-t.Context().Done():
			}
		}
	})
	patch := func(c caller, path, body string, headers ...string) answer {
		return c.do("PATCH", path, body, append(headers, "Content-Type", sdpFragType)...)
	}
	now := fragment(p.pc.LocalDescription().SDP)
	for _, row := range []struct {
		name   string
		a      answer
		status int
	}{
		{"no condition", patch(mine, location, now), 428},
		{"a stale tag", patch(mine, location, now, "If-Match", `"stale"`), 412},
		{"a candidate", patch(mine, location, now, "If-Match", etag), 204},
		{"SDP instead of a fragment", mine.do("PATCH", location, now, "If-Match", etag, "Content-Type", sdpType), 415},
		{"a fragment of nothing", patch(mine, location, "a=end-of-candidates\r\n", "If-Match", "*"), 400},
		{"another token of the same role", patch(same, location, now, "If-Match", "*"), 404},
		{"the presenter in person", patch(presenter, location, now, "If-Match", "*"), 404},
		{"an end by another", same.do("DELETE", location, ""), 404},
		{"as if it were a viewer's", patch(mine, strings.Replace(location, "whip", "whep", 1), now, "If-Match", "*"), 404},
		{"no such session", mine.do("DELETE", "/whip/"+string(st.demo.Course)+"/00112233445566778899aabbccddeeff", ""), 404},
	} {
		if row.a.status != row.status {
			t.Errorf("%s: %d, want %d: %s", row.name, row.a.status, row.status, row.a.body)
		}
	}
	<-connected

	restarted := patch(mine, location, fragment(p.offer(&webrtc.OfferOptions{ICERestart: true})), "If-Match", "*")
	if restarted.status != http.StatusOK || restarted.header.Get("Content-Type") != sdpFragType || restarted.header.Get("ETag") == etag ||
		!strings.Contains(restarted.body, "a=ice-ufrag:") {
		t.Fatalf("restart: %d %v %s", restarted.status, restarted.header, restarted.body)
	}
	if a := patch(mine, location, now, "If-Match", etag); a.status != http.StatusPreconditionFailed {
		t.Errorf("the tag of before the restart: %d", a.status)
	}
	if a := mine.do("DELETE", location, ""); a.status != http.StatusOK {
		t.Errorf("end: %d %s", a.status, a.body)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(10 * time.Second); ; <-tick.C { // the session ends in its own time
		if a := mine.do("DELETE", location, ""); a.status == http.StatusNotFound {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("the session does not end")
		}
	}
}

// TestOnAirByWHIP follows a lecture that OBS or the load generator gives: on air when media arrives, watched by
// WHEP and HLS, ended by DELETE.
func TestOnAirByWHIP(t *testing.T) {
	st := newStudio(t)
	attendee := st.person(st.demo.Attend[0])
	said := attendee.listen(st.demo.Course)
	whip, whep := "/whip/"+string(st.demo.Course), "/whep/"+string(st.demo.Course)
	playlist := "/hls/" + string(st.demo.Course) + "/index.m3u8"

	early := newPeer(t)
	early.receives()
	if a := attendee.post(whep, early.offer(nil)); a.status != http.StatusConflict || a.header.Get("Retry-After") != "1" {
		t.Errorf("before the lecture: %d %v", a.status, a.header)
	}
	if a := attendee.do("GET", playlist, ""); a.status != http.StatusNotFound {
		t.Errorf("playlist before the lecture: %d", a.status)
	}

	camera := st.bearer(st.demo.Course, lms.Presenter)
	p := newPeer(t).sends()
	a := camera.post(whip, p.offer(nil))
	if a.status != http.StatusCreated {
		t.Fatalf("publish: %d %s", a.status, a.body)
	}
	p.accept(a.body)
	wait(t, said, "on air", func(b *protocol.Broadcast) bool {
		return b.State == protocol.OnAir && b.Presenter == protocol.Connected
	})

	viewer := newPeer(t)
	seen := viewer.receives()
	watch := attendee.post(whep, viewer.offer(nil))
	if watch.status != http.StatusCreated {
		t.Fatalf("watch: %d %s", watch.status, watch.body)
	}
	viewer.accept(watch.body)
	select {
	case <-seen:
	case <-time.After(30 * time.Second):
		t.Fatal("no picture arrives")
	}
	waitForPlaylist(t, attendee, playlist)
	wantHLSAccess(t, st, playlist)
	wantLayers(t, st, attendee, watch)

	if a := attendee.do("DELETE", watch.header.Get("Location"), ""); a.status != http.StatusOK {
		t.Errorf("stop watching: %d %s", a.status, a.body)
	}
	if a := camera.do("DELETE", a.header.Get("Location"), ""); a.status != http.StatusOK {
		t.Errorf("end: %d %s", a.status, a.body)
	}
	wait(t, said, "ended", func(b *protocol.Broadcast) bool { return b.State == protocol.Ended })
	if a := attendee.do("GET", playlist, ""); a.status != http.StatusOK {
		t.Errorf("recording after the lecture: %d %s", a.status, a.body)
	}
}

// TestBackstageIsNotOnAir holds that the studio's camera reaches us without reaching anybody else, and that
// closing it does not end the lecture.
func TestBackstageIsNotOnAir(t *testing.T) {
	st := newStudio(t)
	presenter, attendee := st.person(st.demo.Studio), st.person(st.demo.Attend[0])
	said := attendee.listen(st.demo.Course)
	p := newPeer(t).sends()
	a := presenter.post("/whip/"+string(st.demo.Course)+"?backstage=1", p.offer(nil))
	p.accept(a.body)
	viewer := newPeer(t)
	viewer.receives()
	if a := attendee.post("/whep/"+string(st.demo.Course), viewer.offer(nil)); a.status != http.StatusConflict {
		t.Errorf("watching backstage: %d", a.status)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(30 * time.Second); ; <-tick.C { // 409 until the camera reaches us
		got := presenter.do("POST", "/api/courses/"+string(st.demo.Course)+"/air", "{}", "Content-Type", "application/json")
		if got.status == http.StatusOK {
			break
		}
		if got.status != http.StatusConflict && got.status != http.StatusTooManyRequests || time.Now().After(limit) {
			t.Fatalf("go on air: %d %s", got.status, got.body)
		}
	}
	wait(t, said, "on air", func(b *protocol.Broadcast) bool { return b.State == protocol.OnAir })
	if a := presenter.do("DELETE", a.header.Get("Location"), ""); a.status != http.StatusOK {
		t.Errorf("close the studio: %d %s", a.status, a.body)
	}
	wait(t, said, "the presenter has gone", func(b *protocol.Broadcast) bool {
		if b.State == protocol.Ended {
			t.Error("closing the studio ended the lecture")
		}
		return b.Presenter == protocol.Gone
	})
}

func TestWHIPRate(t *testing.T) {
	st := newStudio(t)
	camera := st.bearer(st.demo.Course, lms.Presenter)
	for range 10 {
		if a := camera.post("/whip/"+string(st.demo.Course), "no SDP"); a.status != http.StatusBadRequest {
			t.Fatalf("one of the first ten: %d", a.status)
		}
	}
	if a := camera.post("/whip/"+string(st.demo.Course), "no SDP"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the eleventh: %d %v", a.status, a.header)
	}
	if a := st.bearer(st.demo.Course, lms.Presenter).post("/whip/"+string(st.demo.Course), "no SDP"); a.status != http.StatusBadRequest {
		t.Errorf("somebody else: %d", a.status)
	}
}
