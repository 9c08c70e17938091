package notify

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"lectern/lms"
	"lectern/lms/calendar"
)

// smtpTimeout bounds the connection and each command.
const smtpTimeout = 15 * time.Second

// SMTP is the Provider that hands messages to a mail server, one connection per message.
type SMTP struct {
	client *mail.Client
	from   *netmail.Address
	domain string // of the sender, for Message-IDs
}

// NewSMTP makes an SMTP provider. The address is one of
//
//	smtp://user:password@host:587    STARTTLS, which the server has to offer
//	smtps://user:password@host:465   TLS from the start (RFC 8314 section 3.3)
//	smtp://127.0.0.1:25?tls=off      in clear, for a relay on the same machine; no password then
//
// and from is the sender, with or without a name. Nothing is connected yet. Errors do not repeat the
// address, which holds a password.
func NewSMTP(address, from string) (*SMTP, error) {
	sender, err := netmail.ParseAddress(from)
	if err != nil {
		return nil, errors.New("the sender of mail cannot be read: give it like Lectern <lectern@example.org>")
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("the mail server's address cannot be read: give it like smtp://user:password@host:587")
	}
	options, err := smtpOptions(u)
	if err != nil {
		return nil, err
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("mail server %s: %w", u.Host, err)
	}
	return &SMTP{client: client, from: sender, domain: sender.Address[strings.LastIndexByte(sender.Address, '@')+1:]}, nil
}

// smtpOptions reads transport security and the account from the address.
func smtpOptions(u *url.URL) ([]mail.Option, error) {
	options := []mail.Option{mail.WithTimeout(smtpTimeout)}
	port := 587
	switch tls := u.Query().Get("tls"); {
	case u.Scheme == "smtps":
		port = 465
		options = append(options, mail.WithSSL())
	case tls == "off" && u.User == nil:
		port = 25
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	case tls == "off":
		return nil, errors.New("the mail server's password would be sent in clear: leave out tls=off or the account")
	case tls == "":
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		return nil, errors.New("the mail server's address says tls=, which can only be off")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return nil, errors.New("the mail server's port is not between 1 and 65535")
		}
		port = n
	}
	options = append(options, mail.WithPort(port))
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	return options, nil
}

// Send hands the message to the server. A refusal with a 5xx reply to the recipient or the message is
// final (RFC 5321 section 4.2.1).
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg := mail.NewMsg()
	msg.FromMailAddress(s.from)
	if err := msg.To(string(m.To)); err != nil {
		// The library's error repeats the address.
		return fmt.Errorf("the recipient's address cannot be written in a mail: %w", lms.ErrInvalid)
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(m.ID + "@" + s.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office replies (RFC 3834 section 5)
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	if err := s.invite(msg, m); err != nil {
		return err
	}
	return smtpError(s.client.DialAndSendWithContext(ctx, msg))
}

// invite adds the calendar entry as another form of the text, which is where calendars look for it (RFC 6047 section 2.4).
func (s *SMTP) invite(msg *mail.Msg, m Message) error {
	if m.Invitation == nil {
		return nil
	}
	lecture := m.Invitation.Lecture
	lecture.Organizer, lecture.Attendee = s.from.Address, string(m.To)
	method := calendar.Request
	if lecture.Cancelled {
		method = calendar.Cancel
	}
	file, err := calendar.Write(method, m.Invitation.Site, "", []calendar.Lecture{lecture})
	if err != nil {
		return fmt.Errorf("write the calendar entry: %w", err)
	}
	msg.AddAlternativeString(mail.ContentType("text/calendar; method="+string(method)), string(file))
	return nil
}

// smtpError keeps addresses, which replies of servers repeat, out of errors, for those are logged.
func smtpError(err error) error {
	var refused *mail.SendError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &refused):
		return fmt.Errorf("mail server: %w", err)
	case refused.ErrorCode() >= 500:
		return fmt.Errorf("the mail server refused the message with code %d: %w", refused.ErrorCode(), lms.ErrInvalid)
	case refused.ErrorCode() >= 400:
		return fmt.Errorf("the mail server put the message off with code %d", refused.ErrorCode())
	}
	return errors.New("the connection to the mail server broke")
}
