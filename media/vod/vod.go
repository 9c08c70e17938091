// Package vod is what becomes of a recording after the lecture. It serves the recording as an edit list shows it, by whole
// segments, and makes what there is more time for then: pictures for the seek bar, a still, and renditions that are encoded
// better than a browser can while it presents. All of that lies in a folder of its own inside the recording's, so
// that a lecture that goes on air again finds its recording as it left it.
package vod

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Folder is where everything of this package lies, inside the folder of the recording.
const Folder = "vod"

// picturesName is the file that lists the pictures.
const picturesName = "pictures.json"

// Range is the numbers From, From+1, ... To-1.
type Range struct{ From, To int }

// Shown are the numbers of the segments that a version of a recording shows, in order; nil for all.
type Shown []Range

// has says whether a segment is shown.
func (s Shown) has(number int) bool {
	return s == nil || slices.ContainsFunc(s, func(r Range) bool { return number >= r.From && number < r.To })
}

// Pictures are the storyboard and the still of a recording.
type Pictures struct {
	Width  int     `json:"width"` // of each thumbnail
	Height int     `json:"height"`
	Thumbs []Thumb `json:"thumbs"`
	Poster Poster  `json:"poster"`
}

// Thumb is a small picture of the moment at which a segment begins.
type Thumb struct {
	Segment int    `json:"segment"`
	AtMS    int64  `json:"at_ms"`  // on the timeline
	Sprite  string `json:"sprite"` // file of many
	X       int    `json:"x"`
	Y       int    `json:"y"`
}

// Poster is a still picture of the moment at which a segment begins. Name is "" when there is none.
type Poster struct {
	Name    string `json:"name"`
	Segment int    `json:"segment"`
	AtMS    int64  `json:"at_ms"`
}

// files lists the names of the pictures.
func (p *Pictures) files() []string {
	var names []string
	for _, thumb := range p.Thumbs {
		if len(names) == 0 || names[len(names)-1] != thumb.Sprite {
			names = append(names, thumb.Sprite)
		}
	}
	if p.Poster.Name != "" {
		names = append(names, p.Poster.Name)
	}
	return names
}

// readPictures reads the list of the pictures in a folder; none is an empty one.
func readPictures(root *os.Root) (*Pictures, error) {
	b, err := root.ReadFile(picturesName)
	if errors.Is(err, fs.ErrNotExist) {
		return &Pictures{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", picturesName, err)
	}
	return parsePictures(b)
}

func parsePictures(b []byte) (*Pictures, error) {
	p := &Pictures{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("read %s: %w", picturesName, err)
	}
	return p, nil
}

// openFolder opens the folder of a recording's derived files. It makes it when make is true, and else returns nil when
// there is none.
func openFolder(dir string, make bool) (*os.Root, error) {
	path := filepath.Join(dir, Folder)
	if make {
		if err := os.MkdirAll(path, 0o750); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) && !make {
		return nil, nil
	}
	return root, err
}

// put writes a file whole or not at all, and safely.
func put(root *os.Root, name string, data []byte) error {
	f, err := root.OpenFile(name+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return root.Rename(name+".part", name)
}

// syncFolder makes the names in a folder outlast a power cut.
func syncFolder(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
