package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// auditPage is how many deeds one page has.
const auditPage = 50

// AuditQuery looks for deeds. Empty fields do not narrow.
type AuditQuery struct {
	Words  string // each must be part of the action, the course's title or the actor's name, in any case
	Before int64  // id of the last deed of the page before; 0 for the first page
}

// AuditEntry is a deed as an admin sees it.
type AuditEntry struct {
	ID      int64
	At      time.Time
	Actor   PersonRef // without ID for the operator, a bearer token or a job
	Action  string
	Course  CourseRef // without ID for deeds about the programme
	Object  string
	Detail  map[string]any
	Request string
	Source  string // the client's address; "" once it is forgotten, or for the operator
	Sealed  bool   // in the chain of hashes
}

// CourseRef names a course.
type CourseRef struct {
	ID     lms.CourseID
	Number int
	Title  string
}

// Audit lists the deeds in a programme, newest first, and whether there are more. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Audit(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, q AuditQuery) (entries []AuditEntry, more bool, err error) {
	if err := actor.Need(lms.ReadAudit, lms.Scope{Programme: programme}); err != nil {
		return nil, false, err
	}
	err = db.tx(ctx, "read audit", func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, `
			select audit.id, audit.at, audit.actor_id::text, coalesce(persons.name, ''), audit.action, courses.id::text, coalesce(courses.number, 0),
				coalesce(courses.title, ''), audit.object, audit.detail, audit.request, coalesce(host(audit.source), ''),
				exists (select from audit_chain where audit_chain.audit_id = audit.id)
			from audit
			left join persons on persons.id = audit.actor_id
			left join courses on courses.id = audit.course_id and courses.programme_id = audit.programme_id
			where audit.programme_id = $1 and ($2 = 0 or audit.id < $2)
				and not exists (select from unnest($3::text[]) word
					where position(word in lower(audit.action || ' ' || coalesce(courses.title, '') || ' ' || coalesce(persons.name, ''))) = 0)
			order by audit.id desc limit $4`, programme, q.Before, strings.Fields(strings.ToLower(q.Words)), auditPage+1)
		if err != nil {
			return err
		}
		entries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e AuditEntry, err error) {
			var person, course *string
			err = row.Scan(&e.ID, &e.At, &person, &e.Actor.Name, &e.Action, &course, &e.Course.Number, &e.Course.Title, &e.Object, &e.Detail,
				&e.Request, &e.Source, &e.Sealed)
			e.Actor.ID, e.Course.ID = lms.PersonID(orEmpty(person)), lms.CourseID(orEmpty(course))
			return e, err
		})
		return err
	})
	if len(entries) > auditPage {
		return entries[:auditPage], true, err
	}
	return entries, false, err
}
