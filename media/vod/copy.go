package vod

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"lectern/media/hls"
)

// copiedName is the file that says how much of this folder is in the store. To copy something twice does no harm.
const copiedName = "copied.json"

// copied is its content.
type copied struct {
	Pictures string `json:"pictures,omitempty"` // SHA-256 of the list of pictures that is there
	Ladder   int64  `json:"ladder,omitempty"`   // bytes of the ladder's index that is there, once all of it is
	Of       int64  `json:"of,omitempty"`       // bytes of the one that is being copied, and
	Files    int    `json:"files,omitempty"`    // how many of its files are there
}

// Bounds of copying: what one file may take, and after how many the progress is written down.
const (
	copyWithin = 30 * time.Second
	copyEvery  = 64
)

func readCopied(root *os.Root) (c copied, err error) {
	b, err := root.ReadFile(copiedName)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil && json.Unmarshal(b, &c) != nil {
		c = copied{} // a power cut took it: begin again
	}
	return c, err
}

func writeCopied(root *os.Root, c copied) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return put(root, copiedName, b)
}

// storeKey is where a file of this package lies in the store of a recording.
func storeKey(recording, name string) string {
	return hls.StorePrefix + recording + "/" + Folder + "/" + name
}

// Copy copies what was made of a recording to the store of its mirror: files first, then the list that names them. It goes
// on where an earlier call was interrupted. Progress is told in files.
func Copy(ctx context.Context, dir, recording string, to hls.Uploader, progress func(done, total int)) error {
	root, err := openFolder(dir, false)
	if err != nil || root == nil {
		return err
	}
	defer root.Close()
	c := copier{root: root, recording: recording, to: to}
	if c.done, err = readCopied(root); err != nil {
		return err
	}
	if err := c.pictures(ctx); err != nil {
		return fmt.Errorf("copy pictures: %w", err)
	}
	if err := c.ladder(ctx, dir, progress); err != nil {
		return fmt.Errorf("copy ladder: %w", err)
	}
	return nil
}

// copier is one call of Copy.
type copier struct {
	root      *os.Root
	recording string
	to        hls.Uploader
	done      copied
}

func (c *copier) put(ctx context.Context, name string, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, copyWithin)
	defer cancel()
	return c.to.Put(ctx, storeKey(c.recording, name), bytes.NewReader(b), int64(len(b)), sha256.Sum256(b))
}

func (c *copier) putFile(ctx context.Context, name string) error {
	b, err := c.root.ReadFile(name)
	if err != nil {
		return err
	}
	return c.put(ctx, name, b)
}

func (c *copier) pictures(ctx context.Context) error {
	list, err := c.root.ReadFile(picturesName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	sum := sha256.Sum256(list)
	if err != nil || c.done.Pictures == hex.EncodeToString(sum[:]) {
		return err
	}
	p, err := parsePictures(list)
	if err != nil {
		return err
	}
	for _, name := range p.files() {
		if err := c.putFile(ctx, name); err != nil {
			return err
		}
	}
	if err := c.put(ctx, picturesName, list); err != nil {
		return err
	}
	c.done.Pictures = hex.EncodeToString(sum[:])
	return writeCopied(c.root, c.done)
}

func (c *copier) ladder(ctx context.Context, dir string, progress func(done, total int)) error {
	l, err := wholeLadder(dir, c.root)
	if err != nil || l == nil || c.done.Ladder == l.good {
		return err
	}
	if c.done.Of != l.good {
		c.done.Of, c.done.Files = l.good, 0
	}
	names := l.files()
	for i, name := range names {
		if i < c.done.Files {
			continue
		}
		progress(i, len(names))
		if err := c.putFile(ctx, name); err != nil {
			return err
		}
		if i%copyEvery == copyEvery-1 {
			c.done.Files = i + 1
			if err := writeCopied(c.root, c.done); err != nil {
				return err
			}
		}
	}
	index, err := c.root.ReadFile(ladderName)
	if err != nil {
		return err
	}
	if err := c.put(ctx, ladderName, index[:l.good]); err != nil {
		return err
	}
	c.done.Ladder, c.done.Files = l.good, len(names)
	progress(len(names), len(names))
	return writeCopied(c.root, c.done)
}

// wholeLadder reads the ladder of a recording, nil unless it is whole.
func wholeLadder(dir string, root *os.Root) (*ladder, error) {
	l, err := readLadder(root)
	if err != nil || len(l.rungs) == 0 {
		return nil, err
	}
	o, err := hls.Open(dir)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if !l.whole(len(o.Segments(hls.Audio))) {
		return nil, nil
	}
	return l, nil
}

// inStore says whether the ladder of a recording, and everything that was recorded, is in the store.
func inStore(dir string) (bool, error) {
	recorded, err := hls.Copied(dir)
	if err != nil || !recorded {
		return false, err
	}
	root, err := openFolder(dir, false)
	if err != nil || root == nil {
		return false, err
	}
	defer root.Close()
	c, err := readCopied(root)
	if err != nil {
		return false, err
	}
	l, err := wholeLadder(dir, root)
	return err == nil && l != nil && c.Ladder == l.good, err
}

// Thin deletes the segments of a ladder that is in the store; the lists and the pictures, which are small, stay. What is not in
// the store stays too.
func Thin(dir string) error {
	stored, err := inStore(dir)
	if err != nil || !stored {
		return err
	}
	root, err := openFolder(dir, false)
	if err != nil {
		return err
	}
	defer root.Close()
	l, err := readLadder(root)
	if err != nil {
		return err
	}
	for _, rows := range l.rows {
		for _, row := range rows {
			if e := root.Remove(row.Name); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = e
			}
		}
	}
	return err
}

// OpenCopy opens a recording of which nothing is here from the store, with what was made of it. The error is an
// fs.ErrNotExist when it is not there either.
func OpenCopy(ctx context.Context, from hls.Uploader, recording string) (*Replay, error) {
	origin, err := hls.OpenCopy(ctx, from, recording)
	if err != nil {
		return nil, err
	}
	r := Bare(origin)
	r.stored = true
	list := func(name string, read func([]byte) error) error {
		b, err := origin.FetchCopy(ctx, Folder+"/"+name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = read(b)
		}
		return err
	}
	err = list(picturesName, func(b []byte) (err error) { r.pictures, err = parsePictures(b); return err })
	if err == nil {
		err = list(ladderName, func(b []byte) error {
			l, err := parseLadder(b)
			r.show(l)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open the copy of what was made of a recording: %w", err)
	}
	r.listPictures()
	return r, nil
}

// proves says whether a file is what the ladder's index says of it. Others are not in it.
func (l *ladder) proves(name string, b []byte) bool {
	if l == nil {
		return true
	}
	sum := sha256.Sum256(b)
	for _, rows := range l.rows {
		for _, row := range rows {
			if row.Name == name {
				return row.Size == int64(len(b)) && row.SHA256 == hex.EncodeToString(sum[:])
			}
		}
	}
	return true
}

// files lists the names of its files, always in the same order.
func (l *ladder) files() []string {
	names := slices.Sorted(maps.Keys(l.codecs))
	for _, r := range l.rungs {
		for _, row := range l.rows[r.Name] {
			names = append(names, row.Name)
		}
	}
	return names
}
