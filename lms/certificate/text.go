package certificate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	ot "github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/bidi"
)

// sheet is a document being drawn, in points from the upper left corner. One goroutine uses it.
type sheet struct {
	pdf           *fpdf.Fpdf
	width, height float64
	regular, bold *style
	shaper        shaping.HarfbuzzShaper
	segmenter     shaping.Segmenter
	wrapper       shaping.LineWrapper
}

// align is where a line lies between the edges of its box.
type align int

const (
	left align = iota
	centre
	right
)

// line is a line of shaped text.
type line struct {
	runes []rune
	runs  []shaping.Output // in visual order, from left to right
	width float64
	size  float64
}

// direction is that of the first letter that has one (Unicode UAX 9, P2).
func direction(runes []rune) di.Direction {
	for _, r := range runes {
		properties, _ := bidi.LookupRune(r)
		switch properties.Class() {
		case bidi.L:
			return di.DirectionLTR
		case bidi.R, bidi.AL:
			return di.DirectionRTL
		}
	}
	return di.DirectionLTR
}

// lines shapes text and breaks it where it is wider than max.
func (s *sheet) lines(text string, face *style, size, max float64) []line {
	runes := []rune(text)
	if len(runes) == 0 {
		return nil
	}
	dir := direction(runes)
	in := shaping.Input{
		Text: runes, RunEnd: len(runes), Direction: dir, Size: fixed.Int26_6(math.Round(size * 64)), Language: language.NewLanguage("und"),
	}
	var outs []shaping.Output
	for _, run := range s.segmenter.Split(in, face) {
		outs = append(outs, s.shaper.Shape(run))
	}
	wrapped, _ := s.wrapper.WrapParagraphF(shaping.WrapConfig{Direction: dir}, fixed.Int26_6(max*64), runes, shaping.NewSliceIterator(outs))
	lines := make([]line, 0, len(wrapped))
	for _, w := range wrapped {
		l := line{runes: runes, runs: make([]shaping.Output, len(w)), size: size}
		for _, run := range w {
			run.Glyphs = slices.Clone(run.Glyphs) // the wrapper uses its memory again
			l.runs[run.VisualIndex] = run
			l.width += float64(run.Advance) / 64
		}
		lines = append(lines, l)
	}
	return lines
}

// fit shapes text as one line in the largest size up to size that is no wider than max, or breaks it at the least size.
func (s *sheet) fit(text string, face *style, size, least, max float64) []line {
	for {
		lines := s.lines(text, face, size, 1e5)
		if len(lines) == 0 || lines[0].width <= max || size <= least {
			if len(lines) > 0 && lines[0].width > max {
				return s.lines(text, face, size, max)
			}
			return lines
		}
		size = math.Max(least, math.Min(size-1, math.Floor(size*max/lines[0].width)))
	}
}

// text draws text in a box from x to x+max with its first base line at y, and returns the base line of the next line.
func (s *sheet) text(text string, face *style, x, y, size, max float64, at align) float64 {
	for _, l := range s.lines(text, face, size, max) {
		s.draw(l, x, y, max, at)
		y += size * 1.4
	}
	return y
}

// draw places one line.
func (s *sheet) draw(l line, x, y, max float64, at align) {
	switch at {
	case centre:
		x += (max - l.width) / 2
	case right:
		x += max - l.width
	}
	for _, run := range l.runs {
		s.glyphs(run, x, y, l.size)
		s.hidden(run, l.runes, x, y, l.size)
		x += float64(run.Advance) / 64
	}
}

// glyphs draws the outlines of a run. Their numbers are those of the font, so that a letter that comes twice is the
// same bytes, which compress.
func (s *sheet) glyphs(run shaping.Output, x, y, size float64) {
	scale := number(size/float64(run.Face.Upem()), 6)
	for _, g := range run.Glyphs {
		gx, gy := x+float64(g.XOffset)/64, s.height-y+float64(g.YOffset)/64
		if outline, ok := run.Face.GlyphData(g.GlyphID).(font.GlyphOutline); ok && len(outline.Segments) > 0 {
			s.pdf.RawWriteStr("q " + scale + " 0 0 " + scale + " " + number(gx, 3) + " " + number(gy, 3) + " cm\n" + path(outline) + "f\nQ")
		}
		x += float64(g.Advance) / 64
	}
}

// path writes an outline in the operators of PDF. Quadratic curves are raised to cubic ones. Whole units of the font
// are a thousandth of the letter or less.
func path(outline font.GlyphOutline) string {
	var b strings.Builder
	var px, py float32
	point := func(p ot.SegmentPoint) {
		b.WriteString(number(float64(p.X), 0) + " " + number(float64(p.Y), 0) + " ")
	}
	for _, s := range outline.Segments {
		switch s.Op {
		case ot.SegmentOpMoveTo:
			point(s.Args[0])
			b.WriteString("m\n")
			px, py = s.Args[0].X, s.Args[0].Y
		case ot.SegmentOpLineTo:
			point(s.Args[0])
			b.WriteString("l\n")
			px, py = s.Args[0].X, s.Args[0].Y
		case ot.SegmentOpQuadTo:
			q, e := s.Args[0], s.Args[1]
			point(ot.SegmentPoint{X: px + 2*(q.X-px)/3, Y: py + 2*(q.Y-py)/3})
			point(ot.SegmentPoint{X: e.X + 2*(q.X-e.X)/3, Y: e.Y + 2*(q.Y-e.Y)/3})
			point(e)
			b.WriteString("c\n")
			px, py = e.X, e.Y
		case ot.SegmentOpCubeTo:
			point(s.Args[0])
			point(s.Args[1])
			point(s.Args[2])
			b.WriteString("c\n")
			px, py = s.Args[2].X, s.Args[2].Y
		}
	}
	return b.String()
}

// number writes a number with at most so many decimals.
func number(n float64, decimals int) string {
	text := strconv.FormatFloat(n, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

// hidden puts the text of a run under its outlines, word by word: each is spread evenly over the width it has, with
// the space after it. What runs from right to left is written in the order in which it is seen, as PDF wants it.
func (s *sheet) hidden(run shaping.Output, runes []rune, x, y, size float64) {
	starts, ends := extents(run, x)
	first, end := run.Runes.Offset, run.Runes.Offset+run.Runes.Count
	for from := first; from < end; {
		to := from + 1
		for to < end && !unicode.IsSpace(runes[to-1]) {
			to++
		}
		a, b := math.Inf(1), math.Inf(-1)
		for i := from; i < to; i++ {
			a, b = math.Min(a, starts[i-first]), math.Max(b, ends[i-first])
		}
		word := slices.DeleteFunc(slices.Clone(runes[from:to]), func(r rune) bool { return r > 0xffff || unicode.IsControl(r) })
		if run.Direction.Progression() == di.TowardTopLeft {
			slices.Reverse(word)
		}
		if len(word) > 0 && b > a {
			stretch := (b - a) / (float64(len(word)) * glyphWidth / 1000)
			s.pdf.RawWriteStr(fmt.Sprintf("q 3 Tr %s 0 0 %s %s %s cm", number(stretch, 4), number(size, 2), number(a, 3), number(s.height-y, 3)))
			s.pdf.Text(0, s.height, string(word))
			s.pdf.RawWriteStr("Q")
		}
		from = to
	}
}

// extents returns where each rune of a run begins and ends on the page: those of one cluster share its place.
func extents(run shaping.Output, x float64) (starts, ends []float64) {
	starts, ends = make([]float64, run.Runes.Count), make([]float64, run.Runes.Count)
	for i := range starts {
		starts[i], ends[i] = math.Inf(1), math.Inf(-1)
	}
	for _, g := range run.Glyphs {
		next := x + float64(g.Advance)/64
		for i := range g.RunesCount() {
			at := g.TextIndex() - run.Runes.Offset + i
			if at >= 0 && at < len(starts) {
				starts[at], ends[at] = math.Min(starts[at], x), math.Max(ends[at], next)
			}
		}
		x = next
	}
	return starts, ends
}
