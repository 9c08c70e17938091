package lms

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestLease(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	var l Lease
	l = l.Take("laptop", "page-a", at(0))
	l, err := l.Report("page-a", at(10))
	if err != nil || l.Fence != 1 || l.Player() != "page-a" {
		t.Fatalf("the first device: %+v, %v", l, err)
	}
	if _, err := l.Report("page-x", at(11)); !errors.Is(err, ErrConflict) {
		t.Errorf("a device that did not ask: %v", err)
	}
	phone := l.Take("phone", "page-b", at(12))
	if _, err := phone.Report("page-a", at(13)); !errors.Is(err, ErrConflict) {
		t.Errorf("the device that was taken over from: %v", err)
	}
	if phone, err = phone.Report("page-b", at(20)); err != nil || phone.Fence != 2 {
		t.Errorf("the device that took over: %+v, %v", phone, err)
	}
	// The page is loaded again on the same device, and delivers what the one before could not.
	again := phone.Take("phone", "page-c", at(21))
	if again.Player() != "page-c" || fmt.Sprint(again.Players) != "[page-b page-c]" {
		t.Errorf("loaded again: %+v", again)
	}
	if _, err := again.Report("page-b", at(22)); err != nil {
		t.Errorf("what an earlier load could not deliver: %v", err)
	}
	// A device that is gone does not keep others from being counted.
	later, err := again.Report("page-a", at(21).Add(LeaseLife))
	if err != nil || later.Held(at(60)) || later.Fence != 4 {
		t.Errorf("after %v of silence: %+v, %v", LeaseLife, later, err)
	}
	for i := range 50 {
		again = again.Take("phone", fmt.Sprintf("page-%d", i), at(30))
	}
	if len(again.Players) != leasePlayers || again.Player() != "page-49" {
		t.Errorf("50 page loads leave %v", again.Players)
	}
	if got := ParseLeasePlayers(LeasePlayers(again.Players)); fmt.Sprint(got) != fmt.Sprint(again.Players) {
		t.Errorf("stored and read: %v", got)
	}
	if free, err := (Lease{}).Report("page-a", at(0)); err != nil || free.Held(at(0)) || free.Player() != "" {
		t.Error("nobody has the first lease")
	}
}
