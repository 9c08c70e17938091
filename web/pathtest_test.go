package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"lectern/lms"
)

const goodTest = `{"udp":"works","tcp":"absent","turn":"works","socket":"works","https":"works","rtt_ms":40,"jitter_ms":3,"loss":0,
	"down_kbps":9000,"up_kbps":4000,"camera":"works","microphone":"denied","speaker":"works"}`

func TestPathTestIsJudgedAndSeenByTheAdmin(t *testing.T) {
	st := newStudio(t)
	path := "/api/courses/" + string(st.demo.Course) + "/path-tests"
	var said pathTestView
	a := st.person(st.demo.Studio).do("POST", path, goodTest, "Content-Type", "application/json")
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || a.status != http.StatusOK ||
		said.Verdict != lms.PathNotReady || len(said.Findings) != 1 || said.Findings[0] != "no_microphone" || !said.Presents {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	attendee := st.person(st.demo.Attend[0])
	if a := attendee.do("POST", path, goodTest, "Content-Type", "application/json"); a.status != http.StatusOK || !strings.Contains(a.body, `"verdict":"ready","findings":[]`) {
		t.Errorf("attendee: %d %s", a.status, a.body)
	}
	for name, body := range map[string]string{
		"unknown state": strings.Replace(goodTest, `"works"`, `"maybe"`, 1), "unknown field": strings.Replace(goodTest, `"udp"`, `"icq"`, 1), "no JSON": "hello",
	} {
		if a := attendee.do("POST", path, body, "Content-Type", "application/json"); a.status != 422 && a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	a = st.person(st.demo.Admin).do("GET", "/api/programmes/"+string(st.demo.Programme)+"/path-tests", "")
	var list struct{ Tests []pathTestView }
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != http.StatusOK || len(list.Tests) != 2 || list.Tests[0].Verdict != lms.PathNotReady {
		t.Errorf("%d %s: %v", a.status, a.body, err)
	}
}

func TestPathProbeSendsBack(t *testing.T) {
	st := newStudio(t)
	path := "/api/courses/" + string(st.demo.Course) + "/path-probe"
	attendee := st.person(st.demo.Attend[0])
	if a := attendee.post(path, "v=0"); a.status != http.StatusBadRequest {
		t.Errorf("no offer: %d", a.status)
	}
	p := newPeer(t)
	channel := must(p.pc.CreateDataChannel("probe", nil))(t)
	back := make(chan string, 1)
	channel.OnMessage(func(m webrtc.DataChannelMessage) { back <- string(m.Data) })
	channel.OnOpen(func() { _ = channel.SendText("are you there?") })
	a := attendee.post(path, p.offer(nil))
	if a.status != http.StatusCreated || a.header.Get("Content-Type") != sdpType {
		t.Fatalf("%d %s", a.status, a.body)
	}
	p.accept(a.body)
	if got := <-back; got != "are you there?" {
		t.Errorf("got %q", got)
	}
}

func TestPathBlob(t *testing.T) {
	st := newStudio(t)
	path := "/api/courses/" + string(st.demo.Course) + "/path-blob"
	attendee := st.person(st.demo.Attend[0])
	if a := attendee.do("GET", path+"?bytes=100000", ""); a.status != http.StatusOK || len(a.body) != 100000 || a.header.Get("Content-Encoding") != "" {
		t.Errorf("%d, %d bytes", a.status, len(a.body))
	}
	for _, n := range []string{"", "0", "-1", strconv.Itoa(maxBlob + 1), "many"} {
		if a := attendee.do("GET", path+"?bytes="+n, ""); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%q bytes: %d", n, a.status)
		}
	}
	if a := attendee.do("POST", path, strings.Repeat("x", 100000)); a.status != http.StatusOK || strings.TrimSpace(a.body) != `{"bytes":100000}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := attendee.do("POST", path, strings.Repeat("x", maxBlob+1)); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("too much: %d", a.status)
	}
}
