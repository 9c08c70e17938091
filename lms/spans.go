package lms

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Span is the whole seconds From, From+1, ... To-1 of a session timeline.
type Span struct{ From, To int32 }

// Spans is a set of seconds: spans in order that neither touch nor overlap nor are empty. The functions
// here return such sets and never change one they were given. The zero value is the empty set.
type Spans []Span

// secondPlayed is how much of a second has to be played for it to count, in ms (lms.md 1.6).
const secondPlayed = 800

// SpansOf makes a set of spans in any order, overlapping, touching or empty.
func SpansOf(spans ...Span) Spans {
	sorted := make(Spans, 0, len(spans))
	for _, s := range spans {
		if s.From < s.To {
			sorted = append(sorted, s)
		}
	}
	slices.SortFunc(sorted, func(a, b Span) int { return int(a.From) - int(b.From) })
	set := sorted[:0]
	for _, s := range sorted {
		if n := len(set); n > 0 && s.From <= set[n-1].To {
			set[n-1].To = max(set[n-1].To, s.To)
			continue
		}
		set = append(set, s)
	}
	if len(set) == 0 {
		return nil
	}
	return set
}

// SecondsPlayed returns the seconds that playing from fromMS to toMS fills to at least 0.8 s.
func SecondsPlayed(fromMS, toMS int64) Spans {
	if fromMS < 0 || toMS <= fromMS {
		return nil
	}
	first, last := fromMS/1000, toMS/1000 // last is the second after the last whole one
	if fromMS-first*1000 > 1000-secondPlayed {
		first++
	}
	if toMS-last*1000 >= secondPlayed && min(toMS, last*1000+1000)-max(fromMS, last*1000) >= secondPlayed {
		last++
	}
	return SpansOf(Span{int32(first), int32(last)})
}

// Union returns the seconds in either set.
func (s Spans) Union(others ...Spans) Spans {
	all := slices.Clone(s)
	for _, o := range others {
		all = append(all, o...)
	}
	return SpansOf(all...)
}

// Subtract returns the seconds of s that are not in o.
func (s Spans) Subtract(o Spans) Spans {
	var left Spans
	for _, span := range s {
		for len(o) > 0 && o[0].To <= span.From {
			o = o[1:]
		}
		for i := 0; i < len(o) && o[i].From < span.To; i++ {
			if span.From < o[i].From {
				left = append(left, Span{span.From, o[i].From})
			}
			span.From = o[i].To
		}
		if span.From < span.To {
			left = append(left, span)
		}
	}
	return left
}

// Intersect returns the seconds in both sets.
func (s Spans) Intersect(o Spans) Spans {
	var both Spans
	for i, j := 0, 0; i < len(s) && j < len(o); {
		if from, to := max(s[i].From, o[j].From), min(s[i].To, o[j].To); from < to {
			both = append(both, Span{from, to})
		}
		if s[i].To < o[j].To {
			i++
		} else {
			j++
		}
	}
	return both
}

// First returns the first n seconds of s.
func (s Spans) First(n int64) Spans {
	var first Spans
	for _, span := range s {
		if n <= 0 {
			break
		}
		span.To = int32(min(int64(span.To), int64(span.From)+n))
		n -= int64(span.To - span.From)
		first = append(first, span)
	}
	return first
}

// Gaps returns what s lacks of within.
func (s Spans) Gaps(within Spans) Spans { return within.Subtract(s) }

// Clip returns the seconds of s from from to to-1.
func (s Spans) Clip(from, to int32) Spans { return s.Intersect(SpansOf(Span{from, to})) }

// Len is the number of seconds.
func (s Spans) Len() int64 {
	var n int64
	for _, span := range s {
		n += int64(span.To) - int64(span.From)
	}
	return n
}

// Share is how much of the countable seconds s holds, from 0 to 1. It is 0 when nothing counts.
func (s Spans) Share(countable Spans) float64 {
	all := countable.Len()
	if all == 0 {
		return 0
	}
	return float64(s.Intersect(countable).Len()) / float64(all)
}

// String returns the text form of PostgreSQL's int4multirange: {[0,10),[20,30)}.
func (s Spans) String() string {
	b := make([]byte, 0, 2+12*len(s))
	b = append(b, '{')
	for i, span := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(span.From), 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(span.To), 10)
		b = append(b, ')')
	}
	return string(append(b, '}'))
}

// ParseSpans reads what String writes. Spans out of order or touching are put right; bounds before 0 are
// refused, for a timeline starts there.
func ParseSpans(text string) (Spans, error) {
	inner, ok := strings.CutPrefix(text, "{")
	inner, ok2 := strings.CutSuffix(inner, "}")
	if !ok || !ok2 {
		return nil, fmt.Errorf("parse spans %.40q: %w", text, ErrInvalid)
	}
	var spans []Span
	for inner != "" {
		part, rest, closed := strings.Cut(inner, ")")
		from, to, two := strings.Cut(part, ",")
		digits, open := strings.CutPrefix(from, "[")
		a, errA := strconv.ParseInt(digits, 10, 32)
		b, errB := strconv.ParseInt(to, 10, 32)
		if !closed || !two || !open || errA != nil || errB != nil || a < 0 || b <= a {
			return nil, fmt.Errorf("parse spans %.40q: %w", text, ErrInvalid)
		}
		spans = append(spans, Span{int32(a), int32(b)})
		inner = rest
		if inner == "" {
			break
		}
		if inner, ok = strings.CutPrefix(inner, ","); !ok || inner == "" {
			return nil, fmt.Errorf("parse spans %.40q: %w", text, ErrInvalid)
		}
	}
	return SpansOf(spans...), nil
}
