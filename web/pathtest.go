package web

import (
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// The path test is a page on which somebody finds out, before the day, whether lectures will reach them and what stands in
// the way. The browser measures, lms judges, the admin sees.

// maxBlob is how many bytes one measurement of throughput sends or takes: two seconds of 16 Mbit/s, more than any lecture
// needs.
const maxBlob = 4 << 20

type pathTestView struct {
	Person   personRef         `json:"person"`
	Course   lms.CourseID      `json:"course"`
	TakenAt  time.Time         `json:"taken_at"`
	Presents bool              `json:"presents"`
	Verdict  lms.PathVerdict   `json:"verdict"`
	Findings []lms.PathFinding `json:"findings"`
	Facts    lms.PathFacts     `json:"facts"`
}

func viewPathTest(t postgres.PathTest) pathTestView {
	return pathTestView{
		Person: personRef{ID: t.Person.ID, Name: t.Person.Name}, Course: t.Course, TakenAt: t.TakenAt.UTC(), Presents: t.Presents,
		Verdict: t.Verdict, Findings: t.Findings, Facts: t.Facts,
	}
}

// postPathTest keeps what a browser measured and answers what it means.
func postPathTest(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var facts lms.PathFacts
	if err := readJSON(r, &facts); err != nil {
		return err
	}
	test, err := s.db.SavePathTest(r.Context(), c.actor, c.courseID, facts)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, viewPathTest(test))
}

// getPathTests lists a programme's tests, those of presenters first.
func getPathTests(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	tests, err := s.db.PathTests(r.Context(), c.actor, c.programme)
	if err != nil {
		return err
	}
	views := make([]pathTestView, 0, len(tests))
	for _, t := range tests {
		views = append(views, viewPathTest(t))
	}
	return writeJSON(w, http.StatusOK, map[string]any{"tests": views})
}

// postPathProbe answers the offer of a data channel, which then sends back what comes.
func postPathProbe(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	offer, err := readSDP(r, sdpType)
	if err != nil {
		return err
	}
	answer, err := s.sfu.Probe(r.Context(), c.who(""), offer)
	if err != nil {
		return sessionError(err)
	}
	w.Header().Set("Content-Type", sdpType)
	w.WriteHeader(http.StatusCreated)
	_, err = io.WriteString(w, answer)
	return ignoreGone(err)
}

// getPathBlob sends ?bytes= of noise, which no proxy on the way can shrink, to time how fast it comes.
func getPathBlob(_ *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	n, err := strconv.Atoi(r.URL.Query().Get("bytes"))
	if err != nil || n < 1 || n > maxBlob {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "bytes", Message: "Ask for 1 to 4,194,304 bytes."}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	_, err = io.CopyN(w, rand.Reader, int64(n))
	return ignoreGone(err)
}

// postPathBlob takes some and says how much, to time how fast it goes.
func postPathBlob(_ *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return bodyError(err)
	}
	return writeJSON(w, http.StatusOK, map[string]int64{"bytes": n})
}
