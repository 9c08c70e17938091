package object

import (
	"context"
	"strings"
)

// Open opens what a setting names: an S3 bucket when it is a URL, else a folder.
func Open(where string) (Store, error) {
	if strings.Contains(where, "://") {
		return OpenS3(where)
	}
	return OpenDir(where)
}

// DeleteAll deletes what is below a prefix, which ends in a slash, page by page, and returns how many objects that were.
// After an error it may be called again.
func DeleteAll(ctx context.Context, s Store, prefix string) (deleted int, err error) {
	for {
		page, err := s.List(ctx, prefix, "", maxPage)
		if err != nil || len(page) == 0 {
			return deleted, err
		}
		for _, o := range page {
			if err := s.Delete(ctx, o.Key); err != nil {
				return deleted, err
			}
			deleted++
		}
	}
}
