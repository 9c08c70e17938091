package object

import "strings"

// Open opens what a setting names: an S3 bucket when it is a URL, else a folder.
func Open(where string) (Store, error) {
	if strings.Contains(where, "://") {
		return OpenS3(where)
	}
	return OpenDir(where)
}
