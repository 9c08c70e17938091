package lms

import "time"

// NoticeKind is what a message is for.
type NoticeKind string

// The kinds of messages.
const (
	NoticeOTP  NoticeKind = "one_time_code"
	NoticeLink NoticeKind = "personal_link"

	NoticeSchedule NoticeKind = "schedule_change"
	NoticeCancel   NoticeKind = "cancellation"
	NoticeRestore  NoticeKind = "restoration" // it was cancelled, and takes place after all
	NoticeFaculty  NoticeKind = "faculty_invitation"

	NoticeCertificate  NoticeKind = "certificate"
	NoticeRegistration NoticeKind = "registration"
)

// Notice is a message that is due to one person: what it has to say, not yet its words. It is put together
// when it is sent, from what its job names, so that no secret waits in the queue of jobs.
type Notice struct {
	Kind      NoticeKind
	ID        string // the same for each attempt to send it; letters, digits and hyphens
	To        Email
	Name      string   // of the reader; "" when not known yet
	Zone      Zone     // in which the reader is told times; "" for UTC
	Language  Language // in which the reader is written to; "" for English
	ExpiresAt time.Time
	Code      OTP         // NoticeOTP
	Link      string      // absolute; "" where there is none
	Programme string      // its title; NoticeCertificate: what it is for
	Role      Role        // NoticeLink: what the reader is to be there
	Faculty   FacultyRole // NoticeFaculty
	Lecture   Lecture

	Registration RegistrationState // NoticeRegistration; ExpiresAt is then the end of an offer
	Reason       string            // NoticeRegistration: of a rejection; NoticeCancel: of the cancellation
}

// Lecture is what a message says of one lecture (NoticeSchedule, NoticeCancel, NoticeRestore).
type Lecture struct {
	ID        CourseID
	Title     string
	Summary   string
	Start     time.Time
	Zone      Zone // the organisers'
	Minutes   int
	Revision  int       // of the schedule, from 1
	RevisedAt time.Time // when that revision was made
}
