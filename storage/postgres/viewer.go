package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Viewer is somebody who watches a course: by a login session, or by a bearer token, whose ID it is.
type Viewer struct {
	ID     string
	Course lms.CourseID
}

// TurnedAway returns the indices of those viewers who may not watch their course any longer: the session or token has
// ended, or the person is no longer of the programme. It is one statement for all viewers of an edge.
func (db *DB) TurnedAway(ctx context.Context, viewers []Viewer) ([]int, error) {
	ids, courses := make([]string, len(viewers)), make([]string, len(viewers))
	for i, v := range viewers {
		ids[i], courses[i] = v.ID, string(v.Course)
	}
	rows, err := db.pool.Query(ctx, `
		select asked.n from unnest($1::text[], $2::uuid[]) with ordinality as asked (id, course_id, n)
		where not exists (
			select from sessions join courses on courses.id = asked.course_id
			where sessions.id::text = asked.id and sessions.revoked_at is null and sessions.expires_at > $3
			and (exists (select from enrolments where enrolments.person_id = sessions.person_id
					and enrolments.programme_id = courses.programme_id)
				or exists (select from programme_grants where programme_grants.person_id = sessions.person_id
					and programme_grants.programme_id = courses.programme_id and programme_grants.role = any($4)
					and (programme_grants.course_id is null or programme_grants.course_id = courses.id)))
		) and not exists (
			select from access_tokens
			where access_tokens.id::text = asked.id and access_tokens.course_id = asked.course_id
			and access_tokens.revoked_at is null and access_tokens.expires_at > $3
		)`, ids, courses, db.now(), lms.Watch.Roles())
	if err != nil {
		return nil, fmt.Errorf("look for viewers turned away: %w", err)
	}
	places, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, fmt.Errorf("look for viewers turned away: %w", err)
	}
	for i := range places {
		places[i]-- // ordinality counts from one
	}
	return places, nil
}
