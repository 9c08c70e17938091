package lms

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// ItemKind is how a question of a test is answered.
type ItemKind string

// The kinds.
const (
	ItemSingle   ItemKind = "single"
	ItemMultiple ItemKind = "multiple" // every right one and no other
	ItemOrder    ItemKind = "order"    // bring the options into the order in which they are stored
	ItemNumeric  ItemKind = "numeric"
)

// Item is a question of a test in one version. Versions are never changed: an attempt keeps those it began with.
type Item struct {
	Kind      ItemKind `json:"kind"`
	Text      string   `json:"text"`
	Image     string   `json:"image,omitempty"` // a data: URL of a small PNG or JPEG
	Alt       string   `json:"alt,omitempty"`   // what the image shows
	Options   []string `json:"options,omitempty"`
	Right     []int    `json:"right,omitempty"`     // indices of single and multiple
	Number    float64  `json:"number,omitempty"`    // of numeric
	Tolerance float64  `json:"tolerance,omitempty"` // how far from Number is still right
	Unit      string   `json:"unit,omitempty"`
	Why       string   `json:"why,omitempty"`   // shown once the test is passed or over
	AtMS      *int64   `json:"at_ms,omitempty"` // where in the lecture it is answered
}

// Reply is an answer to an item. An empty one is none.
type Reply struct {
	Choices []int    `json:"choices,omitempty"` // indices of options as stored, in order for ItemOrder
	Number  *float64 `json:"number,omitempty"`
}

// TestSettings is how a test is held.
type TestSettings struct {
	PassMark     float64 `json:"pass_mark"` // masteryScore of cmi5: 0 to 1 with at most 4 decimals; shown before
	Attempts     int     `json:"attempts"`  // 0 for any number
	WaitMinutes  int     `json:"wait_minutes"`
	LimitMinutes int     `json:"limit_minutes"` // 0 for none
	Draw         int     `json:"draw"`          // how many items an attempt has; 0 for all
}

// Limits of a test.
const (
	maxItems   = 200
	maxOptions = 12
	maxImage   = 200 << 10
	// attemptGrace is how long after its limit an answer is still taken: it was on its way.
	attemptGrace = 30 * time.Second
)

// Validate checks settings.
func (s TestSettings) Validate() error {
	switch {
	case math.IsNaN(s.PassMark) || s.PassMark < 0 || s.PassMark > 1 || math.Abs(s.PassMark*1e4-math.Round(s.PassMark*1e4)) > 1e-6:
		return invalid("pass_mark", "Enter a pass mark between 0 and 100 %.")
	case s.Attempts < 0 || s.Attempts > 100:
		return invalid("attempts", "Allow 1 to 100 attempts, or 0 for any number.")
	case s.WaitMinutes < 0 || s.WaitMinutes > 60*24*30:
		return invalid("wait_minutes", "Enter at most 30 days between attempts.")
	case s.LimitMinutes < 0 || s.LimitMinutes > 24*60:
		return invalid("limit_minutes", "Enter a limit of at most 1440 minutes, or 0 for none.")
	case s.Draw < 0 || s.Draw > maxItems:
		return invalid("draw", fmt.Sprintf("Draw at most %d questions, or 0 for all.", maxItems))
	}
	return nil
}

// Validate checks an item and returns it with its text in order.
func (i Item) Validate() (Item, error) {
	var err error
	if i.Text, err = parseText("text", i.Text, 1, 2000, "Enter the question, at most 2000 characters."); err != nil {
		return i, err
	}
	if i.Why, err = parseText("why", i.Why, 0, 2000, "Shorten the explanation to at most 2000 characters."); err != nil {
		return i, err
	}
	if i.Image != "" {
		if len(i.Image) > maxImage || !isImage(i.Image) {
			return i, invalid("image", "Choose a PNG or JPEG of at most 150 kB.")
		}
		if i.Alt, err = parseLine("alt", i.Alt, 1, 300, "Say in words what the picture shows."); err != nil {
			return i, err
		}
	}
	if i.Kind == ItemNumeric {
		if math.IsNaN(i.Number) || math.IsInf(i.Number, 0) || !(i.Tolerance >= 0) || math.IsInf(i.Tolerance, 0) {
			return i, invalid("number", "Enter the right number and how far from it is still right.")
		}
		i.Unit, err = parseLine("unit", i.Unit, 0, 20, "A unit has at most 20 characters.")
		i.Options, i.Right = nil, nil
		return i, err
	}
	if len(i.Options) < 2 || len(i.Options) > maxOptions {
		return i, invalid("options", fmt.Sprintf("Give 2 to %d options.", maxOptions))
	}
	i.Options = slices.Clone(i.Options)
	for n, o := range i.Options {
		if i.Options[n], err = parseLine("options", o, 1, 500, "Each option has 1 to 500 characters."); err != nil {
			return i, err
		}
	}
	i.Right = slices.Compact(slices.Sorted(slices.Values(i.Right)))
	for _, r := range i.Right {
		if r < 0 || r >= len(i.Options) {
			return i, invalid("right", "Mark which option is right.")
		}
	}
	switch {
	case i.Kind == ItemSingle && len(i.Right) != 1:
		return i, invalid("right", "Mark the one option that is right.")
	case i.Kind == ItemMultiple && len(i.Right) == 0:
		return i, invalid("right", "Mark the options that are right.")
	case i.Kind == ItemOrder:
		i.Right = nil
	case i.Kind != ItemSingle && i.Kind != ItemMultiple:
		return i, invalid("kind", "Choose single, multiple, order or numeric.")
	}
	return i, nil
}

func isImage(url string) bool {
	const png, jpeg = "data:image/png;base64,", "data:image/jpeg;base64,"
	return len(url) > len(jpeg) && (url[:len(png)] == png || url[:len(jpeg)] == jpeg)
}

// Fits reports whether a reply can be one to the item; an empty one always is.
func (i Item) Fits(r Reply) bool {
	if i.Kind == ItemNumeric {
		return len(r.Choices) == 0 && (r.Number == nil || !math.IsNaN(*r.Number) && !math.IsInf(*r.Number, 0))
	}
	seen := make([]bool, len(i.Options))
	for _, c := range r.Choices {
		if c < 0 || c >= len(i.Options) || seen[c] {
			return false
		}
		seen[c] = true
	}
	return r.Number == nil && (i.Kind != ItemSingle || len(r.Choices) <= 1) && (i.Kind != ItemOrder || len(r.Choices) == 0 || len(r.Choices) == len(i.Options))
}

// IsRight reports whether the reply is the right one.
func (i Item) IsRight(r Reply) bool {
	switch i.Kind {
	case ItemNumeric:
		return r.Number != nil && math.Abs(*r.Number-i.Number) <= i.Tolerance+1e-9*math.Max(1, math.Abs(i.Number))
	case ItemOrder:
		return len(r.Choices) == len(i.Options) && slices.IsSorted(r.Choices)
	}
	return slices.Equal(slices.Sorted(slices.Values(r.Choices)), i.Right)
}

// Score is the share of items that are right, to 4 decimals like cmi5's scaled score.
func Score(items []Item, replies []Reply) float64 {
	if len(items) == 0 {
		return 0
	}
	right := 0
	for n, i := range items {
		if n < len(replies) && i.IsRight(replies[n]) {
			right++
		}
	}
	return math.Round(1e4*float64(right)/float64(len(items))) / 1e4
}

// Drawn is one item of an attempt: which of the bank, and its options in the order shown.
type Drawn struct {
	Item  int
	Order []int // nil for numeric
}

// DrawTest chooses the items of an attempt and shuffles them and their options. Options of an ItemOrder never
// stand in the right order.
func DrawTest(bank []Item, draw int, random io.Reader) ([]Drawn, error) {
	order, err := shuffle(len(bank), random)
	if err != nil {
		return nil, err
	}
	if draw > 0 && draw < len(order) {
		order = order[:draw]
	}
	drawn := make([]Drawn, 0, len(order))
	for _, at := range order {
		d := Drawn{Item: at}
		if bank[at].Kind != ItemNumeric {
			if d.Order, err = shuffle(len(bank[at].Options), random); err != nil {
				return nil, err
			}
			if bank[at].Kind == ItemOrder && slices.IsSorted(d.Order) {
				slices.Reverse(d.Order)
			}
		}
		drawn = append(drawn, d)
	}
	return drawn, nil
}

// shuffle returns 0 to n-1 in random order (Fisher and Yates), for n up to 256.
func shuffle(n int, random io.Reader) ([]int, error) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var b [1]byte
	for i := n - 1; i > 0; {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, fmt.Errorf("draw a test: %w", err)
		}
		if limit := 256 / (i + 1) * (i + 1); int(b[0]) >= limit {
			continue // or the first ones would be likelier
		}
		j := int(b[0]) % (i + 1)
		order[i], order[j] = order[j], order[i]
		i--
	}
	return order, nil
}

// Attempt is what is known of one try at a test.
type Attempt struct {
	Number      int
	StartedAt   time.Time
	DueAt       time.Time // zero without a limit
	SubmittedAt time.Time // zero while open
	Score       float64
	Passed      bool
}

// Open reports whether answers are still taken at the time.
func (a Attempt) Open(now time.Time) bool {
	return a.SubmittedAt.IsZero() && (a.DueAt.IsZero() || !now.After(a.DueAt.Add(attemptGrace)))
}

// Due is when an attempt that begins now ends. extra is the accommodation in percent: 50 gives half as much again.
func (s TestSettings) Due(now time.Time, extra int) time.Time {
	if s.LimitMinutes == 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(s.LimitMinutes) * time.Minute * time.Duration(100+extra) / 100)
}

// MayStart says whether another attempt may begin after the earlier ones, which are in order.
func (s TestSettings) MayStart(earlier []Attempt, now time.Time) error {
	for _, a := range earlier {
		if a.Passed {
			return &Problem{Kind: ErrConflict, Message: "You have passed this test already."}
		}
	}
	n := len(earlier)
	if n == 0 {
		return nil
	}
	last := earlier[n-1]
	if last.Open(now) {
		return &Problem{Kind: ErrConflict, Message: "You have begun an attempt. Go on with it."}
	}
	if s.Attempts > 0 && n >= s.Attempts {
		return &Problem{Kind: ErrConflict, Message: "All attempts are used. Ask the organisers if something went wrong."}
	}
	ended := last.SubmittedAt
	if ended.IsZero() {
		ended = last.DueAt
	}
	if again := ended.Add(time.Duration(s.WaitMinutes) * time.Minute); now.Before(again) {
		return &Problem{Kind: ErrTooMany, Retry: again.Sub(now), Message: "Wait a little before the next attempt. The page says until when."}
	}
	return nil
}

// ItemFigures is how an item did in the attempts that had it.
type ItemFigures struct {
	Answered int     // attempts that were handed in
	Right    float64 // share that were right: the item's difficulty
	// Discrimination is the correlation of being right here with the score in the rest of the test, from -1 to 1; below
	// 0.1 an item tells good from weak no better than chance. NaN with fewer than 5 attempts or no variance.
	Discrimination float64
}

// FiguresOf computes the figures of one item: right says for each attempt whether it was, rest its score without it.
func FiguresOf(right []bool, rest []float64) ItemFigures {
	f := ItemFigures{Answered: len(right), Discrimination: math.NaN()}
	if len(right) == 0 {
		return f
	}
	var sx, sy, sxx, syy, sxy float64
	for i, is := range right {
		x := 0.0
		if is {
			x = 1
		}
		y := rest[i]
		sx, sy, sxx, syy, sxy = sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y
	}
	n := float64(len(right))
	f.Right = sx / n
	if spread := (n*sxx - sx*sx) * (n*syy - sy*sy); len(right) >= 5 && spread > 1e-9 {
		f.Discrimination = (n*sxy - sx*sy) / math.Sqrt(spread)
	}
	return f
}
