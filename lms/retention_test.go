package lms

import (
	"errors"
	"testing"
	"time"
)

func TestRetainedUntil(t *testing.T) {
	ended := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	days := func(n int) *int { return &n }
	for _, c := range []struct {
		name              string
		ended             time.Time
		course, programme *int
		want              time.Time
	}{
		{"for good", ended, nil, nil, time.Time{}},
		{"by the programme", ended, nil, days(30), ended.AddDate(0, 0, 30)},
		{"by the course", ended, days(7), days(30), ended.AddDate(0, 0, 7)},
		{"not yet ended", time.Time{}, days(7), nil, time.Time{}},
	} {
		if got := RetainedUntil(c.ended, c.course, c.programme); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for n, ok := range map[int]bool{-1: false, 0: false, 1: true, 36_500: true, 36_501: false} {
		if err := CheckRetention(&n); (err == nil) != ok {
			t.Errorf("%d days: %v", n, err)
		}
	}
	if err := CheckRetention(nil); err != nil {
		t.Error(err)
	}
}

func TestConfirmDeletion(t *testing.T) {
	for typed, ok := range map[string]bool{"Ovarian reserve": true, " ovarian  RESERVE ": true, "Ovarian": false, "": false} {
		if err := ConfirmDeletion("Ovarian reserve", typed); (err == nil) != ok {
			t.Errorf("%q: %v", typed, err)
		}
	}
	if ConfirmDeletion("", "") == nil {
		t.Error("a course without a title is deleted by nothing")
	}
}

func TestChangeRecorded(t *testing.T) {
	for _, tc := range []struct{ recorded, wanted, begun, fails bool }{
		{true, true, true, false},
		{true, false, false, false},
		{false, true, false, false},
		{true, false, true, true},
		{false, true, true, true},
		{false, false, true, false},
	} {
		if err := ChangeRecorded(tc.recorded, tc.wanted, tc.begun); (err != nil) != tc.fails || err != nil && !errors.Is(err, ErrConflict) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}
