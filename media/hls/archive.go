package hls

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"syscall"
	"time"

	"lectern/media/hls/fmp4"
)

// Ends of file names: of segments, and what is added while one grows.
const (
	segmentSuffix = ".m4s"
	partSuffix    = ".part"
)

// archive is the folder of one recording on disk. A segment grows part by part in a file of its own; it
// counts once that file is synced and renamed, the folder is synced, and its rows stand in the index,
// synced too. One goroutine uses it.
type archive struct {
	place   place
	disk    *folder  // the same; nil in memory, where there is no index either
	index   *os.File // nil in memory
	good    int64    // length of the index up to the last whole row
	catalog *catalog
	synced  func(int64) // told how much of the index is safe; never nil
}

// fleetingArchive is an archive in memory, which keeps what the live playlists list and no more. It counts segments from
// a number on.
func fleetingArchive(first int) *archive {
	c := newContents()
	c.first, c.breaks, c.fleeting = first, first, true
	return &archive{place: newMemory(), catalog: newCatalog(c), synced: func(int64) {}}
}

// openArchive opens or makes the folder and repairs what a crash left in it. It returns ErrInUse while
// another recorder has the folder.
func openArchive(path string, synced func(int64)) (*archive, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	a := &archive{disk: &folder{root: root}, synced: synced}
	if err := a.load(); err != nil {
		a.release()
		root.Close()
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return a, nil
}

func (a *archive) load() (err error) {
	if a.disk.dir, err = a.disk.root.Open("."); err != nil {
		return err
	}
	a.place = *a.disk
	if err := syscall.Flock(int(a.disk.dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	if a.index, err = a.disk.root.OpenFile(indexName, os.O_RDWR|os.O_CREATE, 0o640); err != nil {
		return err
	}
	c, good, err := readIndex(a.index)
	if err != nil {
		return err
	}
	a.good = good
	a.catalog = newCatalog(c)
	if err := a.index.Truncate(good); err != nil {
		return err
	}
	if c.open != nil {
		if err := a.recover(*c.open); err != nil {
			return fmt.Errorf("recover segment %d: %w", c.open.Number, err)
		}
	}
	return a.sweep()
}

// release lets others record into the folder. It stays readable, until the archive is forgotten.
func (a *archive) release() {
	if a.index != nil {
		a.index.Close()
	}
	if a.disk != nil && a.disk.dir != nil {
		a.disk.dir.Close()
	}
}

// sweep removes segments that count nowhere: parts, and files renamed just before an error.
func (a *archive) sweep() error {
	parts, err := fs.Glob(a.disk.root.FS(), "*"+partSuffix)
	whole, err2 := fs.Glob(a.disk.root.FS(), "*"+segmentSuffix)
	err = errors.Join(err, err2)
	for _, n := range append(parts, whole...) {
		if _, listed := a.catalog.file(n); !listed {
			err = errors.Join(err, a.place.remove(n))
		}
	}
	return err
}

// append writes rows to the index, and applies them to the catalog once they are safe.
func (a *archive) append(rows ...any) error {
	return a.keep(func() {}, rows...)
}

// keep is append that does something more before anybody sees the rows.
func (a *archive) keep(then func(), rows ...any) error {
	err := a.write((*os.File).Sync, then, rows...)
	if err == nil {
		a.synced(a.good)
	}
	return err
}

// announce writes the row of a segment that begins. It need not outlast more than this process, because
// the parts that it tells of do not either until they are a segment.
func (a *archive) announce(row openRow) error {
	return a.write(func(*os.File) error { return nil }, func() {}, row)
}

func (a *archive) write(sync func(*os.File) error, then func(), rows ...any) error {
	var b []byte
	for _, r := range rows {
		b = appendRow(b, r)
	}
	if a.index != nil {
		if _, err := a.index.WriteAt(b, a.good); err != nil {
			return fmt.Errorf("write index: %w", errors.Join(err, a.index.Truncate(a.good)))
		}
		if err := sync(a.index); err != nil {
			return fmt.Errorf("sync index: %w", errors.Join(err, a.index.Truncate(a.good)))
		}
	}
	a.good += int64(len(b))
	a.catalog.change(func(c *contents) {
		for line := range lines(b) {
			c.apply(line) // our own rows
		}
	}, then)
	return nil
}

// addInit stores an initialisation section under a name made of its content, unless it is there, and
// returns the name.
func (a *archive) addInit(data []byte, row initRow) (string, error) {
	sum := sha256.Sum256(data)
	row.Name = hex.EncodeToString(sum[:16]) + ".mp4"
	if _, known := a.catalog.contents.inits[row.Name]; known { // only this goroutine writes it
		return row.Name, nil
	}
	f, err := a.place.create(row.Name)
	if err != nil {
		return "", fmt.Errorf("write initialisation: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close(), a.place.sync()); err != nil {
		return "", fmt.Errorf("write initialisation: %w", err)
	}
	return row.Name, a.append(row)
}

// output is one file of a segment being written.
type output struct {
	fileRow
	file   written
	hash   hash.Hash
	size   int64
	frames int
	parts  []*part
	fresh  []*part // of them, those that readers do not know yet
	gap    bool    // pictures are missing in it

	depends bool // begins in the middle of a group of pictures
}

// newName returns an unguessable name (128 random bits).
func newName() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:]) + segmentSuffix
}

// begin makes the file of an output.
func (a *archive) begin(f feed, init string) (*output, error) {
	o := &output{fileRow: fileRow{Feed: f, Name: newName(), Init: init}, hash: sha256.New()}
	var err error
	if o.file, err = a.place.create(o.Name + partSuffix); err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	return o, nil
}

// write appends one part of a segment.
func (o *output) write(number int, base uint64, samples []fmp4.Sample) error {
	if len(samples) == 0 {
		return nil
	}
	n := len(o.parts)
	b := fmp4.AppendFragment(nil, uint32(n+1), base, samples)
	if _, err := o.file.Write(b); err != nil {
		return fmt.Errorf("write part: %w", err)
	}
	o.hash.Write(b)
	o.size += int64(len(b))
	o.frames += len(samples)
	ticks := time.Duration(0)
	for _, s := range samples {
		ticks += time.Duration(s.Duration)
	}
	p := &part{
		uri: partURI(o.Name, n), feed: o.Feed, number: number, data: b,
		duration: ticks * time.Second / o.scale(), independent: samples[0].Sync,
	}
	o.parts, o.fresh = append(o.parts, p), append(o.fresh, p)
	return nil
}

// scale is how many ticks a second has.
func (o *output) scale() time.Duration {
	if o.Feed == sound {
		return fmp4.AudioTimescale
	}
	return fmp4.VideoTimescale
}

// finish makes the file a segment.
func (a *archive) finish(o *output) error {
	if err := errors.Join(o.file.Sync(), o.file.Close()); err != nil {
		return fmt.Errorf("sync segment: %w", err)
	}
	if err := a.place.rename(o.Name+partSuffix, o.Name); err != nil {
		return fmt.Errorf("finish segment: %w", err)
	}
	return nil
}

// discard removes an output that no rendition shows, as far as the disk lets us.
func (a *archive) discard(o *output) {
	o.file.Close()
	a.place.remove(o.Name + partSuffix)
}

// row is what the index says of an output as the segment of a rendition.
func (o *output) row(r feed, open openRow, length time.Duration) segmentRow {
	return segmentRow{
		Rendition: r, Number: open.Number, StartMS: open.StartMS, DurationMS: length.Milliseconds(),
		Name: o.Name, Init: o.Init, Discontinuity: open.Discontinuity, Feed: o.Feed,
		Frames: o.frames, Size: o.size, SHA256: hex.EncodeToString(o.hash.Sum(nil)),
	}
}

// commit turns the outputs of a segment into what the renditions show, by lend, and makes it count.
func (a *archive) commit(open openRow, outputs []*output, length time.Duration) error {
	shown := lend(outputs, a.catalog.shown())
	rows := make([]any, renditions)
	used := map[*output]bool{}
	for r, o := range shown {
		if o == nil {
			return fmt.Errorf("segment %d: nothing to show as %v", open.Number, feed(r))
		}
		used[o] = true
		row := o.row(feed(r), open, length)
		row.Edge = a.catalog.sawOther(feed(r), o.Feed)
		rows[r] = row
	}
	for _, o := range outputs {
		if !used[o] && !a.catalog.follows(o.Feed) {
			a.discard(o)
		} else if err := a.finish(o); err != nil {
			return err
		}
	}
	if err := a.place.sync(); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	var unused []string
	err := a.keep(func() { unused = a.catalog.conclude(outputs, shown) }, rows...)
	a.remove(unused)
	return err
}

// remove deletes files that nobody needs, as far as the disk lets us: what is left goes at the next start.
func (a *archive) remove(names []string) {
	for _, name := range names {
		a.place.remove(name)
	}
}

// lend chooses what each rendition shows. A layer that misses pictures, or is missing altogether, is
// replaced by the next lower whole one; a short freeze in its own picture is better than a higher layer,
// which a slow line could not carry; and that is better than nothing. What begins in the middle of a group of
// pictures can only be shown where the same feed was shown before.
func lend(outputs []*output, before [renditions]feed) (shown [renditions]*output) {
	var have [slate + 1]*output
	for _, o := range outputs {
		have[o.Feed] = o
	}
	shown[sound] = have[sound]
	for r := range sound {
		may := func(f feed) []*output {
			if o := have[f]; o != nil && (!o.depends || before[r] == f) {
				return []*output{o}
			}
			return nil
		}
		mine := may(r)
		down, up := mine, []*output(nil)
		for lower := int(r) - 1; lower >= 0; lower-- {
			down = append(down, may(feed(lower))...)
		}
		for higher := r + 1; higher < sound; higher++ {
			up = append(up, may(higher)...)
		}
		for _, next := range []*output{
			firstOf(down, true), firstOf(mine, false), firstOf(down, false), firstOf(up, true), firstOf(up, false), have[slate],
		} {
			if shown[r] == nil {
				shown[r] = next
			}
		}
	}
	return shown
}

// firstOf returns the first output, and the first whole one if that is asked.
func firstOf(order []*output, whole bool) *output {
	for _, o := range order {
		if !(whole && o.gap) {
			return o
		}
	}
	return nil
}
