package web

import (
	"net/http"
	"strings"
	"testing"

	"lectern/signaling/protocol"
)

// TestVotesAndMerges: one vote a person, revocable; votes of merged questions are those of all voters, each once; all who
// asked get the answer; a claim keeps the other moderator off.
func TestVotesAndMerges(t *testing.T) {
	s := newSite(t)
	d := s.demo()
	moderator := s.joined(d.Console)
	first, second, third := s.joined(d.Attend[0]), s.joined(d.Attend[1]), s.joined(d.Attend[2])
	questions := coursePath(d, "/api/courses/%s/questions")
	ask := func(b *browser, text string) (q protocol.Question) {
		b.call("POST", questions, map[string]any{"text": text}).want(t, http.StatusCreated).json(t, &q)
		return q
	}
	act := func(b *browser, q *protocol.Question, action string, more map[string]any, status int) {
		t.Helper()
		body := map[string]any{"version": q.Version}
		for k, v := range more {
			body[k] = v
		}
		got := b.call("POST", questions+"/"+q.ID+"/"+action, body).want(t, status)
		if status == http.StatusOK {
			got.json(t, q)
		}
	}
	one, two := ask(first, "What does a low AMH predict?"), ask(second, "what does LOW amh predict, please?")
	third.call("POST", questions+"/"+one.ID+"/vote", nil).want(t, http.StatusNotFound) // nobody has approved it
	act(moderator, &one, "approve", nil, http.StatusOK)
	act(moderator, &two, "approve", nil, http.StatusOK)
	var similar struct{ Questions []protocol.Question }
	moderator.get(questions+"/"+two.ID+"/similar").want(t, http.StatusOK).json(t, &similar)
	if len(similar.Questions) != 1 || similar.Questions[0].ID != one.ID {
		t.Errorf("near duplicates: %+v", similar)
	}

	var voted protocol.Question
	for range 2 {
		third.call("POST", questions+"/"+one.ID+"/vote", nil).want(t, http.StatusOK).json(t, &voted)
	}
	if voted.Votes != 1 || voted.Voted == nil || !*voted.Voted {
		t.Errorf("voted twice: %+v", voted)
	}
	third.call("POST", questions+"/"+two.ID+"/vote", nil).want(t, http.StatusOK)
	first.call("POST", questions+"/"+two.ID+"/vote", nil).want(t, http.StatusOK)
	act(moderator, &two, "merge", map[string]any{"into": one.ID}, http.StatusOK)
	list := func(b *browser) map[string]protocol.Question {
		var all struct{ Questions []protocol.Question }
		b.get(questions).want(t, http.StatusOK).json(t, &all)
		byID := map[string]protocol.Question{}
		for _, q := range all.Questions {
			byID[q.ID] = q
		}
		return byID
	}
	if q := list(third)[one.ID]; q.Votes != 2 {
		t.Errorf("%d votes after the merge, want the two voters", q.Votes)
	}
	if _, seen := list(third)[two.ID]; seen {
		t.Error("the audience sees what was merged")
	}
	first.call("DELETE", questions+"/"+one.ID+"/vote", nil).want(t, http.StatusOK) // had none there
	third.call("DELETE", questions+"/"+one.ID+"/vote", nil).want(t, http.StatusOK)
	if q := list(third)[one.ID]; q.Votes != 2 || *q.Voted { // still by way of the merged one
		t.Errorf("after taking a vote back: %+v", q)
	}
	act(moderator, &one, "reply", map[string]any{"text": "=Little alone.", "public": true}, http.StatusOK)
	if q := list(second)[two.ID]; q.State != "answered" || q.Answer != "=Little alone." || q.MergedInto != "" {
		t.Errorf("whoever asked the merged one reads %+v", q)
	}
	table := moderator.get(questions+".csv").want(t, http.StatusOK).text
	if !strings.Contains(table, "'=Little alone.") || strings.Count(table, "\n") != 3 {
		t.Errorf("the table:\n%s", table)
	}
}
