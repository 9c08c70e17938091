package postgres

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// How long a login session lasts (trust S-07). Attendees stay signed in from one weekly lecture to the next;
// staff, who can change things, are signed out when they have been away for half a day.
const (
	sessionLife   = 7 * 24 * time.Hour
	staffIdle     = 12 * time.Hour
	sessionSeenBy = 5 * time.Minute // how exactly the last use is known
	// sessionOverlap is how long the old secret of a session is good beside a new one.
	sessionOverlap = time.Minute
)

// Session is a new login session.
type Session struct {
	Token  string // the secret for the cookie; the database keeps its hash
	Device string // the secret by which the browser is known later; "" when that is not asked for
}

var errSessionOver = &lms.Problem{Kind: lms.ErrExpired, Code: "signed_out"}

// startSession begins a session of a person: in all their programmes, or in the one that is given.
func (db *DB) startSession(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID, only *lms.ProgrammeID, userAgent string) (Session, error) {
	token, err := lms.NewSecret(db.random)
	if err != nil {
		return Session{}, err
	}
	var programmes []lms.ProgrammeID
	if only != nil {
		programmes = []lms.ProgrammeID{*only}
	}
	var id string
	err = tx.QueryRow(ctx, `
		insert into sessions (person_id, hash, device, country, created_at, seen_at, expires_at, programmes)
		values ($1, $2, $3, $4, $5, $5, $6, $7) returning id`,
		person, db.pepper.Hash(lms.ForSession, token), device(userAgent), countryOf(ctx), now, now.Add(sessionLife), programmes).Scan(&id)
	if err != nil {
		return Session{}, err
	}
	return Session{Token: token}, audit(ctx, tx, now, lms.Actor{Person: person, Session: id}, deed{action: "sign in"})
}

// widen lets a session that is bound to some programmes into one that it has made itself.
func widen(ctx context.Context, tx pgx.Tx, session string, programme lms.ProgrammeID) error {
	if session == "" {
		return nil // no session made it
	}
	_, err := tx.Exec(ctx, `update sessions set programmes = programmes || $2::uuid where id = $1 and programmes is not null`, session, programme)
	return err
}

// device is the part of a browser's name that a list of devices shows.
func device(userAgent string) string {
	userAgent = strings.ReplaceAll(strings.ToValidUTF8(userAgent, ""), "\x00", "")
	for n := range userAgent {
		if n > 200-utf8.UTFMax {
			return userAgent[:n]
		}
	}
	return userAgent
}

// heldRoles joins, as held, every role that the person of a row of persons has now and the condition after it lets through.
const heldRoles = `
	left join lateral (
		select role, programme_id, course_id, null::uuid as organisation_id from programme_grants where programme_grants.person_id = persons.id
		union all
		select role, null, null, organisation_id from role_grants where role_grants.person_id = persons.id and organisation_id is not null
		union all
		select 'attendee', programme_id, null, null from enrolments join programmes on programmes.id = enrolments.programme_id
		where enrolments.person_id = persons.id and programmes.state <> 'draft'
		union all
		select 'panellist', courses.programme_id, courses.id, null from panel join courses on courses.id = panel.course_id
		where panel.person_id = persons.id and panel.panellist
	) held on `

// heldColumns are the fields of a heldRole.
const heldColumns = `held.role, held.programme_id, held.course_id, held.organisation_id`

// heldRole is a role of a row; all is null for somebody without any.
type heldRole struct {
	role         *lms.Role
	programme    *lms.ProgrammeID
	course       *lms.CourseID
	organisation *lms.OrganisationID
}

func (h *heldRole) fields() []any { return []any{&h.role, &h.programme, &h.course, &h.organisation} }

// grant gives the actor what the row holds.
func (h *heldRole) grant(a *lms.Actor) {
	switch {
	case h.role == nil:
	case h.organisation != nil:
		a.Organisations = append(a.Organisations, lms.OrganisationGrant{Role: *h.role, Organisation: *h.organisation})
	default:
		a.Roles = append(a.Roles, lms.RoleGrant{Role: *h.role, Programme: orEmpty(h.programme), Course: orEmpty(h.course)})
	}
}

// SessionPerson returns whose session a token is, with their roles as they are now. Errors: lms.ErrExpired
// when there is no such session or it has ended.
func (db *DB) SessionPerson(ctx context.Context, token string) (lms.Actor, error) {
	a, _, err := db.Session(ctx, token)
	return a, err
}

// Session is SessionPerson, and says whether the session is to get a new secret (RenewSession).
func (db *DB) Session(ctx context.Context, token string) (a lms.Actor, renew bool, err error) {
	now := db.now()
	rows, err := db.pool.Query(ctx, `
		select sessions.id, sessions.seen_at, sessions.renew and sessions.hash = $1, persons.id, persons.name, persons.email, persons.country, persons.zone, persons.language,
			`+heldColumns+`
		from sessions
		join persons on persons.id = sessions.person_id`+heldRoles+` sessions.programmes is null or held.programme_id = any(sessions.programmes)
		where (sessions.hash = $1 or sessions.previous_hash = $1 and sessions.previous_until > $2) and sessions.revoked_at is null and sessions.expires_at > $2
		order by `+heldColumns,
		db.pepper.Hash(lms.ForSession, token), now)
	if err != nil {
		return lms.Actor{}, false, err
	}
	var seen time.Time
	var held heldRole
	staff := false
	_, err = pgx.ForEachRow(rows, append([]any{&a.Session, &seen, &renew, &a.Person, &a.Name, &a.Email, &a.Country, &a.Zone, &a.Language}, held.fields()...), func() error {
		held.grant(&a)
		staff = staff || held.role != nil && held.role.Staff()
		return nil
	})
	if err != nil {
		return lms.Actor{}, false, err
	}
	if a.Person == "" || staff && now.Sub(seen) > staffIdle {
		return lms.Actor{}, false, errSessionOver
	}
	if now.Sub(seen) > sessionSeenBy {
		_, err = db.pool.Exec(ctx, `update sessions set seen_at = $2 where id = $1 and seen_at < $2`, a.Session, now)
	}
	return a, renew, err
}

// RenewSession gives a session a new secret and lets the old one be good for as long as requests that carry it may be under way.
// The secret is "" when another request has done so.
func (db *DB) RenewSession(ctx context.Context, token string) (string, error) {
	secret, err := lms.NewSecret(db.random)
	if err != nil {
		return "", err
	}
	err = db.tx(ctx, "renew session", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `
			update sessions set previous_hash = hash, previous_until = $3, hash = $2, renew = false
			where hash = $1 and renew and revoked_at is null`,
			db.pepper.Hash(lms.ForSession, token), db.pepper.Hash(lms.ForSession, secret), now.Add(sessionOverlap))
		if err == nil && tag.RowsAffected() == 0 {
			secret = ""
		}
		return err
	})
	return secret, err
}

// renewSessions has all sessions of somebody whose rights change get a new secret when they are used next, and names them.
func renewSessions(ctx context.Context, tx pgx.Tx, now time.Time, person lms.PersonID) ([]string, error) {
	rows, err := tx.Query(ctx, `
		update sessions set renew = true where person_id = $1 and revoked_at is null and expires_at > $2 returning id::text`, person, now)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// SignOut ends a session. Errors: lms.ErrNotFound when it was none.
func (db *DB) SignOut(ctx context.Context, token string) error {
	return db.tx(ctx, "sign out", func(tx pgx.Tx, now time.Time) error {
		var a lms.Actor
		err := tx.QueryRow(ctx, `
			update sessions set revoked_at = $2 where (hash = $1 or previous_hash = $1) and revoked_at is null returning id, person_id`,
			db.pepper.Hash(lms.ForSession, token), now).Scan(&a.Session, &a.Person)
		if err != nil {
			return found(err)
		}
		return audit(ctx, tx, now, a, deed{action: "sign out"})
	})
}

// SetProfile stores what the actor says about themself.
func (db *DB) SetProfile(ctx context.Context, actor lms.Actor, p lms.Profile) error {
	return db.tx(ctx, "set profile", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `update persons set name = $2, country = $3, zone = $4 where id = $1`,
			actor.Person, p.Name, p.Country, p.Zone)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return lms.ErrNotFound
		}
		return audit(ctx, tx, now, actor, deed{action: "set profile"})
	})
}

// SetLanguage stores the language in which the actor reads pages and mail.
func (db *DB) SetLanguage(ctx context.Context, actor lms.Actor, language lms.Language) error {
	return db.tx(ctx, "set language", func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, `update persons set language = $2 where id = $1 and language <> $2`, orNull(actor.Person), language)
		if err != nil || tag.RowsAffected() == 0 {
			return err // it was so already
		}
		return audit(ctx, tx, now, actor, deed{action: "set language", detail: map[string]any{"language": language}})
	})
}
