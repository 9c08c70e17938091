package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// TestItem is a question of a course's bank in its newest version.
type TestItem struct {
	ID      lms.ItemID
	Version int
	Item    lms.Item
	Figures lms.ItemFigures // of all versions
}

// TestBank is the test of a course as its admin sees it.
type TestBank struct {
	Settings lms.TestSettings
	Version  int // of the settings; 0 when there is no test yet
	Items    []TestItem
}

// defaultTest is how a test is held until an admin says otherwise.
var defaultTest = lms.TestSettings{PassMark: 0.7, Attempts: 2}

// maxTestItems bounds a bank.
const maxTestItems = 200

// TestBank returns the test of a course with the figures of its items. It needs lms.Manage.
func (db *DB) TestBank(ctx context.Context, actor lms.Actor, course lms.CourseID) (TestBank, error) {
	bank := TestBank{Settings: defaultTest}
	err := db.tx(ctx, "look at test", func(tx pgx.Tx, _ time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `select settings, version from tests where course_id = $1`, c.scope.Course).Scan(&bank.Settings, &bank.Version)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if bank.Items, err = loadItems(ctx, tx, c.scope.Course); err != nil {
			return err
		}
		return addItemFigures(ctx, tx, c.scope.Course, bank.Items)
	})
	return bank, err
}

// loadItems reads the questions that new attempts get, in their order.
func loadItems(ctx context.Context, tx pgx.Tx, course lms.CourseID) ([]TestItem, error) {
	rows, err := tx.Query(ctx, `
		select test_items.id, test_items.version, item
		from test_items join test_item_versions on item_id = test_items.id and test_item_versions.version = test_items.version
		where course_id = $1 and retired_at is null order by position, test_items.id`, course)
	if err != nil {
		return nil, err
	}
	var items []TestItem
	var i TestItem
	_, err = pgx.ForEachRow(rows, []any{&i.ID, &i.Version, &i.Item}, func() error {
		items = append(items, i)
		i.Item = lms.Item{}
		return nil
	})
	return items, err
}

// addItemFigures computes how the items did in all attempts that were handed in.
func addItemFigures(ctx context.Context, tx pgx.Tx, course lms.CourseID, items []TestItem) error {
	rows, err := tx.Query(ctx, `
		select item_id, correct, (score * count(*) over w - case when correct then 1 else 0 end) / greatest(1, count(*) over w - 1)
		from test_attempt_items join test_attempts on test_attempts.id = attempt_id
		where course_id = $1 and submitted_at is not null
		window w as (partition by attempt_id)`, course)
	if err != nil {
		return err
	}
	right, rest := map[lms.ItemID][]bool{}, map[lms.ItemID][]float64{}
	var id lms.ItemID
	var is bool
	var others float64
	if _, err = pgx.ForEachRow(rows, []any{&id, &is, &others}, func() error {
		right[id], rest[id] = append(right[id], is), append(rest[id], others)
		return nil
	}); err != nil {
		return err
	}
	for i := range items {
		items[i].Figures = lms.FiguresOf(right[items[i].ID], rest[items[i].ID])
	}
	return nil
}

// SaveTest changes how the test of a course is held. Version is that of the settings the actor saw, 0 for none.
// Attempts that have begun keep their pass mark and time.
func (db *DB) SaveTest(ctx context.Context, actor lms.Actor, course lms.CourseID, version int, s lms.TestSettings) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return db.tx(ctx, "save test", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			insert into tests (course_id, settings, changed_at) values ($1, $2, $3)
			on conflict (course_id) do update set settings = excluded.settings, changed_at = excluded.changed_at, version = tests.version + 1
			where tests.version = $4`, c.scope.Course, s, now, version)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errVersion
		}
		return audit(ctx, tx, now, actor, deed{action: "save test", scope: c.scope})
	})
}

// SaveItem stores a question as a new version, or as a new question when id is empty. Attempts that have begun keep
// the version they have.
func (db *DB) SaveItem(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.ItemID, item lms.Item) (lms.ItemID, error) {
	item, err := item.Validate()
	if err != nil {
		return "", err
	}
	err = db.tx(ctx, "save question of a test", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		action := "change question of test"
		if id == "" {
			action = "add question to test"
			if id, err = addItem(ctx, tx, now, c.scope.Course); err != nil {
				return err
			}
		}
		var version int
		if err := tx.QueryRow(ctx, `
			update test_items set version = (select coalesce(max(version), 0) + 1 from test_item_versions where item_id = $1)
			where id = $1 and course_id = $2 and retired_at is null returning version`, id, c.scope.Course).Scan(&version); err != nil {
			return found(err)
		}
		_, err = tx.Exec(ctx, `insert into test_item_versions (item_id, version, item, made_at) values ($1, $2, $3, $4)`, id, version, item, now)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: action, scope: c.scope, object: string(id), detail: map[string]any{"version": version}})
	})
	return id, err
}

// addItem makes room for a question at the end of the bank. The lock on the course keeps two admins from passing the limit.
func addItem(ctx context.Context, tx pgx.Tx, now time.Time, course lms.CourseID) (id lms.ItemID, err error) {
	var count, last int
	if _, err := tx.Exec(ctx, `select from courses where id = $1 for update`, course); err != nil {
		return "", err
	}
	err = tx.QueryRow(ctx, `select count(*) filter (where retired_at is null), coalesce(max(position), 0) from test_items where course_id = $1`, course).
		Scan(&count, &last)
	if err != nil {
		return "", err
	}
	if count >= maxTestItems {
		return "", &lms.Problem{Kind: lms.ErrTooMany, Message: fmt.Sprintf("A test has at most %d questions.", maxTestItems)}
	}
	settings := defaultTest
	if _, err := tx.Exec(ctx, `insert into tests (course_id, settings, changed_at) values ($1, $2, $3) on conflict do nothing`, course, settings, now); err != nil {
		return "", err
	}
	err = tx.QueryRow(ctx, `insert into test_items (course_id, position) values ($1, $2) returning id`, course, last+1).Scan(&id)
	return id, err
}

// RetireItem keeps a question out of new attempts. What was answered stays.
func (db *DB) RetireItem(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.ItemID) error {
	return db.tx(ctx, "retire question of a test", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Manage)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `update test_items set retired_at = $3 where id = $1 and course_id = $2 and retired_at is null`, id, c.scope.Course, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return lms.ErrNotFound
		}
		return audit(ctx, tx, now, actor, deed{action: "retire question of test", scope: c.scope, object: string(id)})
	})
}

// GiveTime grants somebody more time in the tests of a programme, in percent; 0 takes it back. Attempts that have begun
// keep theirs.
func (db *DB) GiveTime(ctx context.Context, actor lms.Actor, programme lms.ProgrammeID, person lms.PersonID, extra int) error {
	if err := actor.Need(lms.Manage, lms.Scope{Programme: programme}); err != nil {
		return err
	}
	if extra < 0 || extra > 400 {
		return &lms.Problem{Kind: lms.ErrInvalid, Field: "extra", Message: "Give 0 to 400 % more time."}
	}
	return db.tx(ctx, "give time for tests", func(tx pgx.Tx, now time.Time) error {
		var enrolled bool
		if err := tx.QueryRow(ctx, `select true from enrolments where programme_id = $1 and person_id = $2`, programme, person).Scan(&enrolled); err != nil {
			return found(err)
		}
		statement := `
			insert into test_accommodations (programme_id, person_id, extra, granted_at) values ($1, $2, $3, $4)
			on conflict (programme_id, person_id) do update set extra = excluded.extra, granted_at = excluded.granted_at`
		arguments := []any{programme, person, extra, now}
		if extra == 0 {
			statement, arguments = `delete from test_accommodations where programme_id = $1 and person_id = $2`, arguments[:2]
		}
		if _, err := tx.Exec(ctx, statement, arguments...); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: "give time for tests", scope: lms.Scope{Programme: programme}, object: string(person)})
	})
}
