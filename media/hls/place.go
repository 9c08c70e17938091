package hls

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"sync"
)

// place is where an archive keeps its files: a folder, or the memory of this process for a lecture that is not
// recorded, of which no byte may touch a disk. Names are single path elements.
type place interface {
	create(name string) (written, error)
	open(name string) (io.ReadSeekCloser, error) // an fs.ErrNotExist when there is none
	rename(from, to string) error
	remove(name string) error
	sync() error // makes names last
	close() error
}

// written is a file that grows.
type written interface {
	io.WriteCloser
	Sync() error
}

// folder is a place on disk.
type folder struct {
	root *os.Root
	dir  *os.File // itself, to sync and to lock
}

// create makes a file that only we and our group read: who may see it is decided over HTTP.
func (f folder) create(name string) (written, error) {
	return f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
}

func (f folder) open(name string) (io.ReadSeekCloser, error) { return f.root.Open(name) }
func (f folder) rename(from, to string) error                { return f.root.Rename(from, to) }
func (f folder) remove(name string) error                    { return f.root.Remove(name) }
func (f folder) sync() error                                 { return f.dir.Sync() }
func (f folder) close() error                                { return f.root.Close() }

// memory is a place that ends with the process. Its size is bounded by whoever removes files from it.
type memory struct {
	mu    sync.RWMutex
	files map[string][]byte
}

func newMemory() *memory { return &memory{files: map[string][]byte{}} }

// memoryFile is a file of memory, which is there for readers once it is closed.
type memoryFile struct {
	to   *memory
	name string
	b    bytes.Buffer
}

func (f *memoryFile) Write(b []byte) (int, error) { return f.b.Write(b) }
func (f *memoryFile) Sync() error                 { return nil }

func (f *memoryFile) Close() error {
	f.to.mu.Lock()
	defer f.to.mu.Unlock()
	f.to.files[f.name] = f.b.Bytes()
	return nil
}

func (m *memory) create(name string) (written, error) { return &memoryFile{to: m, name: name}, nil }

// memoryReader is an open file of memory, which stays readable when it is removed.
type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error { return nil }

func (m *memory) open(name string) (io.ReadSeekCloser, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	b, there := m.files[name]
	if !there {
		return nil, fs.ErrNotExist
	}
	return memoryReader{bytes.NewReader(b)}, nil
}

func (m *memory) rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, there := m.files[from]
	if !there {
		return fs.ErrNotExist
	}
	delete(m.files, from)
	m.files[to] = b
	return nil
}

func (m *memory) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.files[name]; !there {
		return fs.ErrNotExist
	}
	delete(m.files, name)
	return nil
}

func (m *memory) sync() error  { return nil }
func (m *memory) close() error { return nil }

// size is how many bytes all files have.
func (m *memory) size() (n int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, b := range m.files {
		n += len(b)
	}
	return n
}
