package object

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Dir is a Store in a folder, which it never leaves, whatever the keys and the links in it.
type Dir struct{ root *os.Root }

var _ Store = (*Dir)(nil)

// incoming is the folder of what is being written. No key begins with a dot, so it is never listed.
const incoming = ".incoming"

// abandoned is how old an unfinished file is before it is certain that nobody writes it any more.
const abandoned = 24 * time.Hour

// OpenDir opens a folder, which is made when absent, and removes what an interrupted Put left there long ago.
func OpenDir(name string) (*Dir, error) {
	if err := os.MkdirAll(name, 0o750); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	d := &Dir{root}
	if err := d.sweep(); err != nil {
		root.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	return d, nil
}

// Close gives the folder back.
func (d *Dir) Close() error { return d.root.Close() }

func (d *Dir) sweep() error {
	if err := d.root.MkdirAll(incoming, 0o750); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.root.FS(), incoming)
	for _, e := range entries {
		if info, statErr := e.Info(); statErr == nil && time.Since(info.ModTime()) > abandoned {
			err = errors.Join(err, d.root.Remove(path.Join(incoming, e.Name())))
		}
	}
	return err
}

// Put writes beside, syncs, renames and syncs the folder.
func (d *Dir) Put(ctx context.Context, key string, body io.Reader, size int64, sum [sha256.Size]byte) (err error) {
	if err := checkKey(key); err != nil {
		return err
	}
	name := path.Join(incoming, rand.Text())
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("put %s: %w", key, errors.Join(err, ignoreAbsent(d.root.Remove(name))))
		}
	}()
	hash := sha256.New()
	in := &counted{ctx: ctx, from: io.LimitReader(body, size+1), hash: hash}
	_, err = io.Copy(f, in)
	if err == nil && (in.n != size || [sha256.Size]byte(hash.Sum(nil)) != sum) {
		err = ErrMismatch
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for range 3 { // a Delete beside us may remove the folder that became empty
		if err = d.root.MkdirAll(path.Dir(key), 0o750); err != nil {
			continue
		}
		if err = d.root.Rename(name, key); err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return err
	}
	return d.syncFolders(path.Dir(key))
}

// syncFolders makes a name, and the folders above it, which may be new, outlast a power cut.
func (d *Dir) syncFolders(dir string) error {
	for {
		f, err := d.root.Open(dir)
		if errors.Is(err, fs.ErrNotExist) { // deleted in the meantime
			return nil
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		if dir == "." {
			return nil
		}
		dir = path.Dir(dir)
	}
}

// Get opens the file.
func (d *Dir) Get(ctx context.Context, key string, from, n int64) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, size, err := d.open(key)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	if from < 0 || from > 0 && from >= size {
		f.Close()
		return nil, fmt.Errorf("get %s: %w", key, ErrRange)
	}
	if n < 0 {
		n = size
	}
	section := io.NewSectionReader(f, from, n)
	return &opened{counted{ctx: ctx, from: section, hash: io.Discard}, f}, nil
}

// opened is a file that is read until its context ends.
type opened struct {
	counted
	io.Closer
}

func (d *Dir) open(key string) (*os.File, int64, error) {
	f, err := d.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(err) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Stat looks at the file.
func (d *Dir) Stat(ctx context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	info, err := d.root.Stat(key)
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(err) || err == nil && !info.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		return Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	return Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete removes the file, and the folders above it that are empty then.
func (d *Dir) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := d.Stat(ctx, key); errors.Is(err, ErrNotFound) {
		return nil
	}
	if err := ignoreAbsent(d.root.Remove(key)); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	dir := path.Dir(key)
	for ; dir != "."; dir = path.Dir(dir) {
		if d.root.Remove(dir) != nil { // it is not empty
			break
		}
	}
	return d.syncFolders(dir)
}

// List reads folder by folder, in the order of keys.
func (d *Dir) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if err := checkList(prefix, limit); err != nil {
		return nil, err
	}
	var page []Info
	err := d.list(ctx, ".", prefix, after, limit, &page)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return page, nil
}

func (d *Dir) list(ctx context.Context, dir, prefix, after string, limit int, page *[]Info) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// A folder sorts as its name and a slash, because its keys do.
	keys := make([]string, 0, len(entries))
	for _, e := range entries {
		key := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			keys = append(keys, key+"/")
		case e.Type().IsRegular():
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if len(*page) == limit {
			return nil
		}
		if sub, is := strings.CutSuffix(key, "/"); is {
			relevant := strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key)
			passed := after > key && !strings.HasPrefix(after, key) // all its keys come before
			if relevant && !passed {
				if err := d.list(ctx, sub, prefix, after, limit, page); err != nil {
					return err
				}
			}
			continue
		}
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		info, err := d.root.Stat(key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted while we list
		}
		if err != nil {
			return err
		}
		*page = append(*page, Info{Key: key, Size: info.Size(), Modified: info.ModTime()})
	}
	return nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
