package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// rushDoctor is one of the crowd: a browser without JavaScript.
type rushDoctor struct {
	crowd   *rushCrowd
	number  int
	email   string
	cookies map[string]string
	stood   time.Duration // at the door
}

// rushAnswer is what came back.
type rushAnswer struct {
	status   int
	location string
	retry    time.Duration
	body     []byte
}

const (
	rushPatience = 20 * time.Minute // at the door
	rushMail     = 5 * time.Minute
	rushBody     = 16 << 20
)

var rushDigits = regexp.MustCompile(`\b(\d{3}) (\d{3})\b`)

func (d *rushDoctor) visit(ctx context.Context) error {
	c := d.crowd
	came := time.Now()
	if _, _, err := d.patiently(ctx, "GET", "/sign-in", nil, http.StatusOK); err != nil {
		return err
	}
	mail := c.expect(d.email)
	_, took, err := d.patiently(ctx, "POST", "/sign-in", url.Values{"email": {d.email}, "code": {c.codes[d.number]}}, http.StatusSeeOther)
	if err != nil {
		return err
	}
	asked := time.Now()
	c.note(&c.registered, took)
	c.mu.Lock()
	c.entries = append(c.entries, rushEntry{came, asked})
	if d.stood > 0 {
		c.waited++
		c.stood = append(c.stood, d.stood)
	}
	c.mu.Unlock()
	if _, _, err := d.patiently(ctx, "GET", "/sign-in/code", nil, http.StatusOK); err != nil {
		return err
	}
	var otp string
	select {
	case otp = <-mail:
		c.note(&c.mailed, time.Since(asked))
	case <-time.After(rushMail):
		return fmt.Errorf("%w: no mail after %v", errRush, rushMail)
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, took, err = d.patiently(ctx, "POST", "/sign-in/code", url.Values{"otp": {otp}}, http.StatusSeeOther); err != nil {
		return err
	}
	c.note(&c.verified, took)
	if _, _, err := d.patiently(ctx, "GET", "/welcome", nil, http.StatusOK); err != nil {
		return err
	}
	profile := url.Values{"name": {fmt.Sprintf("Dr Rush %d", d.number)}, "country": {"IN"}, "zone": {"Asia/Kolkata"}, "next": {"/courses"}}
	if _, _, err := d.patiently(ctx, "POST", "/welcome", profile, http.StatusSeeOther); err != nil {
		return err
	}
	if _, _, err := d.patiently(ctx, "GET", "/courses", nil, http.StatusOK); err != nil {
		return err
	}
	if _, took, err = d.patiently(ctx, "GET", "/watch/"+c.course, nil, http.StatusOK); err != nil {
		return err
	}
	c.note(&c.opened, took)
	return nil
}

// patiently sends a request, and again after the time it was told for as long as the answer is 429. It returns how long the
// request took that was answered.
func (d *rushDoctor) patiently(ctx context.Context, method, path string, form url.Values, want int) (rushAnswer, time.Duration, error) {
	began := time.Now()
	for {
		answer, took, err := d.send(ctx, method, path, form)
		switch {
		case err != nil:
			return answer, took, fmt.Errorf("%s %s: %w", method, path, err)
		case answer.status == http.StatusTooManyRequests && time.Since(began) < rushPatience:
			before := time.Now()
			wait(ctx, max(answer.retry, time.Second))
			d.stood += time.Since(before)
			if ctx.Err() != nil {
				return answer, took, ctx.Err()
			}
		case answer.status != want:
			return answer, took, fmt.Errorf("%w: %s %s: %d %s: %.120q", errRush, method, path, answer.status, answer.location, answer.body)
		default:
			return answer, took, nil
		}
	}
}

// send sends one request over one of the connections that all share.
func (d *rushDoctor) send(ctx context.Context, method, path string, form url.Values) (rushAnswer, time.Duration, error) {
	began := time.Now()
	select {
	case d.crowd.slots <- struct{}{}:
	case <-ctx.Done():
		return rushAnswer{}, 0, ctx.Err()
	}
	defer func() { <-d.crowd.slots }()
	if d.crowd.Over == 0 {
		began = time.Now()
	}
	var body io.Reader
	header := http.Header{"Accept": {"text/html"}, "User-Agent": {"lectern-loadtest"}}
	if method == "POST" {
		body = strings.NewReader(form.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		header.Set("Origin", d.crowd.URL)
	}
	answer, err := d.crowd.exchange(ctx, method, path, body, header, &d.cookies)
	return answer, time.Since(began), err
}

// exchange is a request and its answer. Cookies are those of the browser that sends it.
func (c *rushCrowd) exchange(ctx context.Context, method, path string, body io.Reader, header http.Header, cookies *map[string]string) (rushAnswer, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, body)
	if err != nil {
		return rushAnswer{}, err
	}
	request.Header = header
	for name, value := range *cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := c.client.RoundTrip(request)
	if err != nil {
		return rushAnswer{}, err
	}
	defer response.Body.Close()
	answer := rushAnswer{status: response.StatusCode, location: response.Header.Get("Location")}
	if answer.body, err = io.ReadAll(io.LimitReader(response.Body, rushBody)); err != nil {
		return answer, err
	}
	if s, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		answer.retry = time.Duration(s) * time.Second
	}
	for _, set := range response.Cookies() {
		if *cookies == nil {
			*cookies = map[string]string{}
		}
		if set.MaxAge < 0 {
			delete(*cookies, set.Name)
		} else {
			(*cookies)[set.Name] = set.Value
		}
	}
	c.mu.Lock()
	c.statuses[answer.status]++
	c.mu.Unlock()
	return answer, nil
}

// mostCodes is how many codes one batch may have.
const mostCodes = 20_000

// prepare signs the admin in and makes the codes.
func (c *rushCrowd) prepare(ctx context.Context) error {
	link, err := url.Parse(c.Admin)
	if err != nil || link.Path == "" {
		return fmt.Errorf("the admin's link %q: want the personal link that the demo prints", c.Admin)
	}
	var cookies map[string]string
	if answer, err := c.exchange(ctx, "POST", link.Path, nil, http.Header{"Origin": {c.URL}}, &cookies); err != nil || answer.status != http.StatusSeeOther {
		return fmt.Errorf("sign the admin in: %d %w", answer.status, err)
	}
	var programmes struct {
		Programmes []struct {
			ID string `json:"id"`
		} `json:"programmes"`
	}
	if err := c.call(ctx, "GET", "/api/programmes", nil, &cookies, &programmes); err != nil {
		return err
	}
	if len(programmes.Programmes) == 0 {
		return fmt.Errorf("%w: the admin has no programme", errRush)
	}
	path := "/api/programmes/" + programmes.Programmes[0].ID
	var programme struct {
		Courses []struct {
			ID string `json:"id"`
		} `json:"courses"`
	}
	if err := c.call(ctx, "GET", path, nil, &cookies, &programme); err != nil {
		return err
	}
	if len(programme.Courses) == 0 {
		return fmt.Errorf("%w: the programme has no course", errRush)
	}
	c.course = programme.Courses[0].ID
	for len(c.codes) < c.N {
		var made struct {
			Codes []string `json:"codes"`
		}
		n := min(c.N-len(c.codes), mostCodes)
		if err := c.call(ctx, "POST", path+"/codes", map[string]any{"label": "Rush", "count": n, "uses": 1}, &cookies, &made); err != nil {
			return err
		}
		c.codes = append(c.codes, made.Codes...)
	}
	c.statuses = map[int]int{}
	return nil
}

// call sends and reads JSON.
func (c *rushCrowd) call(ctx context.Context, method, path string, in any, cookies *map[string]string, out any) error {
	var body io.Reader
	header := http.Header{"Origin": {c.URL}}
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	answer, err := c.exchange(ctx, method, path, body, header, cookies)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.status/100 != 2 {
		return fmt.Errorf("%w: %s %s: %d %.200s", errRush, method, path, answer.status, answer.body)
	}
	return json.Unmarshal(answer.body, out)
}

// expect says that somebody waits for a mail.
func (c *rushCrowd) expect(email string) <-chan string {
	mail := make(chan string, 1)
	c.mailMu.Lock()
	defer c.mailMu.Unlock()
	c.waiting[email] = mail
	return mail
}

// mailOverlap is how many mails are read again: numbers are given out before mails are committed.
const mailOverlap = 200

// readMail gives the codes in the demo mailbox to those who wait for them.
func (c *rushCrowd) readMail(ctx context.Context) {
	var last int64
	var cookies map[string]string
	for ctx.Err() == nil {
		var box struct {
			Mails []struct {
				ID   int64  `json:"id"`
				To   string `json:"to"`
				Text string `json:"text"`
			} `json:"mails"`
		}
		if err := c.call(ctx, "GET", fmt.Sprintf("/api/mailbox?after=%d", max(0, last-mailOverlap)), nil, &cookies, &box); err != nil {
			wait(ctx, time.Second)
			continue
		}
		c.mailMu.Lock()
		for _, m := range box.Mails {
			last = max(last, m.ID)
			mail, ok := c.waiting[m.To]
			if digits := rushDigits.FindStringSubmatch(m.Text); ok && digits != nil {
				mail <- digits[1] + digits[2]
				delete(c.waiting, m.To)
			}
		}
		c.mailMu.Unlock()
		wait(ctx, 100*time.Millisecond)
	}
}
