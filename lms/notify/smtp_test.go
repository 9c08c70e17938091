package notify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"lectern/lms"
)

// server is a mail server that speaks as much SMTP as one message needs. Replies overrides what it says to
// a command.
type server struct {
	listener net.Listener
	replies  map[string]string
	received chan string // the messages, as sent
}

func newServer(t *testing.T, replies map[string]string) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{listener, replies, make(chan string, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(t.Context(), func() { conn.Close() }) // clients may leave without a word
			s.serve(conn)
			stop()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return s
}

// serve answers one client until it quits.
func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 ready\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		command, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		switch reply := s.replies[command]; {
		case reply != "":
			fmt.Fprintf(conn, "%s\r\n", reply)
		case command == "EHLO":
			fmt.Fprint(conn, "250-test\r\n250 8BITMIME\r\n")
		case command == "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			var message strings.Builder
			for line != ".\r\n" {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
				message.WriteString(line)
			}
			s.received <- message.String()
			fmt.Fprint(conn, "250 taken\r\n")
		case command == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func (s *server) provider(t *testing.T, query string) *SMTP {
	t.Helper()
	p, err := NewSMTP("smtp://"+s.listener.Addr().String()+query, "Lectern <lectern@example.org>")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var letter = Message{ID: "otp-1", To: "ada@example.org", Subject: "Your sign-in code", Text: "Dear Ådá,\n\n    012 345\n"}

func TestSMTPSends(t *testing.T) {
	s := newServer(t, nil)
	if err := s.provider(t, "?tls=off").Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(strings.NewReader(<-s.received))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"From": `"Lectern" <lectern@example.org>`, "To": "<ada@example.org>", "Subject": "Your sign-in code",
		"Message-Id": "<otp-1@example.org>", "Auto-Submitted": "auto-generated", "Content-Type": "text/plain; charset=UTF-8",
	} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if date, err := m.Header.Date(); err != nil || time.Since(date).Abs() > time.Minute {
		t.Errorf("date %v, %v", date, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if text := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || !strings.HasPrefix(text, letter.Text) {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestSMTPSendsTheCalendarEntry(t *testing.T) {
	s := newServer(t, nil)
	m, err := render(moved, "https://learn.example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.provider(t, "?tls=off").Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got, err := mail.ReadMessage(strings.NewReader(<-s.received))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the message is %q, %v", kind, err)
	}
	parts := multipart.NewReader(got.Body, params["boundary"])
	for _, want := range []struct{ kind, method, line string }{
		{"text/plain", "", "Heart failure"}, {"text/calendar", "REQUEST", "\r\nSEQUENCE:1\r\n"},
	} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part) // the reader has undone quoted-printable
		kind, params, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil || kind != want.kind || params["method"] != want.method || !strings.Contains(string(body), want.line) {
			t.Errorf("part %q with method %q, want %q, %q and %q in it: %v\n%s", kind, params["method"], want.kind, want.method, want.line, err, body)
		}
	}
}

func TestSMTPRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		replies map[string]string
		final   bool
	}{
		"unknown recipient": {map[string]string{"RCPT": "550 5.1.1 <ada@example.org> unknown"}, true},
		"mailbox full":      {map[string]string{"RCPT": "452 4.2.2 <ada@example.org> over quota"}, false},
		"message refused":   {map[string]string{"DATA": "554 5.7.1 ada@example.org is spam"}, true},
		"out of order":      {map[string]string{"EHLO": "421 later", "HELO": "421 later"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := newServer(t, c.replies).provider(t, "?tls=off").Send(t.Context(), letter)
			if err == nil || errors.Is(err, lms.ErrInvalid) != c.final || strings.Contains(err.Error(), "ada@") {
				t.Errorf("got %v, final %t, want %t and no address", err, errors.Is(err, lms.ErrInvalid), c.final)
			}
		})
	}
}

// TestSMTPInsistsOnTLS: without tls=off nothing is said in clear to a server that offers no STARTTLS.
func TestSMTPInsistsOnTLS(t *testing.T) {
	s := newServer(t, nil)
	if err := s.provider(t, "").Send(t.Context(), letter); err == nil || errors.Is(err, lms.ErrInvalid) {
		t.Errorf("got %v, want a failure worth another try", err)
	}
	if len(s.received) > 0 {
		t.Error("the message went out in clear")
	}
}

func TestSMTPWithoutServer(t *testing.T) {
	s := newServer(t, nil)
	p := s.provider(t, "?tls=off")
	s.listener.Close()
	if err := p.Send(t.Context(), letter); err == nil || errors.Is(err, lms.ErrInvalid) {
		t.Errorf("got %v, want a failure worth another try", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Send(gone, letter); err == nil {
		t.Error("sent without a server")
	}
}

func TestNewSMTPRefuses(t *testing.T) {
	for _, c := range []struct{ address, from string }{
		{"", "a@example.org"},
		{"mail.example.org:587", "a@example.org"},
		{"http://mail.example.org", "a@example.org"},
		{"smtp://:587", "a@example.org"},
		{"smtp://u:SECRET@mail.example.org:99999", "a@example.org"},
		{"smtp://u:SECRET@mail.example.org?tls=off", "a@example.org"},
		{"smtp://u:SECRET@mail.example.org?tls=maybe", "a@example.org"},
		{"smtp://u:SECRET@mail.example.org:port", "a@example.org"},
		{"smtp://mail.example.org", "nobody"},
	} {
		if _, err := NewSMTP(c.address, c.from); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s from %s: %v", c.address, c.from, err)
		}
	}
	for _, address := range []string{"smtp://u:p@mail.example.org:587", "smtps://u:p@mail.example.org", "smtp://mail.example.org"} {
		if _, err := NewSMTP(address, "Lectern <lectern@localhost>"); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
