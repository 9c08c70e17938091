package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lectern/lms"
	"lectern/storage/postgres"
)

// analyticsView is the attendance of a lecture without names.
type analyticsView struct {
	Course           courseView              `json:"course"`
	State            postgres.AnalyticsState `json:"state"`
	AsOf             time.Time               `json:"as_of"`
	Totals           totalsView              `json:"totals"`
	Curve            curveView               `json:"curve"`
	QuestionsPerStep []int                   `json:"questions_per_step"`
	Marks            []markView              `json:"marks"`
}

type totalsView struct {
	Enrolled       int   `json:"enrolled"`
	Attended       int   `json:"attended"`
	AttendedLive   int   `json:"attended_live"`
	AttendedReplay int   `json:"attended_replay"`
	MedianWatchedS int64 `json:"median_watched_s"`
	CountableS     int64 `json:"countable_s"`
	Questions      int   `json:"questions"`
}

// curveView counts distinct people per step of step_s seconds, each once: live before DVR before replay.
type curveView struct {
	StepS  int   `json:"step_s"`
	Live   []int `json:"live"`
	DVR    []int `json:"dvr"`
	Replay []int `json:"replay"`
}

type markView struct {
	AtMS  int64  `json:"at_ms"`
	Kind  string `json:"kind"`
	Title string `json:"title"`
}

func getAnalytics(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	a, err := s.db.Analytics(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	view := analyticsView{
		Course: s.courseView(c.course), State: a.State, AsOf: a.AsOf,
		Totals: totalsView{a.Enrolled, a.Attended, a.AttendedLive, a.AttendedReplay, a.MedianWatchedS, a.CountableS, a.Questions},
		Curve:  curveView{a.StepS, list(a.Live), list(a.DVR), list(a.Replay)}, QuestionsPerStep: list(a.QuestionsPerStep),
		Marks: make([]markView, 0, len(a.Marks)),
	}
	for _, m := range a.Marks {
		view.Marks = append(view.Marks, markView(m))
	}
	return writeJSON(w, http.StatusOK, view)
}

// list makes [] of nil, which JSON would write as null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// attendeeView is one line of the attendance.
type attendeeView struct {
	ID         lms.PersonID `json:"id"`
	Name       string       `json:"name"`
	Country    lms.Country  `json:"country"`
	LiveS      int64        `json:"live_s"`
	DVRS       int64        `json:"dvr_s"`
	ReplayS    int64        `json:"replay_s"`
	WatchedS   int64        `json:"watched_s"`
	Share      float64      `json:"share"`
	Counts     bool         `json:"counts"`
	PositionMS *int64       `json:"position_ms"`
	FirstAt    time.Time    `json:"first_at"`
	LastAt     time.Time    `json:"last_at"`
	Watched    [][2]int32   `json:"watched"`
}

// peoplePerPage is how many lines are sent when the client does not say.
const peoplePerPage = 100

func getAnalyticsPeople(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	query := r.URL.Query()
	limit := peoplePerPage
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 500 {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "limit", Message: "Ask for 1 to 500 people at once."}
		}
		limit = n
	}
	var after lms.PersonID
	if text := query.Get("after"); text != "" {
		id, err := lms.ParseID[lms.PersonID](text)
		if err != nil {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "after", Message: "Give the id of the last person of the page before."}
		}
		after = id
	}
	page, err := s.db.AnalyticsPeople(r.Context(), c.actor, c.courseID, after, limit)
	if err != nil {
		return err
	}
	people := make([]attendeeView, 0, len(page.People))
	for _, p := range page.People {
		people = append(people, attendeeView{
			ID: p.ID, Name: p.Name, Country: p.Country, LiveS: p.LiveS, DVRS: p.DVRS, ReplayS: p.ReplayS,
			WatchedS: p.Watched.Len(), Share: p.Share, Counts: p.Counts, PositionMS: p.PositionMS,
			FirstAt: p.FirstAt, LastAt: p.LastAt, Watched: spanList(p.Watched),
		})
	}
	return writeJSON(w, http.StatusOK, struct {
		People []attendeeView `json:"people"`
		Next   lms.PersonID   `json:"next"`
	}{people, page.Next})
}

// getAnalyticsCSV writes the attendance for a spreadsheet, page by page, so that its size needs no memory.
func getAnalyticsCSV(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	page, err := s.db.AnalyticsPeople(r.Context(), c.actor, c.courseID, "", 500)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="attendance-course-%d.csv"`, c.course.Number))
	// The byte order mark makes spreadsheets read names in every script.
	if _, err := w.Write([]byte("\xef\xbb\xbf")); err != nil {
		return ignoreGone(err)
	}
	out := csv.NewWriter(w)
	rows := [][]string{{"name", "country", "live_s", "dvr_s", "replay_s", "watched_s", "share", "counts", "first_at", "last_at"}}
	for {
		for _, p := range page.People {
			rows = append(rows, csvRow(p))
		}
		if err := out.WriteAll(rows); err != nil {
			return ignoreGone(err)
		}
		if page.Next == "" {
			return nil
		}
		rows = rows[:0]
		if page, err = s.db.AnalyticsPeople(r.Context(), c.actor, c.courseID, page.Next, 500); err != nil {
			// The header is out: cut the file off, so that nobody takes it for whole.
			s.log.ErrorContext(r.Context(), "attendance cut off", "request", requestID(r.Context()), "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}

func csvRow(p postgres.AttendancePerson) []string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		csvText(p.Name), csvText(string(p.Country)), number(p.LiveS), number(p.DVRS), number(p.ReplayS), number(p.Watched.Len()),
		strconv.FormatFloat(p.Share, 'f', 4, 64), strconv.FormatBool(p.Counts),
		p.FirstAt.UTC().Format(time.RFC3339), p.LastAt.UTC().Format(time.RFC3339),
	}
}

// csvText keeps a spreadsheet from running what somebody entered as their name as a formula (ASVS 5.0, 1.2.10):
// a text that begins like one, also in full width, gets an apostrophe in front.
func csvText(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	if s != "" && strings.ContainsRune("=+-@\t\r\x00\uff1d\uff0b\uff0d\uff20", first) {
		return "'" + s
	}
	return s
}
