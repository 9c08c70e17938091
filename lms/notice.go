package lms

import "time"

// NoticeKind is what a message is for.
type NoticeKind string

// The kinds of messages.
const (
	NoticeOTP  NoticeKind = "one_time_code"
	NoticeLink NoticeKind = "personal_link"
)

// Notice is a message that is due to one person: what it has to say, not yet its words. It is put together
// when it is sent, from what its job names, so that no secret waits in the queue of jobs.
type Notice struct {
	Kind      NoticeKind
	ID        string // the same for each attempt to send it; letters, digits and hyphens
	To        Email
	Name      string // of the reader; "" when not known yet
	Zone      Zone   // in which the reader is told times; "" for UTC
	ExpiresAt time.Time
	Code      OTP    // NoticeOTP
	Link      string // NoticeLink: absolute
	Programme string // NoticeLink: its title
	Role      Role   // NoticeLink: what the reader is to be there
}
