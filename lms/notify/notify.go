// Package notify puts due messages into words and hands them to whatever carries them: a mail server, or
// the mailbox page of a demo.
package notify

import (
	"context"
	"fmt"

	"lectern/lms"
	"lectern/lms/calendar"
)

// Message is a mail in plain text.
type Message struct {
	ID      string // the same for each attempt; becomes part of the Message-ID
	To      lms.Email
	Subject string // never holds a secret: phones show it on the lock screen
	Text    string // lines end with \n

	Invitation *Invitation // the calendar entry that comes with it, or nil
}

// Invitation is a calendar entry. Site is part of its identity: files and feeds of the installation have the same.
type Invitation struct {
	Site    string
	Lecture calendar.Lecture
}

// Provider carries messages. Send returns when the message is accepted. An error that wraps
// lms.ErrInvalid is final: this message will never be accepted. Others are worth another try.
type Provider interface {
	Send(ctx context.Context, m Message) error
}

// Sender delivers notices by a provider.
type Sender struct {
	provider Provider
	site     string
}

// New makes a Sender. Site is the public address of the installation, named in the messages so that
// readers can tell where they come from.
func New(provider Provider, site string) *Sender { return &Sender{provider, site} }

// Deliver renders the notice and sends it. Its error wraps lms.ErrInvalid when another attempt is useless.
func (s *Sender) Deliver(ctx context.Context, n lms.Notice) error {
	m, err := render(n, s.site)
	if err != nil {
		return err
	}
	if err := s.provider.Send(ctx, m); err != nil {
		return fmt.Errorf("send %s %s: %w", n.Kind, n.ID, err)
	}
	return nil
}
