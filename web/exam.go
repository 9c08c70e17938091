package web

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lectern/lms"
	"lectern/storage/postgres"
)

// examPage is what comes before a test: the pass mark, the attempts, the time.
type examPage struct {
	frame
	Course, Path          string
	Number                int
	Items, PassMark       int
	Need                  int // right answers for the pass mark
	Attempts, Used, Limit int // 0 for any number; 0 for no limit
	Extra                 int
	Tried                 []triedRow
	Open                  string // path of the attempt that is under way
	Refused               string
	Passed                bool
}

type triedRow struct {
	Number, Score int
	Passed        bool
	Path          string
}

func testPath(id lms.CourseID) string { return "/courses/" + string(id) + "/test" }

func getExam(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	v, err := s.db.Test(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	if v.Items == 0 {
		return lms.ErrNotFound
	}
	page := examPage{
		frame: frame{Title: "exam.title", Person: c.actor.Name}, Course: c.course.Title, Number: c.course.Number, Path: "/courses/" + string(c.courseID),
		Items: v.Items, PassMark: int(v.Settings.PassMark*100 + 0.5), Need: rightNeeded(v.Items, v.Settings.PassMark),
		Attempts: v.Settings.Attempts, Used: len(v.Attempts), Limit: v.Settings.LimitMinutes * (100 + v.Extra) / 100, Extra: v.Extra,
	}
	for _, a := range v.Attempts {
		path := testPath(c.courseID) + "/" + string(a.ID)
		if a.SubmittedAt.IsZero() {
			page.Open = path
			continue
		}
		page.Tried = append(page.Tried, triedRow{a.Number, int(a.Score*100 + 0.5), a.Passed, path})
		page.Passed = page.Passed || a.Passed
	}
	if v.Refused != nil && page.Open == "" && !page.Passed {
		_, _, wrong, message := fault(s.words(r), v.Refused)
		page.Refused = message + wrong
	}
	return s.pages.write(w, s.words(r), http.StatusOK, "exam", page)
}

// rightNeeded is how many answers make the pass mark.
func rightNeeded(items int, mark float64) int {
	for n := 0; n < items; n++ {
		if float64(n)/float64(items) >= mark-1e-9 {
			return n
		}
	}
	return items
}

func postExam(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, err := s.db.StartAttempt(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	http.Redirect(w, r, testPath(c.courseID)+"/"+string(id), http.StatusSeeOther)
	return nil
}

// attemptPage is one question of an attempt, or its result.
type attemptPage struct {
	frame
	Course, Path, Back string
	CourseNumber       int
	Track              []trackMark
	At, Of             int // from 1
	Item               itemView
	Previous           string
	Last               bool
	PassMark, Need     int
	Number             int
	Due                string // RFC 3339; empty for none
	Unanswered         int
	Result             *resultView
}

type trackMark struct {
	Path         string
	N            int
	Done, Active bool
}

type itemView struct {
	N                     int // from 1
	Kind, Text, Unit, Alt string
	Image                 template.URL
	Options               []optionView
	Given                 string // of a number
	Ranks                 []int
	Correct               bool
	Solution, Why, Yours  string
}

type optionView struct {
	Index         int // as stored
	Text          string
	Chosen, Right bool
	Rank          int // of an ordering; 0 for none yet
}

type resultView struct {
	Score, PassMark int
	Passed, Solved  bool
	Items           []itemView
}

func getAttempt(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	id, v, err := s.attempt(r, c)
	if err != nil {
		return err
	}
	say := s.words(r)
	page := attemptPage{
		frame: frame{Title: "exam.title", Person: c.actor.Name, Script: "exam.js"}, Course: c.course.Title, CourseNumber: c.course.Number,
		Path: testPath(c.courseID) + "/" + string(id), Back: "/courses/" + string(c.courseID), Number: v.Number, Of: len(v.Items),
		PassMark: int(v.PassMark*100 + 0.5), Need: rightNeeded(len(v.Items), v.PassMark),
	}
	if !v.SubmittedAt.IsZero() {
		page.Result = newResult(say, v)
		page.Script = ""
		return s.pages.write(w, say, http.StatusOK, "attempt", page)
	}
	at, err := strconv.Atoi(r.URL.Query().Get("q"))
	if err != nil || at < 1 || at > len(v.Items) {
		at = 1 + max(0, slices.IndexFunc(v.Items, func(i postgres.AttemptItem) bool { return !answered(i.Reply) }))
	}
	if !v.DueAt.IsZero() {
		page.Due = v.DueAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	for n, i := range v.Items {
		page.Track = append(page.Track, trackMark{fmt.Sprintf("%s?q=%d", page.Path, n+1), n + 1, answered(i.Reply), n+1 == at})
		if !answered(i.Reply) {
			page.Unanswered++
		}
	}
	page.At, page.Last, page.Item = at, at == len(v.Items), newItemView(say, v.Items[at-1], at)
	if at > 1 {
		page.Previous = fmt.Sprintf("%s?q=%d", page.Path, at-1)
	}
	return s.pages.write(w, say, http.StatusOK, "attempt", page)
}

func (s *Server) attempt(r *http.Request, c *call) (lms.AttemptID, postgres.AttemptView, error) {
	id, err := lms.ParseID[lms.AttemptID](r.PathValue("attempt"))
	if err != nil {
		return "", postgres.AttemptView{}, err
	}
	v, err := s.db.Attempt(r.Context(), c.actor, c.courseID, id)
	return id, v, err
}

func answered(r lms.Reply) bool { return len(r.Choices) > 0 || r.Number != nil }

func newItemView(say *words, i postgres.AttemptItem, n int) itemView {
	v := itemView{N: n, Kind: string(i.Item.Kind), Text: i.Item.Text, Unit: i.Item.Unit, Alt: i.Item.Alt, Image: template.URL(i.Item.Image), Why: i.Item.Why} //nolint:gosec // checked to be a picture when it was stored
	if i.Reply.Number != nil {
		v.Given = strconv.FormatFloat(*i.Reply.Number, 'f', -1, 64)
		v.Yours = strings.TrimSpace(v.Given + " " + i.Item.Unit)
	}
	for _, at := range i.Order {
		o := optionView{Index: at, Text: i.Item.Options[at], Chosen: slices.Contains(i.Reply.Choices, at), Right: slices.Contains(i.Item.Right, at)}
		if i.Item.Kind == lms.ItemOrder {
			o.Rank = slices.Index(i.Reply.Choices, at) + 1
			v.Ranks = append(v.Ranks, len(v.Ranks)+1)
		}
		v.Options = append(v.Options, o)
	}
	var mine []string
	for _, at := range i.Reply.Choices {
		mine = append(mine, i.Item.Options[at])
	}
	if len(mine) > 0 {
		v.Yours = strings.Join(mine, "; ")
	}
	if v.Yours == "" {
		v.Yours = say.t("exam.nothing")
	}
	if i.Correct != nil {
		v.Correct, v.Solution = *i.Correct, solution(i.Item)
	}
	return v
}

// solution is the right answer in words.
func solution(i lms.Item) string {
	switch i.Kind {
	case lms.ItemNumeric:
		text := strconv.FormatFloat(i.Number, 'f', -1, 64)
		if i.Tolerance > 0 {
			text += " ± " + strconv.FormatFloat(i.Tolerance, 'f', -1, 64)
		}
		return strings.TrimSpace(text + " " + i.Unit)
	case lms.ItemOrder:
		return strings.Join(i.Options, "; ")
	}
	var right []string
	for _, at := range i.Right {
		right = append(right, i.Options[at])
	}
	return strings.Join(right, "; ")
}

func newResult(say *words, v postgres.AttemptView) *resultView {
	r := &resultView{Score: int(v.Score*100 + 0.5), PassMark: int(v.PassMark*100 + 0.5), Passed: v.Passed, Solved: v.Solved}
	if v.Solved {
		for n, i := range v.Items {
			r.Items = append(r.Items, newItemView(say, i, n+1))
		}
	}
	return r
}

// postAttempt keeps the answer of the question in the form and goes on to where its button leads, or hands the attempt in.
func postAttempt(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	id, v, err := s.attempt(r, c)
	if err != nil {
		return err
	}
	path := testPath(c.courseID) + "/" + string(id)
	if !v.SubmittedAt.IsZero() {
		http.Redirect(w, r, path, http.StatusSeeOther)
		return nil
	}
	at, err := strconv.Atoi(r.PostForm.Get("q"))
	if err != nil || at < 1 || at > len(v.Items) {
		return lms.ErrNotFound
	}
	if err := s.db.SaveReply(r.Context(), c.actor, c.courseID, id, at-1, replyOf(r, v.Items[at-1].Item)); err != nil {
		return err
	}
	switch r.PostForm.Get("then") {
	case "submit":
		if err := s.db.SubmitAttempt(r.Context(), c.actor, c.courseID, id); err != nil {
			return err
		}
	case "stay":
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		path = fmt.Sprintf("%s?q=%d", path, min(at+1, len(v.Items)))
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// replyOf reads the answer to an item from the form.
func replyOf(r *http.Request, i lms.Item) lms.Reply {
	var reply lms.Reply
	switch i.Kind {
	case lms.ItemNumeric:
		text := strings.ReplaceAll(strings.TrimSpace(r.PostForm.Get("number")), ",", ".")
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			reply.Number = &n
		}
	case lms.ItemOrder:
		// Each option has a field with its rank. Until every one has another rank there is no answer.
		choices := make([]int, len(i.Options))
		for n := range choices {
			choices[n] = -1
		}
		for n := range i.Options {
			rank, err := strconv.Atoi(r.PostForm.Get(fmt.Sprintf("rank%d", n)))
			if err == nil && rank >= 1 && rank <= len(choices) {
				choices[rank-1] = n
			}
		}
		if !slices.Contains(choices, -1) {
			reply.Choices = choices
		}
	default:
		for _, text := range r.PostForm["choice"] {
			if n, err := strconv.Atoi(text); err == nil {
				reply.Choices = append(reply.Choices, n)
			}
		}
	}
	return reply
}
