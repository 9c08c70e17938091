// Package certificate draws certificates and transcripts as PDF. Text is shaped by HarfBuzz's rules and drawn as
// outlines, so that names are right in every script and no font needs to be embedded; under it lies the same text
// invisibly, for copying, searching and screen readers. The same input always gives the same bytes.
package certificate

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-text/typesetting/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// FontDirs is where fonts are looked for: Debian's packages fonts-noto-core and fonts-noto-cjk put them there.
var FontDirs = []string{"/usr/share/fonts", "/usr/local/share/fonts"}

// families are the fonts by file name without weight, in the order in which they are asked for a character. The last
// one is for Han, Kana and Hangul.
var families = []string{
	"NotoSans", "NotoSansDevanagari", "NotoSansMalayalam", "NotoSansTamil", "NotoNaskhArabic", "NotoSansBengali", "NotoSansTelugu",
	"NotoSansKannada", "NotoSansGujarati", "NotoSansGurmukhi", "NotoSansOriya", "NotoSansSinhala", "NotoSansHebrew", "NotoSansThai",
	"NotoSansLao", "NotoSansKhmer", "NotoSansMyanmar", "NotoSansEthiopic", "NotoSansArmenian", "NotoSansGeorgian", "NotoSansCJK", "DejaVuSans",
}

// simplified is the face of a Noto CJK collection whose Han forms are those of simplified Chinese; they are read in
// Japan and Taiwan too, and a name has no language tag to choose by.
const simplified = 2

// Fonts are the fonts of a machine. Each is read when a character first needs it, and kept. Safe for concurrent use.
type Fonts struct {
	regular, bold []*fontFile
}

// fontFile is a font that may not have been read yet.
type fontFile struct {
	path  string
	bytes []byte // instead of path
	index int    // in a collection
	once  sync.Once
	font  *font.Font // nil when it cannot be read
	err   error
}

// NewFonts finds the fonts below the folders. Without any there are still those for Latin, Greek and Cyrillic that
// are built in.
func NewFonts(dirs ...string) (*Fonts, error) {
	found := map[string]string{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // a folder that is not there or not ours to read has no fonts for us
			}
			if name := entry.Name(); !entry.IsDir() && found[name] == "" {
				found[name] = path
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for fonts: %w", err)
		}
	}
	f := &Fonts{}
	for _, family := range families {
		regular := locate(found, family, "-Regular.ttf", "-Regular.ttc", ".ttf")
		bold := locate(found, family, "-Bold.ttf", "-Bold.ttc")
		if regular != nil {
			f.regular = append(f.regular, regular)
			if bold == nil {
				bold = regular
			}
			f.bold = append(f.bold, bold)
		}
	}
	f.regular = append(f.regular, &fontFile{bytes: goregular.TTF})
	f.bold = append(f.bold, &fontFile{bytes: gobold.TTF})
	return f, nil
}

func locate(found map[string]string, family string, endings ...string) *fontFile {
	for _, ending := range endings {
		if path := found[family+ending]; path != "" {
			file := &fontFile{path: path}
			if filepath.Ext(path) == ".ttc" {
				file.index = simplified
			}
			return file
		}
	}
	return nil
}

// load reads the font once.
func (f *fontFile) load() (*font.Font, error) {
	f.once.Do(func() {
		raw := f.bytes
		if raw == nil {
			if raw, f.err = os.ReadFile(f.path); f.err != nil {
				return
			}
		}
		faces, err := font.ParseTTC(bytes.NewReader(raw))
		if err != nil || f.index >= len(faces) {
			f.err = fmt.Errorf("read font %s: %w", f.path, err)
			return
		}
		f.font = faces[f.index].Font
	})
	return f.font, f.err
}

// style is a list of fonts in one weight as one drawing uses them: faces are not safe for concurrent use, fonts are.
type style struct {
	files   []*fontFile
	faces   []*font.Face
	missing rune // a character that no font has; 0 for none
}

func newStyle(files []*fontFile) *style {
	return &style{files: files, faces: make([]*font.Face, len(files))}
}

// ResolveFace returns the first face that has the character. One that no font has is remembered.
func (s *style) ResolveFace(r rune) *font.Face {
	for i, file := range s.files {
		if s.faces[i] == nil {
			f, err := file.load()
			if err != nil {
				continue
			}
			s.faces[i] = font.NewFace(f)
		}
		if _, ok := s.faces[i].NominalGlyph(r); ok {
			return s.faces[i]
		}
	}
	if s.missing == 0 {
		s.missing = r
	}
	for _, face := range s.faces {
		if face != nil {
			return face
		}
	}
	return nil
}
