package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"

	"lectern/lms"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

// studio is a site with the demo programme, seen by those who publish and watch.
type studio struct {
	*site
	demo postgres.Demo
}

func newStudio(t *testing.T) *studio {
	t.Helper()
	s := newSite(t)
	return &studio{s, s.demo()}
}

// caller sends requests as somebody: by the cookie of a browser, by a bearer token, or as nobody.
type caller struct {
	st            *studio
	cookie, token string
}

func (st *studio) nobody() caller { return caller{st: st} }

// person signs somebody of a demo in by a personal link.
func (st *studio) person(link string) caller {
	st.t.Helper()
	session, _, err := st.db.RedeemJoinLink(st.t.Context(), link, "", "test")
	if err != nil {
		st.t.Fatal(err)
	}
	return caller{st: st, cookie: session.Token}
}

// bearer holds a token for the course.
func (st *studio) bearer(course lms.CourseID, role lms.Role) caller {
	st.t.Helper()
	token, err := st.db.IssueToken(st.t.Context(), course, role, time.Hour)
	if err != nil {
		st.t.Fatal(err)
	}
	return caller{st: st, token: token}
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request; headers are pairs of name and value.
func (c caller) do(method, path, body string, headers ...string) answer {
	c.st.t.Helper()
	req, err := http.NewRequestWithContext(c.st.t.Context(), method, c.st.url+path, strings.NewReader(body))
	if err != nil {
		c.st.t.Fatal(err)
	}
	if c.cookie != "" {
		req.Header.Set("Origin", c.st.url)
		req.AddCookie(&http.Cookie{Name: "lectern", Value: c.cookie})
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.st.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.st.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// post sends an offer.
func (c caller) post(path, offer string) answer {
	c.st.t.Helper()
	return c.do("POST", path, offer, "Content-Type", sdpType)
}

// peer is a client's end of a media connection.
type peer struct {
	t  *testing.T
	pc *webrtc.PeerConnection
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	e.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() && ip.To4() != nil })
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	return &peer{t, pc}
}

// sends makes the peer send a picture, the recorder's own slate at 25 frames a second, until the test ends.
func (p *peer) sends() *peer {
	p.t.Helper()
	picture, err := os.ReadFile("../media/hls/slate.h264")
	if err != nil {
		p.t.Fatal(err)
	}
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}, "camera", "studio")
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		p.t.Fatal(err)
	}
	const frame = 40 * time.Millisecond
	ticker := time.NewTicker(frame)
	ended, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				_ = track.WriteSample(pionmedia.Sample{Data: picture, Duration: frame}) // fails while not connected
			case <-stop:
				return
			}
		}
	}()
	p.t.Cleanup(func() {
		ticker.Stop()
		close(stop)
		<-ended
	})
	return p
}

// receives makes the peer ask for a picture; the channel is closed when its first packet is there.
func (p *peer) receives() <-chan struct{} {
	p.t.Helper()
	if _, err := p.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		p.t.Fatal(err)
	}
	seen := make(chan struct{})
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if _, _, err := track.ReadRTP(); err == nil {
			close(seen)
		}
	})
	return seen
}

func (p *peer) offer(options *webrtc.OfferOptions) string {
	p.t.Helper()
	gathered := webrtc.GatheringCompletePromise(p.pc)
	offer, err := p.pc.CreateOffer(options)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		p.t.Fatal(err)
	}
	<-gathered
	return p.pc.LocalDescription().SDP
}

func (p *peer) accept(sdp string) {
	p.t.Helper()
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}); err != nil {
		p.t.Fatal(err)
	}
}

// fragment is the trickle-ice-sdpfrag of a description: its first media section's credentials.
func fragment(sdp string) string {
	var b strings.Builder
	lines := bufio.NewScanner(strings.NewReader(sdp))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "a=ice-") || strings.HasPrefix(line, "m=") || strings.HasPrefix(line, "a=mid:") {
			b.WriteString(line + "\r\n")
		}
		if strings.HasPrefix(line, "a=mid:") {
			break
		}
	}
	if !strings.Contains(b.String(), "ice-pwd") { // pion writes credentials after the mid
		for line := range strings.Lines(sdp) {
			if strings.HasPrefix(line, "a=ice-ufrag") || strings.HasPrefix(line, "a=ice-pwd") {
				b.WriteString(line)
			}
			if strings.HasPrefix(line, "a=ice-pwd") {
				break
			}
		}
	}
	return b.String()
}

// listen opens the socket of a signed-in person and returns what is said of the broadcast.
func (c caller) listen(course lms.CourseID) <-chan *protocol.Broadcast {
	c.st.t.Helper()
	said := make(chan *protocol.Broadcast, 64)
	c.listenTo(course, func(m protocol.Message) {
		if b, ok := m.(*protocol.Broadcast); ok {
			said <- b
		}
	})
	return said
}

// listenTo opens the socket of a signed-in person and hands over what is said.
func (c caller) listenTo(course lms.CourseID, hear func(protocol.Message)) {
	t := c.st.t
	t.Helper()
	ticket := c.do("POST", "/api/courses/"+string(course)+"/ticket", "")
	secret := between(ticket.body, `"ticket":"`, `"`)
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	conn, _, err := d.Dial("ws"+strings.TrimPrefix(c.st.url, "http")+"/socket", http.Header{"Origin": {c.st.url}})
	if err != nil {
		t.Fatalf("socket: %v after %+v", err, ticket)
	}
	hello, err := protocol.Encode(&protocol.Hello{Ticket: secret})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(websocket.TextMessage, hello); err != nil {
		t.Fatal(err)
	}
	welcomed := make(chan struct{})
	go func() {
		for {
			_, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			m, _ := protocol.DecodeServer(text)
			switch m := m.(type) {
			case *protocol.Welcome:
				close(welcomed)
			case *protocol.Events:
				events, _ := m.Messages()
				for _, one := range events {
					hear(one)
				}
				continue
			}
			hear(m)
		}
	}()
	t.Cleanup(func() { _ = conn.Close() })
	select {
	case <-welcomed:
	case <-time.After(10 * time.Second):
		t.Fatal("no welcome")
	}
}

// wait returns the next broadcast message that is as wanted.
func wait(t *testing.T, said <-chan *protocol.Broadcast, what string, wanted func(*protocol.Broadcast) bool) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case b := <-said:
			if wanted(b) {
				return
			}
		case <-limit:
			t.Fatalf("the room was not told: %s", what)
		}
	}
}

// between is the text after a and before b.
func between(text, a, b string) string {
	_, text, _ = strings.Cut(text, a)
	text, _, _ = strings.Cut(text, b)
	return text
}
