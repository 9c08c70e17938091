package lms

// Role is what somebody is in a programme or a course.
type Role string

// The roles.
const (
	Admin     Role = "admin"     // runs the programme: courses, codes, people
	Producer  Role = "producer"  // runs the lectures: on air, panel, questions, captions, recordings; not people
	Moderator Role = "moderator" // reads all questions and decides which are put
	Presenter Role = "presenter" // goes on air
	Captioner Role = "captioner" // writes captions while the lecture is on air
	Attendee  Role = "attendee"  // watches and asks
	Panellist Role = "panellist" // an attendee who was asked to take part in one course; nobody is invited as one
	Sponsor   Role = "sponsor"   // sees released sums and never a learner (Sums)
	Auditor   Role = "auditor"   // reads set-up, audit, figures and records, and changes nothing
)

// ParseRole reads a role from outside.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case Admin, Producer, Moderator, Presenter, Captioner, Attendee, Sponsor, Auditor:
		return r, nil
	}
	return "", invalid("role", "Choose one of admin, producer, moderator, presenter, captioner, attendee, sponsor, auditor.")
}

// Staff reports whether the role is given by an admin: such people come by a personal link instead of an
// access code.
func (r Role) Staff() bool { return r != Attendee && r != Panellist && r != "" }

// OfOrganisation reports whether the role can be given for a whole organisation.
func (r Role) OfOrganisation() bool {
	return r == Admin || r == Producer || r == Moderator || r == Sponsor || r == Auditor
}

// Scope is what a right is asked for: a course of a programme, or, with an empty Course, the programme
// itself. The zero Scope is the whole installation.
type Scope struct {
	Programme ProgrammeID
	Course    CourseID
}

// RoleGrant gives a role. An empty Course grants it for all courses of the programme and the programme
// itself.
type RoleGrant struct {
	Role      Role
	Programme ProgrammeID
	Course    CourseID
}

// OrganisationGrant gives a role in every programme of an organisation. Actor.Roles has a RoleGrant for each of
// them as well.
type OrganisationGrant struct {
	Role         Role
	Organisation OrganisationID
}

// covers reports whether the grant reaches s. Anything granted somewhere reaches the whole installation,
// whose only permission is CreateProgramme.
func (g RoleGrant) covers(s Scope) bool {
	if s == (Scope{}) {
		return true
	}
	return g.Programme == s.Programme && g.Programme != "" && (g.Course == "" || g.Course == s.Course)
}

// Permission is something that may or may not be done.
type Permission string

// The permissions, each asked for a Scope.
const (
	Know            Permission = "know"             // that it exists: for others it is not found
	CreateProgramme Permission = "create programme" // asked for the zero Scope
	Manage          Permission = "manage"           // change programme, courses, codes, staff
	Produce         Permission = "produce"          // cut recordings, keep captions
	Inspect         Permission = "inspect"          // look at the set-up; also asked for the zero Scope
	ReadAudit       Permission = "read audit"
	Watch           Permission = "watch"
	Ask             Permission = "ask"
	Present         Permission = "present"  // publish, go on air, end
	Moderate        Permission = "moderate" // read all questions, approve, dismiss, assign
	Answer          Permission = "answer"   // mark questions as being answered and answered
	SeeFigures      Permission = "see figures"
	SeePeople       Permission = "see people" // names with what each watched
	SeeSums         Permission = "see sums"   // figures as a sponsor gets them
	Caption         Permission = "caption"    // write live captions
	TakeTranscript  Permission = "take transcript"
	Provide         Permission = "provide"    // upload slides and handouts
	JoinPanel       Permission = "join panel" // publish, and hear and see who is backstage
	Direct          Permission = "direct"     // ask attendees in and put them back, decide who is on air, mute
)

// may is who may do what. A presenter sees figures without names (lms.md 1.10).
var may = map[Permission][]Role{
	Know:            {Attendee, Panellist, Presenter, Captioner, Moderator, Producer, Admin, Sponsor, Auditor},
	CreateProgramme: {Admin},
	Manage:          {Admin},
	Produce:         {Producer, Admin},
	Inspect:         {Producer, Auditor, Admin},
	ReadAudit:       {Auditor, Admin},
	Watch:           {Attendee, Presenter, Captioner, Moderator, Producer, Admin},
	Ask:             {Attendee, Presenter, Moderator, Producer, Admin},
	Present:         {Presenter, Producer, Admin},
	Moderate:        {Moderator, Producer, Admin},
	Answer:          {Presenter, Moderator, Producer, Admin},
	SeeFigures:      {Presenter, Moderator, Producer, Auditor, Admin},
	SeePeople:       {Moderator, Auditor, Admin},
	SeeSums:         {Sponsor, Auditor, Admin},
	Caption:         {Captioner, Moderator, Producer, Admin},
	TakeTranscript:  {Presenter, Captioner, Moderator, Producer, Admin},
	Provide:         {Presenter, Producer, Admin},
	JoinPanel:       {Presenter, Panellist, Moderator, Producer, Admin},
	Direct:          {Presenter, Moderator, Producer, Admin},
}

// Roles returns those roles that carry the permission, for statements that scope by role.
func (p Permission) Roles() []Role { return may[p] }

// Allows reports whether the role carries the permission.
func (r Role) Allows(p Permission) bool {
	for _, allowed := range may[p] {
		if r == allowed {
			return true
		}
	}
	return false
}

// Actor is a signed-in person as the rules see one.
type Actor struct {
	Person  PersonID
	Session string // names the login session, for its audit rows and for ending it; not its secret
	Name    string // as on the certificate; "" until the profile is filled in
	Email   Email
	Country Country
	Zone    Zone
	// Language is the one they chose for pages and mail, "" for none.
	Language Language
	Roles    []RoleGrant

	Organisations []OrganisationGrant
}

// Can reports whether the actor may do p in the scope.
func (a Actor) Can(p Permission, s Scope) bool {
	for _, g := range a.Roles {
		if g.Role.Allows(p) && g.covers(s) {
			return true
		}
	}
	return false
}

// Staff reports whether the actor has a role of staff in the scope.
func (a Actor) Staff(s Scope) bool {
	for _, g := range a.Roles {
		if g.Role.Staff() && g.covers(s) {
			return true
		}
	}
	return false
}

// Runs reports whether the actor is an admin of the whole organisation.
func (a Actor) Runs(o OrganisationID) bool {
	for _, g := range a.Organisations {
		if g.Role == Admin && g.Organisation == o && o != "" {
			return true
		}
	}
	return false
}

// NeedOrganisation returns nil when the actor runs the organisation, else ErrNotFound: of an organisation others
// see its programmes only.
func (a Actor) NeedOrganisation(o OrganisationID) error {
	if a.Runs(o) {
		return nil
	}
	return ErrNotFound
}

// Has reports whether the actor holds the role in the scope.
func (a Actor) Has(r Role, s Scope) bool {
	for _, g := range a.Roles {
		if g.Role == r && g.covers(s) {
			return true
		}
	}
	return false
}

// Works reports whether the actor works in the scope, as which they see what is not published yet.
func (a Actor) Works(s Scope) bool {
	for _, g := range a.Roles {
		if g.Role.Staff() && g.Role != Sponsor && g.covers(s) {
			return true
		}
	}
	return false
}

// Need returns nil when the actor may do p in the scope. Otherwise the error is ErrNotFound when the
// actor has no part there at all, because then it is none of their business that it exists, else
// ErrForbidden.
func (a Actor) Need(p Permission, s Scope) error {
	switch {
	case a.Can(p, s):
		return nil
	case s == (Scope{}) || a.Can(Know, s):
		return &Problem{Kind: ErrForbidden, Code: "role"}
	}
	return ErrNotFound
}
