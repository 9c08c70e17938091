// Package migrations holds the steps by which the database becomes what this version of Lectern expects.
// A step that has been released is never changed; a new one is added.
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
)

// Files are the steps in goose's form, named NNNNN_subject.sql.
//
//go:embed *.sql
var Files embed.FS

// Digest names the set of steps: two programs with the same digest expect the same schema. Tests key their
// template database with it.
func Digest() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(Files, path)
		sum.Write([]byte(path))
		sum.Write(content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}
