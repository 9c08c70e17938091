package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// MaterialState is how far a file has come.
type MaterialState string

// The states. A file that is being stored is nobody's to see.
const (
	MaterialWaiting MaterialState = "waiting" // for its pages to be made, or they are being made
	MaterialReady   MaterialState = "ready"
	MaterialFailed  MaterialState = "failed"
)

// Material is one file of a course.
type Material struct {
	ID         lms.MaterialID
	Name       string
	Kind       string
	Bytes      int64
	Download   bool // attendees may take the file itself
	UploadedAt time.Time
	UploadedBy string // name; "" when that person is gone
	State      MaterialState
	Done       int // pages made so far
	Pages      int // of how many; 0 when that is not known yet
	Error      string
	Replaces   *lms.MaterialID // which stays until this is ready
}

// NewMaterial is a file that is about to be stored.
type NewMaterial struct {
	Name     string
	Kind     string
	Bytes    int64
	SHA256   [32]byte
	Download bool
	Replaces lms.MaterialID // "" for none
}

// Materials lists the files of a course in their order: those that are ready for those who watch, all for those who provide
// them. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Materials(ctx context.Context, actor lms.Actor, course lms.CourseID) ([]Material, error) {
	var all []Material
	err := db.tx(ctx, "list materials", func(tx pgx.Tx, _ time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Watch)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			select materials.id, materials.name, kind, bytes, download, uploaded_at, coalesce(persons.name, ''), state, done, total, error, replaces
			from materials left join persons on persons.id = uploaded_by
			where course_id = $1 and removed_at is null and (state = 'ready' or $2 and state <> 'storing')
			order by position, uploaded_at, materials.id`, course, actor.Can(lms.Provide, c.scope))
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Material])
		return err
	})
	return all, err
}

// Material returns one file of a course that the actor may see. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) Material(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.MaterialID) (Material, error) {
	all, err := db.Materials(ctx, actor, course)
	for _, m := range all {
		if m.ID == id {
			return m, nil
		}
	}
	if err == nil {
		err = lms.ErrNotFound
	}
	return Material{}, err
}

// MaterialPages returns the pages of a file that is ready, as the actor may see them. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) MaterialPages(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.MaterialID) ([]MaterialPage, error) {
	var pages []MaterialPage
	err := db.tx(ctx, "read pages of material", func(tx pgx.Tx, _ time.Time) error {
		if _, err := loadCast(ctx, tx, actor, course, lms.Watch); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			select number, width, height, text from material_pages join materials on materials.id = material_id
			where materials.id = $1 and course_id = $2 and state = 'ready' and removed_at is null order by number`, id, course)
		if err != nil {
			return err
		}
		pages, err = pgx.CollectRows(rows, pgx.RowToStructByPos[MaterialPage])
		if err == nil && len(pages) == 0 {
			err = lms.ErrNotFound
		}
		return err
	})
	return pages, err
}

// AddMaterial notes a file before it is stored, so that no file is ever in the store that nobody knows of. Errors:
// lms.ErrConflict for one too many, lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) AddMaterial(ctx context.Context, actor lms.Actor, course lms.CourseID, m NewMaterial) (lms.MaterialID, error) {
	var id lms.MaterialID
	err := db.tx(ctx, "add material", func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Provide)
		if err != nil {
			return err
		}
		// One at a time, so that two do not take the last place.
		var count, position int
		if _, err := tx.Exec(ctx, `select from courses where id = $1 for update`, course); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			select count(*), coalesce(max(position), 0) + 1 from materials where course_id = $1 and removed_at is null`, course).Scan(&count, &position)
		if err != nil {
			return err
		}
		if count >= lms.MaxMaterials {
			return lms.ErrTooManyMaterials
		}
		if m.Replaces != "" {
			err := tx.QueryRow(ctx, `select position from materials where id = $1 and course_id = $2 and removed_at is null`, m.Replaces, course).Scan(&position)
			if err != nil {
				return found(err)
			}
		}
		err = tx.QueryRow(ctx, `
			insert into materials (course_id, position, name, kind, bytes, sha256, download, uploaded_by, uploaded_at, replaces, due_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9) returning id`,
			course, position, m.Name, m.Kind, m.Bytes, m.SHA256[:], m.Download, orNull(actor.Person), now, orNull(m.Replaces)).Scan(&id)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{
			action: "add material", scope: c.scope, object: string(id), detail: map[string]any{"kind": m.Kind, "bytes": m.Bytes},
		})
	})
	return id, err
}

// MaterialStored makes the pages of a file due, which lies in the store now.
func (db *DB) MaterialStored(ctx context.Context, id lms.MaterialID) error {
	return db.tx(ctx, "note that material is stored", func(tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `update materials set state = 'waiting', due_at = $2 where id = $1 and state = 'storing'`, id, now)
		return err
	})
}

// MaterialChange is what to change; nil leaves a field as it is.
type MaterialChange struct {
	Name     *string
	Download *bool
	Position *int // from 0 among the files of the course
}

// ChangeMaterial changes a file's name, whether it may be taken, or its place. Errors: lms.ErrNotFound, lms.ErrForbidden.
func (db *DB) ChangeMaterial(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.MaterialID, change MaterialChange) error {
	return db.material(ctx, actor, course, id, "change material", func(tx pgx.Tx, _ time.Time) error {
		_, err := tx.Exec(ctx, `
			update materials set name = coalesce($2, name), download = coalesce($3, download) where id = $1`, id, change.Name, change.Download)
		if err != nil || change.Position == nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			with places as (
				select id, row_number() over (order by position, uploaded_at, id) as place
				from materials where course_id = $1 and removed_at is null and id <> $2
			)
			update materials set position = case when materials.id = $2 then $3 * 2 + 1 else places.place * 2 end
			from places where places.id = materials.id or materials.id = $2 and places.place = 1`, course, id, *change.Position)
		return err
	})
}

// RemoveMaterial takes a file away; within a day it can be put back.
func (db *DB) RemoveMaterial(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.MaterialID) error {
	return db.material(ctx, actor, course, id, "remove material", func(tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `update materials set removed_at = $2 where id = $1 and removed_at is null`, id, now)
		return err
	})
}

// RestoreMaterial puts a file back that was removed.
func (db *DB) RestoreMaterial(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.MaterialID) error {
	return db.material(ctx, actor, course, id, "restore material", func(tx pgx.Tx, _ time.Time) error {
		_, err := tx.Exec(ctx, `update materials set removed_at = null where id = $1`, id)
		return err
	})
}

// RetryMaterial has the pages of a file made again that could not be made.
func (db *DB) RetryMaterial(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.MaterialID) error {
	return db.material(ctx, actor, course, id, "retry material", func(tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `
			update materials set state = 'waiting', tries = 0, error = '', done = 0, due_at = $2 where id = $1 and state = 'failed'`, id, now)
		return err
	})
}

// material does something to a file that is stored, for somebody who provides files of its course.
func (db *DB) material(ctx context.Context, actor lms.Actor, course lms.CourseID, id lms.MaterialID, action string, do func(pgx.Tx, time.Time) error) error {
	return db.tx(ctx, action, func(tx pgx.Tx, now time.Time) error {
		c, err := loadCast(ctx, tx, actor, course, lms.Provide)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `select id from materials where id = $1 and course_id = $2 and state <> 'storing' for update`, id, course).Scan(&id)
		if err != nil {
			return found(err)
		}
		if err := do(tx, now); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, deed{action: action, scope: c.scope, object: string(id)})
	})
}

// Leftover is a file whose objects are to be deleted.
type Leftover struct {
	ID     lms.MaterialID
	Course lms.CourseID
}

// Leftovers lists files that were removed a day ago, and those that were never stored whole, at most 100.
func (db *DB) Leftovers(ctx context.Context) ([]Leftover, error) {
	rows, err := db.pool.Query(ctx, `
		select id, course_id from materials
		where removed_at < $1 or state = 'storing' and uploaded_at < $1 order by uploaded_at limit 100`, db.now().Add(-keepSpent))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Leftover])
}

// ForgetMaterial deletes the row of a file whose objects are gone.
func (db *DB) ForgetMaterial(ctx context.Context, id lms.MaterialID) error {
	return db.tx(ctx, "forget material", func(tx pgx.Tx, now time.Time) error {
		var scope lms.Scope
		err := tx.QueryRow(ctx, `
			delete from materials using courses where materials.id = $1 and courses.id = course_id and (removed_at < $2 or state = 'storing')
			returning courses.programme_id, courses.id`, id, now.Add(-keepSpent)).Scan(&scope.Programme, &scope.Course)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // put back meanwhile, or another node was faster
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, lms.Actor{}, deed{action: "delete material files", scope: scope, object: string(id)})
	})
}
