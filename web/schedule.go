package web

import (
	"net/http"

	"lectern/lms"
	"lectern/storage/postgres"
)

// courseBody is what an admin enters of a course. Fields that are missing stay as they are in a change and are
// empty in a new course.
type courseBody struct {
	Version int     `json:"version"` // of the course that is changed
	Title   *string `json:"title"`
	Summary *string `json:"summary"`
	Local   *string `json:"local"`
	Zone    *string `json:"zone"`
	Minutes *int    `json:"minutes"`
	Fold    *int    `json:"fold"` // 0 the earlier, 1 the later, when local comes twice

	Recorded *bool `json:"recorded"` // a new course is, unless told otherwise
}

// schedule reads the parts of the schedule that were sent.
func (b courseBody) schedule() (local *lms.LocalTime, zone *lms.Zone, fold lms.Fold, err error) {
	if b.Local != nil {
		l, err := lms.ParseLocalTime(*b.Local)
		if err != nil {
			return nil, nil, "", err
		}
		local = &l
	}
	if b.Zone != nil {
		z, err := lms.ParseZone(*b.Zone)
		if err != nil {
			return nil, nil, "", err
		}
		zone = &z
	}
	if b.Fold != nil {
		switch *b.Fold {
		case 0:
			fold = lms.FoldEarlier
		case 1:
			fold = lms.FoldLater
		default:
			return nil, nil, "", &lms.Problem{Kind: lms.ErrInvalid, Field: "fold", Message: "Say 0 for the earlier or 1 for the later."}
		}
	}
	return local, zone, fold, nil
}

func postCourse(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body courseBody
	if err := readJSON(r, &body); err != nil {
		return err
	}
	local, zone, fold, err := body.schedule()
	if err != nil {
		return err
	}
	course := postgres.NewCourse{Schedule: lms.Schedule{Fold: fold}, Title: or(body.Title), Summary: or(body.Summary), Minutes: or(body.Minutes)}
	course.Unrecorded = body.Recorded != nil && !*body.Recorded
	if local == nil {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "local", Message: "Enter date and time like 2026-11-22T19:30."}
	}
	if zone == nil {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "zone", Message: "Choose the time zone that date and time are meant in."}
	}
	course.Schedule.Local, course.Schedule.Zone = *local, *zone
	c.courseID, err = s.db.AddCourse(r.Context(), c.actor, c.programme, course)
	if err != nil {
		return err
	}
	return s.sendCourse(w, r, c, http.StatusCreated)
}

func patchCourse(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body courseBody
	if err := readJSON(r, &body); err != nil {
		return err
	}
	local, zone, fold, err := body.schedule()
	if err != nil {
		return err
	}
	change := postgres.CourseChange{
		Version: body.Version, Title: body.Title, Summary: body.Summary, Minutes: body.Minutes, Local: local, Zone: zone, Fold: fold,
		Recorded: body.Recorded,
	}
	if err := s.db.UpdateCourse(r.Context(), c.actor, c.courseID, change); err != nil {
		return err
	}
	return s.sendCourse(w, r, c, http.StatusOK)
}

// or is the value of a field, or its zero value when it was not sent.
func or[T any](field *T) T {
	if field == nil {
		var zero T
		return zero
	}
	return *field
}
