package notify

import "context"

// keeper is where the mailbox page reads from. It exists so that this package knows no SQL.
type keeper interface {
	KeepMail(ctx context.Context, recipient, subject, body string) error
}

// Mailbox is the Provider of a demo: messages go nowhere, a page of the installation shows them.
type Mailbox struct{ keeper keeper }

// NewMailbox makes a Mailbox that keeps its messages with k, which is the database.
func NewMailbox(k keeper) *Mailbox { return &Mailbox{k} }

// Send keeps the message.
func (b *Mailbox) Send(ctx context.Context, m Message) error {
	return b.keeper.KeepMail(ctx, string(m.To), m.Subject, m.Text)
}
