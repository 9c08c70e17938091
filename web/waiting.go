package web

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// waitingError is errWaiting with where somebody stands.
type waitingError struct{ place }

func (waitingError) Error() string { return errWaiting.Error() }
func (waitingError) Unwrap() error { return errWaiting }

// placeLife is how long a browser keeps its place: longer than any queue that is worth standing in.
const placeLife = time.Hour

// passDoor lets a request that begins a sign-in or a registration in, or says where it stands.
func (s *Server) passDoor(w http.ResponseWriter, r *http.Request) error {
	ticket := s.ticket(r)
	p, ok := s.door.enter(ticket)
	if !ok {
		return s.stand(w, p)
	}
	if ticket != "" {
		s.setCookie(w, s.placeName(), "", 0)
	}
	return s.begun.begin(network(clientAddr(r, s.proxies)).String())
}

// lookIn is passDoor for a page that only asks for details: it uses no place.
func (s *Server) lookIn(w http.ResponseWriter, r *http.Request) error {
	p, ok := s.door.look(s.ticket(r))
	if !ok {
		return s.stand(w, p)
	}
	return nil
}

// ticket is the place in the queue that a request shows: in its cookie, or, of a program, in a header.
func (s *Server) ticket(r *http.Request) string {
	if ticket := r.Header.Get("Lectern-Place"); ticket != "" {
		return ticket
	}
	return cookie(r, s.placeName(), 64)
}

func (s *Server) stand(w http.ResponseWriter, p place) error {
	if p.Ticket != "" {
		s.setCookie(w, s.placeName(), p.Ticket, placeLife)
	}
	return waitingError{p}
}

// inside tells the door how long a step took that began at a time.
func (s *Server) inside(began time.Time) { s.door.left(s.now().Sub(began)) }

// waitingPage says where one stands, and asks again by itself, without JavaScript.
type waitingPage struct {
	frame
	Ahead, Wait, Again string
	Back               string
	Full               bool // the queue has no place left
}

// wait answers somebody who has to wait, with the page that leads back to where they were going. Other errors come back.
func (s *Server) wait(w http.ResponseWriter, r *http.Request, err error, back string) error {
	waiting, ok := err.(waitingError)
	if !ok {
		return err
	}
	say := s.words(r)
	again := seconds(waiting.Again)
	page := waitingPage{
		frame: frame{Title: "waiting.title", Refresh: refresh(again, back)}, Back: back, Full: waiting.Ticket == "",
		Ahead: say.t("waiting.ahead", "count", waiting.Ahead), Again: say.t("waiting.again", "count", again),
	}
	if minutes := int(math.Ceil(waiting.Wait.Minutes())); waiting.Wait > time.Minute {
		page.Wait = say.t("waiting.minutes", "count", minutes)
	} else {
		page.Wait = say.t("waiting.soon")
	}
	w.Header().Set("Retry-After", strconv.Itoa(again))
	w.Header().Set("Cache-Control", "no-store")
	return s.pages.write(w, say, http.StatusTooManyRequests, "waiting", page)
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// refresh is the element that makes a browser ask again. The address is one of ours.
func refresh(after int, path string) template.HTML {
	return template.HTML(fmt.Sprintf(`<meta http-equiv="refresh" content="%d; url=%s">`, after, template.HTMLEscapeString(localPath(path)))) //nolint:gosec // escaped
}

// keepTyped keeps what was typed in the browser that typed it, so that waiting loses nothing. From is the page it is for.
func (s *Server) keepTyped(w http.ResponseWriter, form url.Values, from string) {
	form.Set("from", from)
	if coded := base64.RawURLEncoding.EncodeToString([]byte(form.Encode())); len(coded) < 3000 {
		s.setCookie(w, s.typedName(), coded, placeLife)
	}
}

// typed is what keepTyped kept.
func (s *Server) typed(r *http.Request) (url.Values, bool) {
	coded := cookie(r, s.typedName(), 3000)
	text, err := base64.RawURLEncoding.DecodeString(coded)
	if coded == "" || err != nil {
		return nil, false
	}
	form, err := url.ParseQuery(strings.ToValidUTF8(string(text), ""))
	return form, err == nil
}

// forgetTyped forgets it once it was used.
func (s *Server) forgetTyped(w http.ResponseWriter, r *http.Request) {
	if cookie(r, s.typedName(), 4096) != "" {
		s.setCookie(w, s.typedName(), "", 0)
	}
}
