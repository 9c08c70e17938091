package vod

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lectern/media/hls"
)

// Remove deletes the folder of a recording with all that is in it, so that not even a power cut brings it back, and returns
// how many bytes its files had. Removing what is gone removes nothing.
func Remove(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return 0, fmt.Errorf("delete recording: %w", err)
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return bytes, err
	}
	return bytes, errors.Join(parent.Sync(), parent.Close())
}

// unread is how long nobody must have asked for a replaced file before it is deleted.
const unread = 6 * time.Hour

// ErrLater says that somebody still plays what the ladder has replaced, or that it is not in the store yet.
var ErrLater = errors.New("the recorded layers are still needed")

// Retire deletes the recorded layers of a recording whose ladder is whole, and returns how many bytes they had. The sound is
// part of the ladder and stays. With a store, which may be nil, that waits (ErrLater) until everything is in it, because what
// is gone here cannot be copied any more; then the layers go there, too.
func Retire(ctx context.Context, dir, recording string, store hls.Uploader) (bytes int64, err error) {
	if store != nil {
		if stored, err := inStore(dir); err != nil || !stored {
			return 0, cmp.Or(err, ErrLater)
		}
	}
	r, err := Open(dir)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if !r.LadderReady() {
		return 0, errors.New("retire layers: the ladder is not whole")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	kept := map[string]bool{}
	for _, s := range r.Segments(hls.Audio) {
		kept[s.Name], kept[s.Init] = true, true
	}
	for _, rendition := range hls.Renditions() {
		for _, s := range r.Segments(rendition) {
			if kept[s.Name] {
				continue
			}
			kept[s.Name] = true // lent to another rendition, it is listed again
			if err := root.Remove(s.Name); err == nil {
				bytes += s.Size
			} else if !errors.Is(err, fs.ErrNotExist) {
				return bytes, fmt.Errorf("retire layers: %w", err)
			}
		}
	}
	if err := syncFolder(root); err != nil || store == nil {
		return bytes, err
	}
	return bytes, unstore(ctx, r, recording, store)
}

// unstore deletes the recorded layers in the store.
func unstore(ctx context.Context, r *Replay, recording string, store hls.Uploader) error {
	done := map[string]bool{}
	for _, s := range r.Segments(hls.Audio) {
		done[s.Name] = true
	}
	for _, rendition := range hls.Renditions() {
		for _, s := range r.Segments(rendition) {
			if done[s.Name] {
				continue
			}
			done[s.Name] = true
			if err := store.Delete(ctx, hls.StorePrefix+recording+"/"+s.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("retire layers in the store: %w", err)
			}
		}
	}
	return nil
}
