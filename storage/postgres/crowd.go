package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// Crowd is a lecture on air with people who are signed in, for load tests. The sessions are secrets of cookies.
type Crowd struct {
	Course    lms.CourseID    `json:"course"`
	Broadcast lms.BroadcastID `json:"broadcast"`
	Moderator string          `json:"moderator"`
	Attendees []string        `json:"attendees"`
}

// Crowd makes a demo programme whose first lecture is on air, n enrolled attendees and a moderator, all signed in. It
// is asked for by the operator at the command line. A server takes up what is on air when it starts.
func (db *DB) Crowd(ctx context.Context, n int) (Crowd, error) {
	demo, err := db.Demo(ctx, DemoSpec{Codes: 1})
	if err != nil {
		return Crowd{}, err
	}
	var c Crowd
	var presenter lms.PersonID
	err = db.tx(ctx, "sign a crowd in", func(tx pgx.Tx, now time.Time) error {
		c = Crowd{Course: demo.Course}
		var moderator lms.PersonID
		err := tx.QueryRow(ctx, `
			select (select person_id::text from role_grants where programme_id = $1 and role = 'moderator'),
				(select person_id::text from role_grants where programme_id = $1 and role = 'presenter')`, demo.Programme).Scan(&moderator, &presenter)
		if err != nil {
			return err
		}
		session, err := db.startSession(ctx, tx, now, moderator, nil, "load test")
		if err != nil {
			return err
		}
		c.Moderator = session.Token
		hashes := make([][]byte, n)
		for i := range n {
			token, err := lms.NewSecret(db.random)
			if err != nil {
				return err
			}
			c.Attendees = append(c.Attendees, token)
			hashes[i] = db.pepper.Hash(lms.ForSession, token)
		}
		_, err = tx.Exec(ctx, `
			with wanted as (select n, hash from unnest($2::bytea[]) with ordinality as t (hash, n)),
			people as (
				insert into persons (email, name, country, zone, created_at)
				select 'crowd-' || n || '-' || left($1::uuid::text, 8) || '@demo.example', 'Dr Crowd ' || n, 'IN', 'Asia/Kolkata', $3 from wanted
				returning id, email
			), enrolled as (
				insert into enrolments (person_id, programme_id, enrolled_at) select id, $1::uuid, $3 from people
			)
			insert into sessions (person_id, hash, device, created_at, seen_at, expires_at)
			select people.id, wanted.hash, 'load test', $3, $3, $4 from wanted
			join people on people.email = 'crowd-' || wanted.n || '-' || left($1::uuid::text, 8) || '@demo.example'`,
			demo.Programme, hashes, now, now.Add(sessionLife))
		return err
	})
	if err != nil {
		return c, err
	}
	b, err := db.GoOnAir(ctx, lms.Actor{Person: presenter, Roles: []lms.RoleGrant{{Role: lms.Presenter, Programme: demo.Programme}}}, demo.Course)
	if err != nil {
		return c, fmt.Errorf("put the crowd's lecture on air: %w", err)
	}
	c.Broadcast = b.ID
	return c, nil
}
