package postgres_test

import (
	"errors"
	"slices"
	"testing"

	"lectern/lms"
	"lectern/storage/postgres"
)

// TestPanel asks an attendee in, decides things and puts them back, and holds what the scope is.
func TestPanel(t *testing.T) {
	w := newWorld(t)
	ours, theirs := w.ours, w.theirs
	do := func(actor lms.Actor, person lms.PersonID, action lms.PanelAction, want error) postgres.PanelMember {
		t.Helper()
		m, err := w.db.DirectPanel(t.Context(), actor, ours.course, person, action, "")
		if !errors.Is(err, want) {
			t.Fatalf("%s: error %v, want %v", action, err, want)
		}
		return m
	}
	again := func(a lms.Actor) lms.Actor { // as the next request of the same session finds them
		t.Helper()
		a.Roles = nil
		rows, err := w.conn.Query(t.Context(), `
			select 'attendee', programme_id::text, '' from enrolments where person_id = $1
			union all select 'panellist', courses.programme_id::text, courses.id::text from panel join courses on courses.id = panel.course_id
			where person_id = $1 and panellist`, a.Person)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var g lms.RoleGrant
			if err := rows.Scan(&g.Role, &g.Programme, &g.Course); err != nil {
				t.Fatal(err)
			}
			a.Roles = append(a.Roles, g)
		}
		return a
	}
	guest := ours.attendee.Person

	do(ours.attendee, guest, lms.PanelPromote, lms.ErrForbidden)
	do(theirs.moderator, guest, lms.PanelPromote, lms.ErrNotFound)
	do(ours.moderator, theirs.attendee.Person, lms.PanelPromote, lms.ErrNotFound)
	if _, err := w.db.Panel(t.Context(), ours.attendee, ours.course); !errors.Is(err, lms.ErrForbidden) {
		t.Errorf("an attendee sees the panel: %v", err)
	}
	candidates, err := w.db.PanelCandidates(t.Context(), ours.moderator, ours.course, []lms.PersonID{guest, theirs.attendee.Person, ours.presenter.Person})
	if err != nil || len(candidates) != 1 || candidates[0].Person != guest || candidates[0].Name != ours.attendee.Name {
		t.Errorf("candidates %+v, %v", candidates, err)
	}

	if m := do(ours.presenter, guest, lms.PanelPromote, nil); m.Role != lms.Panellist || len(m.OnAir) != 0 || m.Name != ours.attendee.Name {
		t.Errorf("promoted: %+v", m)
	}
	onPanel := again(ours.attendee)
	if !onPanel.Can(lms.JoinPanel, lms.Scope{Programme: ours.id, Course: ours.course}) {
		t.Errorf("roles %+v", onPanel.Roles)
	}
	members, err := w.db.Panel(t.Context(), onPanel, ours.course)
	if err != nil {
		t.Fatal(err)
	}
	roles := map[lms.PersonID]lms.Role{}
	for _, m := range members {
		roles[m.Person] = m.Role
	}
	if roles[guest] != lms.Panellist || roles[ours.presenter.Person] != lms.Presenter || roles[ours.moderator.Person] != lms.Moderator || roles[theirs.presenter.Person] != "" {
		t.Errorf("panel %+v", members)
	}

	do(ours.moderator, guest, lms.PanelOnAir, nil)
	do(ours.moderator, guest, lms.PanelMute, nil)
	do(onPanel, guest, lms.PanelUnmute, lms.ErrForbidden)
	do(onPanel, guest, lms.PanelAskUnmute, nil)
	m, err := w.db.PanelStanding(t.Context(), onPanel, ours.course)
	if err != nil || !m.Muted || !m.Asks || !slices.Equal(m.OnAir, []lms.PanelSource{"camera", "microphone", "screen"}) {
		t.Errorf("standing %+v, %v", m, err)
	}
	do(ours.presenter, ours.presenter.Person, lms.PanelOffAir, nil)
	if m, err := w.db.PanelStanding(t.Context(), ours.presenter, ours.course); err != nil || m.Role != lms.Presenter || len(m.OnAir) != 0 {
		t.Errorf("a presenter off air: %+v, %v", m, err)
	}

	do(ours.moderator, guest, lms.PanelPutBack, nil)
	back := again(ours.attendee)
	if m, err := w.db.PanelStanding(t.Context(), back, ours.course); err != nil || m.Role != lms.Attendee || m.Muted || len(m.OnAir) != 0 {
		t.Errorf("put back: %+v, %v", m, err)
	}
	do(back, guest, lms.PanelOffAir, lms.ErrForbidden)
	var rows int
	err = w.conn.QueryRow(t.Context(), `select count(*) from audit where action = 'direct panel' and course_id = $1`, ours.course).Scan(&rows)
	if err != nil || rows != 6 {
		t.Errorf("%d rows of audit, %v", rows, err)
	}
}

// TestPanelRoleIsTheSessions holds that who was asked in may publish with the session they have, until they are put back.
func TestPanelRoleIsTheSessions(t *testing.T) {
	w := newWorld(t)
	d, err := w.db.Demo(t.Context(), postgres.DemoSpec{})
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := w.db.RedeemJoinLink(t.Context(), d.Attend[0], "", "test")
	if err != nil {
		t.Fatal(err)
	}
	moderator := w.join(d.Console)
	scope := lms.Scope{Programme: d.Programme, Course: d.Course}
	for _, step := range []struct {
		action lms.PanelAction
		want   bool
	}{{lms.PanelPromote, true}, {lms.PanelPutBack, false}} {
		actor, err := w.db.SessionPerson(t.Context(), session.Token)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.DirectPanel(t.Context(), moderator, d.Course, actor.Person, step.action, ""); err != nil {
			t.Fatal(err)
		}
		if actor, err = w.db.SessionPerson(t.Context(), session.Token); err != nil || actor.Can(lms.JoinPanel, scope) != step.want {
			t.Errorf("after %s: %+v, %v", step.action, actor.Roles, err)
		}
		if actor.Can(lms.Present, scope) || !actor.Can(lms.Watch, scope) {
			t.Errorf("after %s: %+v", step.action, actor.Roles)
		}
	}
}
