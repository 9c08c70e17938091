package web

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// mailsShown is how many mails the page of the demo mailbox shows.
const mailsShown = 50

// mailsFetched is how many a program gets at once.
const mailsFetched = 1000

// mailboxPage shows outgoing mail instead of sending it. It is there only where the operator has asked for it,
// because it shows everybody's one-time codes.
type mailboxPage struct {
	frame
	Heading string
	Mails   []mailView
}

type mailView struct {
	To, Subject, Text, At, Clock string
	Links                        []string // paths of this site that stand in the text
}

func getMailbox(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	mails, err := s.db.Mailbox(r.Context(), mailsShown)
	if err != nil {
		return err
	}
	say := s.words(r)
	page := mailboxPage{frame: frame{Title: "mailbox.title", Person: c.actor.Name}, Heading: say.t("mailbox.heading", "count", len(mails), "number", say.number(len(mails)))}
	for _, m := range mails {
		page.Mails = append(page.Mails, mailView{
			To: m.To.String(), Subject: m.Subject, Text: m.Text,
			At: m.At.UTC().Format(time.RFC3339), Clock: m.At.UTC().Format("15:04:05 UTC"),
			Links: s.ownLinks(m.Text),
		})
	}
	return s.pages.write(w, say, http.StatusOK, "mailbox", page)
}

// getMailboxSince is the mailbox for programs, such as load tests: the mails after a number, oldest first.
func getMailboxSince(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // what is no number is 0
	mails, err := s.db.MailboxSince(r.Context(), after, mailsFetched)
	if err != nil {
		return err
	}
	type mail struct {
		ID      int64     `json:"id"`
		To      string    `json:"to"`
		Subject string    `json:"subject"`
		Text    string    `json:"text"`
		At      time.Time `json:"at"`
	}
	list := make([]mail, 0, len(mails))
	for _, m := range mails {
		list = append(list, mail{m.ID, m.To.String(), m.Subject, m.Text, m.At})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"mails": list})
}

var anyLink = regexp.MustCompile(`https?://[^\s<>"]+`)

// ownLinks are the links in a text that lead to this site, as paths: the demo may be open under another name
// than its public one.
func (s *Server) ownLinks(text string) []string {
	var paths []string
	for _, found := range anyLink.FindAllString(text, -1) {
		if path, ok := strings.CutPrefix(found, s.url.Scheme+"://"+s.url.Host); ok {
			paths = append(paths, localPath(path))
		}
	}
	return paths
}
