package lms

import (
	"strings"
	"unicode"
)

// SimilarAt is how alike two questions are that a moderator is told of as near duplicates.
const SimilarAt = 0.3

// Trigrams is the set of the groups of three letters in a text's words, each word with two spaces before and one after,
// as pg_trgm takes them. Case and punctuation do not count.
type Trigrams map[string]struct{}

// NewTrigrams takes a text apart.
func NewTrigrams(text string) Trigrams {
	set := Trigrams{}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	for _, word := range words {
		letters := []rune("  " + word + " ")
		for i := range len(letters) - 2 {
			set[string(letters[i:i+3])] = struct{}{}
		}
	}
	return set
}

// Similarity is the share of the trigrams of both that they have in common, 0 to 1.
func (t Trigrams) Similarity(o Trigrams) float64 {
	common := 0
	for gram := range t {
		if _, ok := o[gram]; ok {
			common++
		}
	}
	if all := len(t) + len(o) - common; all > 0 {
		return float64(common) / float64(all)
	}
	return 0
}
