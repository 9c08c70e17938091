package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// DemoSpec says how large a demo programme is.
type DemoSpec struct {
	Codes int // unused access codes; 0 is 20
}

// Demo is a programme to try everything out with. The links are tokens of personal links, one use each.
type Demo struct {
	Programme lms.ProgrammeID
	Course    lms.CourseID // the first one, which begins now
	Admin     string
	Studio    string // of the presenter
	Console   string // of the moderator
	Attend    []string
	Codes     []lms.AccessCode
}

// demoZone has no daylight saving time, so that no demo falls into a gap.
const demoZone lms.Zone = "Asia/Kolkata"

var demoCourses = [...]struct{ title, summary string }{
	{"Ovarian reserve: what AMH and follicle count predict", "How far a number goes in counselling: the yield of oocytes, yes; the chance of a child, hardly. With thresholds that hold across assays."},
	{"Stimulation: choosing the protocol", "Antagonist, long agonist or progestin-primed, dose by weight and reserve, and what to do when the first cycle disappoints."},
	{"Trigger and luteal support", "hCG, agonist or both; when the luteal phase needs help, with what and for how long."},
	{"Oocyte retrieval: technique and complications", "Anaesthesia, aspiration pressure, flushing, and the three complications that everybody must recognise the same evening."},
	{"Embryo culture and time-lapse selection", "What continuous observation adds to a good morphologist, and where the evidence ends."},
	{"Preimplantation genetic testing: who benefits", "Aneuploidy by age, mosaic results, and how to speak about a test that can discard a healthy embryo."},
	{"The endometrium and the day of transfer", "Natural or programmed cycle, thickness, timing, and receptivity tests read with caution."},
	{"Recurrent implantation failure", "A definition that depends on age, the few investigations that change treatment, and the many that do not."},
	{"OHSS: prevention and early management", "Recognise the patient at risk before the trigger, choose the trigger accordingly, and manage the early form at home."},
	{"Single embryo transfer and pregnancy outcome", "Why one is enough, for whom it may not be, and how a programme moves there without losing its results."},
}

// demoPerson is somebody in the demo.
type demoPerson struct {
	local, name string // of the address
	country     lms.Country
	zone        lms.Zone
	role        lms.Role
}

var demoPeople = [...]demoPerson{
	{"admin", "Programme Office", "IN", "Asia/Kolkata", lms.Admin},
	{"presenter", "Dr Meera Nambiar", "IN", "Asia/Kolkata", lms.Presenter},
	{"moderator", "Dr Tomás Ferreira", "PT", "Europe/Lisbon", lms.Moderator},
	{"wanjiru", "Dr Grace Wanjiru", "KE", "Africa/Nairobi", lms.Attendee},
	{"hoffmann", "Dr Jonas Hoffmann", "DE", "Europe/Berlin", lms.Attendee},
	{"perera", "Dr Dilani Perera", "LK", "Asia/Colombo", lms.Attendee},
	{"mansour", "Dr Youssef Mansour", "EG", "Africa/Cairo", lms.Attendee},
	{"nguyen", "Dr Nguyễn Thu Hà", "VN", "Asia/Ho_Chi_Minh", lms.Attendee},
	{"adeyemi", "Dr Folake Adeyemi", "NG", "Africa/Lagos", lms.Attendee},
}

// Demo makes a programme of ten courses, of which the first begins now and the others follow weekly, with an
// admin, a presenter, a moderator, attendees and unused access codes. It is asked for by the operator at the
// command line. Each call makes another programme with people of its own.
func (db *DB) Demo(ctx context.Context, spec DemoSpec) (Demo, error) {
	if spec.Codes == 0 {
		spec.Codes = 20
	}
	var d Demo
	err := db.tx(ctx, "create demo", func(tx pgx.Tx, now time.Time) error {
		var earlier int
		if err := tx.QueryRow(ctx, `select count(*) from programmes`).Scan(&earlier); err != nil {
			return err
		}
		title := fmt.Sprintf("Reproductive Medicine and IVF, %d", demoZone.In(now).Year())
		organisation, err := demoOrganisation(ctx, tx, now, earlier)
		if err != nil {
			return err
		}
		if d.Programme, err = insertProgramme(ctx, tx, now, title, demoZone, organisation); err != nil {
			return err
		}
		if d.Course, err = insertDemoCourses(ctx, tx, now, d.Programme); err != nil {
			return err
		}
		if err := insertDemoLearning(ctx, tx, now, d.Programme, d.Course); err != nil {
			return fmt.Errorf("tests and credit: %w", err)
		}
		for _, p := range demoPeople {
			token, err := db.insertDemoPerson(ctx, tx, now, p, d, earlier)
			if err != nil {
				return fmt.Errorf("%s: %w", p.role, err)
			}
			d.keep(p.role, token)
		}
		_, d.Codes, err = db.insertCodes(ctx, tx, now, d.Programme, NewBatch{Label: "Invitations of the demo", Count: spec.Codes, Uses: 1})
		if err != nil {
			return err
		}
		if err := publishDemo(ctx, tx, now, d.Programme); err != nil {
			return err
		}
		return audit(ctx, tx, now, lms.Actor{}, deed{action: "create demo", scope: lms.Scope{Programme: d.Programme}})
	})
	return d, err
}

// demoOrganisation is whose programme a demo is: the first belongs to the organisation that is always there, later ones
// to strangers.
func demoOrganisation(ctx context.Context, tx pgx.Tx, now time.Time, earlier int) (lms.OrganisationID, error) {
	if earlier == 0 {
		return firstOrganisation, nil
	}
	return insertOrganisation(ctx, tx, now, fmt.Sprintf("Organisation %d", earlier+1))
}

// publishDemo publishes the demo, whose first course begins now and not in the future as others must.
func publishDemo(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID) error {
	description := "Ten lectures on reproductive medicine and IVF, one a week, with questions to the presenter."
	_, err := tx.Exec(ctx, `update programmes set draft = $2 where id = $1`, programme,
		lms.Settings{Description: description, Languages: []lms.Language{"en"}})
	if err != nil {
		return err
	}
	p, err := loadProgrammeNow(ctx, tx, now, programme, true)
	if err != nil {
		return err
	}
	_, err = publish(ctx, tx, now, lms.Actor{}, programme, p)
	return err
}

// insertDemoCourses schedules the first course for this very minute and returns it.
func insertDemoCourses(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID) (lms.CourseID, error) {
	var first lms.CourseID
	today := demoZone.In(now)
	for i, c := range demoCourses {
		local := lms.LocalTimeOf(today)
		if i > 0 {
			local = lms.LocalTimeOf(time.Date(today.Year(), today.Month(), today.Day()+7*i, 19, 30, 0, 0, time.UTC))
		}
		id, err := insertCourse(ctx, tx, now, programme, NewCourse{
			Title: c.title, Summary: c.summary, Schedule: lms.Schedule{Local: local, Zone: demoZone}, Minutes: 60,
		})
		if err != nil {
			return "", err
		}
		if i == 0 {
			first = id
		}
	}
	return first, nil
}

// insertDemoPerson makes somebody with their role and returns the token of their link. The people of a later
// demo have a number in their address.
func (db *DB) insertDemoPerson(ctx context.Context, tx pgx.Tx, now time.Time, p demoPerson, d Demo, earlier int) (string, error) {
	local := p.local
	if earlier > 0 {
		local = fmt.Sprintf("%s.%d", local, earlier+1)
	}
	email, err := lms.ParseEmail(strings.ToLower(local) + "@demo.example")
	if err != nil {
		return "", err
	}
	person, err := upsertPerson(ctx, tx, email, p.name, now)
	if err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, `update persons set country = $2, zone = $3 where id = $1`, person, p.country, p.zone); err != nil {
		return "", err
	}
	if p.role == lms.Admin {
		if err := grantOrganisation(ctx, tx, now, person, p.role, d.Programme); err != nil {
			return "", err
		}
	}
	if p.role.Staff() {
		err = grant(ctx, tx, now, person, lms.RoleGrant{Role: p.role, Programme: d.Programme})
	} else {
		_, err = tx.Exec(ctx, `insert into enrolments (person_id, programme_id, enrolled_at) values ($1, $2, $3)`, person, d.Programme, now)
	}
	if err != nil {
		return "", err
	}
	if p.role == lms.Presenter {
		if err := insertFaculty(ctx, tx, now, d.Programme, "", person, lms.Speaker); err != nil {
			return "", err
		}
		if _, err := insertDisclosure(ctx, tx, now, d.Programme, person, lms.Disclosure{None: true, Ties: []lms.Tie{}, Signed: p.name}); err != nil {
			return "", err
		}
	}
	_, token, err := db.insertJoinLink(ctx, tx, now, person, d.Programme, placeOf(p.role, d.Programme, d.Course))
	return token, err
}

func (d *Demo) keep(role lms.Role, token string) {
	switch role {
	case lms.Admin:
		d.Admin = token
	case lms.Presenter:
		d.Studio = token
	case lms.Moderator:
		d.Console = token
	case lms.Attendee:
		d.Attend = append(d.Attend, token)
	}
}
