package forward

import "time"

// answersKept is how many questions are remembered: those of a second on a line that loses a quarter.
const answersKept = 64

// Answers remembers which packets were sent again and when. Browsers that only receive do not know the round trip and ask
// every 100 ms: on a long line several times before the answer can be there. The zero value is empty.
type Answers struct {
	sequence [answersKept]uint16
	at       [answersKept]int64 // Unix time of the answer in ns, 1 for asked and not answered, 0 for nothing
}

// First reports whether a packet is asked for the first time of late, and remembers it.
func (a *Answers) First(sequence uint16) bool {
	i := sequence % answersKept
	if a.at[i] != 0 && a.sequence[i] == sequence {
		return false
	}
	a.sequence[i], a.at[i] = sequence, 1
	return true
}

// Due reports whether to answer the question for a packet now: not if it was answered less than least ago.
func (a *Answers) Due(sequence uint16, now time.Time, least time.Duration) bool {
	i := sequence % answersKept
	return a.sequence[i] != sequence || now.UnixNano()-a.at[i] >= int64(least)
}

// Given notes an answer.
func (a *Answers) Given(sequence uint16, now time.Time) {
	i := sequence % answersKept
	a.sequence[i], a.at[i] = sequence, now.UnixNano()
}
