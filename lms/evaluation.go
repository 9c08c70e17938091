package lms

// Dimension is one thing that attendees give stars for (lms.md 1.8).
type Dimension string

// Dimensions are those of the evaluation form, in its order.
var Dimensions = []Dimension{"clarity", "content", "materials", "clarification", "pace", "recommendation"}

// Bias says whether a commercial interest was felt (ACCME Standard 2 asks for content free of marketing).
type Bias string

// The answers.
const (
	BiasNone Bias = "none"
	BiasSome Bias = "some"
)

// Evaluation is what one attendee thinks of a lecture. It is stored apart from who that is.
type Evaluation struct {
	Stars map[Dimension]int // 1 to 5 for each dimension
	Bias  Bias
	// BiasText says where, Text is anything else.
	BiasText, Text string
}

// MinShown is how few answers are never shown broken down, for a reader could guess whose they are.
const MinShown = 5

// Validate checks a form and returns it with its texts in order.
func (e Evaluation) Validate() (Evaluation, error) {
	for _, d := range Dimensions {
		if s := e.Stars[d]; s < 1 || s > 5 {
			return e, invalid(string(d), "Give 1 to 5 stars.")
		}
	}
	if len(e.Stars) != len(Dimensions) {
		return e, invalid("stars", "Give stars for each line.")
	}
	if e.Bias != BiasNone && e.Bias != BiasSome {
		return e, invalid("bias", "Say whether you felt a commercial bias.")
	}
	var err error
	if e.BiasText, err = parseText("bias_text", e.BiasText, 0, 2000, "Shorten this to at most 2000 characters."); err != nil {
		return e, err
	}
	e.Text, err = parseText("text", e.Text, 0, 4000, "Shorten this to at most 4000 characters.")
	return e, err
}

// EvaluationFigures is what all answers together say. It is empty below MinShown.
type EvaluationFigures struct {
	Count  int
	Shown  bool
	Stars  map[Dimension][5]int // how many gave 1 to 5
	Biased int
	Texts  []string // in no order
}

// SumEvaluations adds answers up, or says only how many there are while they are too few to hide a person.
func SumEvaluations(all []Evaluation) EvaluationFigures {
	f := EvaluationFigures{Count: len(all), Shown: len(all) >= MinShown}
	if !f.Shown {
		return f
	}
	f.Stars = make(map[Dimension][5]int, len(Dimensions))
	for _, e := range all {
		for _, d := range Dimensions {
			if s := e.Stars[d]; s >= 1 && s <= 5 {
				counts := f.Stars[d]
				counts[s-1]++
				f.Stars[d] = counts
			}
		}
		if e.Bias == BiasSome {
			f.Biased++
		}
		for _, text := range []string{e.BiasText, e.Text} {
			if text != "" {
				f.Texts = append(f.Texts, text)
			}
		}
	}
	return f
}
