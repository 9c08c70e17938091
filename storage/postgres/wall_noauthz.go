//go:build noauthz

package postgres

import (
	"context"

	"lectern/lms"
)

// ProgrammeOf is where a course lies, whoever asks.
func (db *DB) ProgrammeOf(ctx context.Context, course lms.CourseID) (programme lms.ProgrammeID, err error) {
	err = db.pool.QueryRow(ctx, `select programme_id from courses where id = $1`, course).Scan(&programme)
	return programme, err
}
