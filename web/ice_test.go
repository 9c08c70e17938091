package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"lectern/lms"
)

var relayLink = regexp.MustCompile(`^<(turn:[^>]+)>; rel="ice-server"; username="([^"]+)"; credential="([^"]+)"; credential-type="password"$`)

// TestICEServers holds that what a browser is given opens a relay on the port of the pages, that it is its own, and that
// WHIP and WHEP say the same in RFC 9725's way.
func TestICEServers(t *testing.T) {
	st := newStudio(t)
	path := "/api/courses/" + string(st.demo.Course) + "/ice"
	if a := st.nobody().do("GET", path, ""); a.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", a.status)
	}
	if a := st.person(st.site.demo().Attend[0]).do("GET", path, ""); a.status != http.StatusNotFound {
		t.Errorf("another programme's attendee: %d", a.status)
	}
	a := st.person(st.demo.Attend[0]).do("GET", path, "")
	var said struct {
		Servers []iceServer `json:"ice_servers"`
		TTL     int         `json:"ttl_s"`
	}
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || a.status != http.StatusOK || len(said.Servers) != 1 || said.TTL != 300 {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	server := said.Servers[0]
	opensRelay(t, server)
	server.Credential += "x"
	if relayed(t, server) {
		t.Error("a wrong credential opened a relay")
	}

	presenter := st.bearer(st.demo.Course, lms.Presenter)
	a = presenter.do("POST", "/whip/"+string(st.demo.Course)+"?backstage=1", newPeer(t).sends().offer(nil), "Content-Type", sdpType, "Origin", "https://elsewhere.example")
	link := relayLink.FindStringSubmatch(a.header.Get("Link"))
	if a.status != http.StatusCreated || link == nil || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Link") {
		t.Fatalf("%d %v", a.status, a.header)
	}
	opensRelay(t, iceServer{[]string{link[1]}, link[2], link[3]})
}

func opensRelay(t *testing.T, server iceServer) {
	t.Helper()
	if !relayed(t, server) {
		t.Errorf("%s opens no relay", fmt.Sprint(server.URLs))
	}
}

// relayed reports whether a client gets a relayed candidate.
func relayed(t *testing.T, server iceServer) bool {
	t.Helper()
	pc := must(webrtc.NewPeerConnection(webrtc.Configuration{
		ICEServers:         []webrtc.ICEServer{{URLs: server.URLs, Username: server.Username, Credential: server.Credential}},
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	}))(t)
	defer pc.Close()
	must(pc.CreateDataChannel("any", nil))(t)
	offer := must(pc.CreateOffer(nil))(t)
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return strings.Contains(pc.LocalDescription().SDP, "typ relay")
}
