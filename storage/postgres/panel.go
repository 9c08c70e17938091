package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// PanelMember is somebody who takes part in a course, or could.
type PanelMember struct {
	lms.Standing
	Name string
}

// selectPanel reads who takes part in a course ($1) of a programme ($2): staff who publish by their role, and
// attendees who were asked in, or if they are named in $3, could be. Of a person with several roles the first counts.
const selectPanel = `
	select persons.id, persons.name, held.role, coalesce(panel.on_air, '{}'), coalesce(panel.muted, false), coalesce(panel.asks, false),
		panel.person_id is not null
	from (
		select distinct on (person_id) person_id, role from (
			select person_id, case role when 'presenter' then 'presenter' else 'moderator' end as role,
				case role when 'presenter' then 1 else 2 end as rank
			from programme_grants where programme_id = $2 and (course_id is null or course_id = $1)
				and role in ('presenter', 'moderator', 'producer', 'admin')
			union all
			select person_id, 'panellist', 3 from panel where course_id = $1 and panellist
			union all
			select person_id, 'attendee', 4 from enrolments where programme_id = $2 and person_id = any($3::uuid[])
		) roles order by person_id, rank
	) held
	join persons on persons.id = held.person_id
	left join panel on panel.course_id = $1 and panel.person_id = held.person_id and (panel.panellist or held.role <> 'attendee')
	order by persons.name, persons.id`

func loadPanel(ctx context.Context, tx pgx.Tx, scope lms.Scope, also []string) ([]PanelMember, error) {
	rows, err := tx.Query(ctx, selectPanel, scope.Course, scope.Programme, also)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (PanelMember, error) {
		var m PanelMember
		var onAir []lms.PanelSource
		var decided bool
		err := row.Scan(&m.Person, &m.Name, &m.Role, &onAir, &m.Muted, &m.Asks, &decided)
		if m.OnAir = onAir; !decided {
			m.Standing = lms.NewStanding(m.Person, m.Role)
		}
		return m, err
	})
}

// scopeOf returns where a course of one of the actor's programmes lies, when the actor holds the permission there.
func scopeOf(ctx context.Context, tx pgx.Tx, actor lms.Actor, course lms.CourseID, need lms.Permission) (lms.Scope, error) {
	scope := lms.Scope{Course: course}
	err := tx.QueryRow(ctx, `select programme_id from courses where id = $1 and programme_id = any($2::uuid[])`,
		course, programmesOf(actor)).Scan(&scope.Programme)
	if err != nil {
		return scope, found(err)
	}
	return scope, actor.Need(need, scope)
}

// Panel lists those who take part in a course by their role, and those who were asked in. Errors: lms.ErrNotFound,
// lms.ErrForbidden.
func (db *DB) Panel(ctx context.Context, actor lms.Actor, course lms.CourseID) (members []PanelMember, err error) {
	err = db.tx(ctx, "list panel", func(tx pgx.Tx, _ time.Time) error {
		scope, err := scopeOf(ctx, tx, actor, course, lms.JoinPanel)
		if err == nil {
			members, err = loadPanel(ctx, tx, scope, nil)
		}
		return err
	})
	return members, err
}

// PanelCandidates returns which of some persons, such as those connected now, may be asked in. Errors: as Panel.
func (db *DB) PanelCandidates(ctx context.Context, actor lms.Actor, course lms.CourseID, persons []lms.PersonID) (list []PanelMember, err error) {
	ids := make([]string, 0, len(persons))
	for _, id := range persons {
		ids = append(ids, string(id))
	}
	err = db.tx(ctx, "list candidates", func(tx pgx.Tx, _ time.Time) error {
		scope, err := scopeOf(ctx, tx, actor, course, lms.Direct)
		if err != nil {
			return err
		}
		all, err := loadPanel(ctx, tx, scope, ids)
		for _, m := range all {
			if m.Role == lms.Attendee {
				list = append(list, m)
			}
		}
		return err
	})
	return list, err
}

// PanelStanding returns what of a person may be seen and heard in a course; the role is Attendee of somebody who takes
// no part. Errors: lms.ErrNotFound.
func (db *DB) PanelStanding(ctx context.Context, actor lms.Actor, course lms.CourseID) (m PanelMember, err error) {
	err = db.tx(ctx, "look at standing", func(tx pgx.Tx, _ time.Time) error {
		scope, err := scopeOf(ctx, tx, actor, course, lms.Watch)
		if err == nil {
			m, _, err = panelMember(ctx, tx, scope, actor.Person)
		}
		return err
	})
	return m, err
}

// panelMember returns one person of a course, and how many panellists there are.
func panelMember(ctx context.Context, tx pgx.Tx, scope lms.Scope, person lms.PersonID) (m PanelMember, panellists int, err error) {
	all, err := loadPanel(ctx, tx, scope, []string{string(person)})
	if err != nil {
		return m, 0, err
	}
	for _, one := range all {
		if one.Role == lms.Panellist {
			panellists++
		}
		if one.Person == person {
			m = one
		}
	}
	if m.Person == "" {
		return m, 0, lms.ErrNotFound
	}
	return m, panellists, nil
}

// DirectPanel does something with a person of the panel. Errors: those of lms.Standing.Apply, and lms.ErrNotFound.
func (db *DB) DirectPanel(ctx context.Context, actor lms.Actor, course lms.CourseID, person lms.PersonID, action lms.PanelAction, source lms.PanelSource) (m PanelMember, err error) {
	err = db.tx(ctx, "direct panel", func(tx pgx.Tx, now time.Time) error {
		scope, err := scopeOf(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		// One decision at a time: the number of panellists is counted before one more is let in.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('panel ' || $1, 0))`, string(course)); err != nil {
			return err
		}
		before, panellists, err := panelMember(ctx, tx, scope, person)
		if err != nil {
			return err
		}
		after, err := before.Apply(actor, scope, action, source, panellists)
		if err != nil {
			return err
		}
		if err := savePanel(ctx, tx, now, actor, course, after); err != nil {
			return err
		}
		m = PanelMember{Standing: after, Name: before.Name}
		return audit(ctx, tx, now, actor, deed{
			action: "direct panel", scope: scope, object: string(person), detail: map[string]any{"action": action, "source": source},
		})
	})
	return m, err
}

func savePanel(ctx context.Context, tx pgx.Tx, now time.Time, actor lms.Actor, course lms.CourseID, s lms.Standing) error {
	onAir := make([]string, 0, len(s.OnAir))
	for _, source := range s.OnAir {
		onAir = append(onAir, string(source))
	}
	_, err := tx.Exec(ctx, `
		insert into panel (course_id, person_id, panellist, on_air, muted, asks, changed_by, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (course_id, person_id) do update set panellist = excluded.panellist, on_air = excluded.on_air,
			muted = excluded.muted, asks = excluded.asks, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
		course, s.Person, s.Role == lms.Panellist, onAir, s.Muted, s.Asks, orNull(actor.Person), now)
	return err
}
