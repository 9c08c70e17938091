package lms

// The identifiers of what the learning side knows. Each is a UUID in its lower-case text form. They
// are distinct types so that the compiler refuses a course where a programme is meant.
type (
	// OrganisationID names an organisation: whoever runs programmes, with people and a way to sign in of its own.
	OrganisationID string
	// ProgrammeID names a programme: a series of courses with its own people.
	ProgrammeID string
	// CourseID names one course, which is one lecture. It is also the name of its room.
	CourseID string
	// PersonID names a person. All that is recorded about somebody hangs on it, never on a connection.
	PersonID string
	// BroadcastID names one broadcast: the session timeline of a course.
	BroadcastID string
	// QuestionID names a question of the audience.
	QuestionID string
	// BatchID names a batch of access codes.
	BatchID string
	// ItemID names a question of a test, in all its versions.
	ItemID string
	// AttemptID names one try at a test.
	AttemptID string
	// RehearsalID names one rehearsal of a course.
	RehearsalID string
	// FacultyID names the role of one person in the faculty.
	FacultyID string
)

// ID is any of the identifiers.
type ID interface {
	OrganisationID | ProgrammeID | CourseID | PersonID | BroadcastID | QuestionID | MaterialID | BatchID | ItemID | AttemptID | RehearsalID | FacultyID
}

// ParseID reads an identifier from outside. What is not a lower-case UUID cannot be the name of
// anything here, so the error is ErrNotFound, exactly as for a well-formed name of nothing.
func ParseID[T ID](s string) (T, error) {
	if !isUUID(s) {
		return "", ErrNotFound
	}
	return T(s), nil
}

// isUUID reports whether s has the 8-4-4-4-12 lower-case hexadecimal form (RFC 9562 section 4).
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
