// Package object keeps files that never change once they are there, such as segments of recordings, under keys: in
// a folder, or in an S3 bucket.
package object

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// Errors of a Store.
var (
	ErrNotFound = fmt.Errorf("no such object: %w", fs.ErrNotExist)
	ErrMismatch = errors.New("the content is not what was announced")
	ErrKey      = errors.New("not a key")
	ErrRange    = errors.New("the object ends before that")
)

// Store is where objects are. Each call honours the deadline of its context. Safe for concurrent use.
type Store interface {
	// Put stores body, which must be of this size and SHA-256: else nothing is stored and the error is ErrMismatch.
	// When it returns nil the object outlasts a power cut. An object that is there already is replaced at once.
	Put(ctx context.Context, key string, body io.Reader, size int64, sum [sha256.Size]byte) error
	// Get reads n bytes from an offset on, or all that follow when n is negative; fewer where the object ends.
	// Errors: ErrNotFound, and ErrRange for an offset behind the end.
	Get(ctx context.Context, key string, from, n int64) (io.ReadCloser, error)
	// Stat describes an object, or returns ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes an object; that there was none is no error.
	Delete(ctx context.Context, key string) error
	// List returns objects whose keys begin with prefix and come behind after, in the order of their bytes, at most
	// limit (1 to 1000) of them. The next page begins after the last key of this one.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
}

// Info describes an object.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Bounds of keys and pages.
const (
	maxKey   = 512
	maxPage  = 1000
	keyChars = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."
)

// checkKey holds keys to what a path of any file system and a URL can be: names of letters, digits, "-", "_" and ".",
// which do not begin with a dot, with single slashes between them.
func checkKey(key string) error {
	if len(key) > maxKey {
		return fmt.Errorf("%w: longer than %d bytes", ErrKey, maxKey)
	}
	for name := range strings.SplitSeq(key, "/") {
		if name == "" || name[0] == '.' || strings.Trim(name, keyChars) != "" {
			return fmt.Errorf("%w: %q", ErrKey, key)
		}
	}
	return nil
}

// checkList holds the arguments of List to what keys can begin with.
func checkList(prefix string, limit int) error {
	if limit < 1 || limit > maxPage {
		return fmt.Errorf("list %d objects: want 1 to %d", limit, maxPage)
	}
	if prefix == "" {
		return nil
	}
	return checkKey(strings.TrimSuffix(prefix, "/"))
}

// counted hashes and counts what is read through it, and ends with its context.
type counted struct {
	ctx  context.Context
	from io.Reader
	hash interface{ Write([]byte) (int, error) }
	n    int64
}

func (c *counted) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.from.Read(b)
	c.hash.Write(b[:n]) // a hash takes everything
	c.n += int64(n)
	return n, err
}
